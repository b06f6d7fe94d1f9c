//! MW6251: CRDs of the Gateway API are older than Istio's.

use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::support;
use crate::version::Version;

/// MW6251: CRDs of the Gateway API are older than Istio's.
pub(super) struct OldGatewayApiCrds;

static RULE: Rule = Rule {
    code: "MW6251",
    name: "old-gateway-api-crds",
    severity: Severity::Warning,
    title: "CRDs of the Gateway API are older than those that Istio is built for",
    docs: include_str!("../../docs/MW6251.md"),
};

/// The object whose CRDs say their release.
const CRD: &str = "gateways.gateway.networking.k8s.io";

impl Policy for OldGatewayApiCrds {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let crds =
                cluster.subjects.iter().filter(|s| s.kind == "CustomResourceDefinition" && s.name == CRD);
            for subject in crds {
                judge(cluster, subject, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let path = FieldPath::parse("metadata.annotations").key("gateway.networking.k8s.io/bundle-version");
    let Some(bundle) = subject.document.at(&path).and_then(Node::as_str) else { return };
    let Ok(own) = bundle.parse::<Version>() else { return };
    let istio = cluster.subjects.iter().find_map(|other| {
        let paths: &[&str] = match other.kind.as_str() {
            "HelmRelease" if other.text("spec.chart.spec.chart").as_deref() == Some("istiod") => {
                &["spec.chart.spec.version"]
            }
            "Application" if other.text("spec.source.chart").as_deref() == Some("istiod") => {
                &["spec.source.targetRevision"]
            }
            "Istio" => &["spec.version"],
            _ => return None,
        };
        let path = paths.first()?;
        Some((other, FieldPath::parse(path), other.text(path)?.parse::<Version>().ok()?))
    });
    let Some((plane, place, istio)) = istio else { return };
    let Some(release) = support::of(istio.minor()).filter(|release| release.gateway_api > own.minor()) else {
        return;
    };
    let message = format!(
        "the CRDs are of Gateway API {own}, but Istio {istio} is built for {}.{}: newer objects are not watched",
        release.gateway_api.0, release.gateway_api.1
    );
    findings.push(
        subject
            .finding(&RULE, &path, message)
            .found(bundle)
            .related(plane.place(&place), "Istio's release is here")
            .help(format!("install the CRDs of {}.{}", release.gateway_api.0, release.gateway_api.1))
            .cluster(&cluster.name),
    );
}
