//! MW6002: Istio does not announce support for this Kubernetes.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW6002: Istio does not announce support for this Kubernetes.
#[derive(Debug)]
pub(super) struct KubernetesNotAnnounced;

static RULE: Rule = Rule {
    code: "MW6002",
    name: "kubernetes-not-announced",
    severity: Severity::Warning,
    title: "Istio does not announce support for this Kubernetes",
    docs: include_str!("../../docs/MW6002.md"),
};

impl Policy for KubernetesNotAnnounced {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let Some(kubernetes) = &cluster.spec.kubernetes.version else { continue };
            let istio = &cluster.istio.version;
            let Some(release) = support::of(istio.minor()) else { continue };
            let (first, last) = release.announced;
            let minor = kubernetes.minor();
            if minor < release.minimum || (first..=last).contains(&minor) {
                continue;
            }
            let other = match minor < first {
                true => support::supporting(minor).last(),
                false => support::supporting(minor).next(),
            };
            let help = match other {
                Some(other) => format!(
                    "use Kubernetes {first} to {last}, or Istio {}, which supports {minor}",
                    other.istio
                ),
                None => {
                    format!("use Kubernetes {first} to {last}; no known release of Istio announces {minor}")
                }
            };
            let message = format!(
                "Istio {istio} announces support for Kubernetes {first} to {last}, not for {kubernetes}"
            );
            let finding = cluster
                .finding(&RULE, cluster.written.place("spec.kubernetes.version"), message)
                .found(kubernetes)
                .help(help);
            findings.push(cluster.against_istio(finding));
        }
    }
}
