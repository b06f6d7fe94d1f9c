//! MW4256: a gateway lies in a namespace where nothing is injected.

use crate::chart_keys::Chart;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4256: a gateway lies in a namespace where nothing is injected.
pub(super) struct GatewayNotInjected;

static RULE: Rule = Rule {
    code: "MW4256",
    name: "gateway-not-injected",
    severity: Severity::Error,
    title: "gateway that needs injection lies in a namespace that has it disabled",
    docs: include_str!("../../docs/MW4256.md"),
};

impl Policy for GatewayNotInjected {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in &cluster.subjects {
                if let Some((path, namespace)) = injected(subject) {
                    judge(cluster, subject, &path, &namespace, findings);
                }
            }
        }
    }
}

/// The namespace of a gateway whose pods have no image before they are injected.
fn injected(subject: &Manifest) -> Option<(FieldPath, String)> {
    let path = match subject.kind.as_str() {
        "HelmRelease" if is_gateway_chart(subject) => {
            let target = FieldPath::parse("spec.targetNamespace");
            if subject.document.at(&target).is_some() {
                target
            } else {
                FieldPath::parse("metadata.namespace")
            }
        }
        "Application" if is_gateway_chart(subject) => FieldPath::parse("spec.destination.namespace"),
        "Deployment" => {
            let pods = subject.document.at(&"spec.template.metadata.annotations".into())?;
            let template = pods.get("inject.istio.io/templates").and_then(Node::as_str)?;
            if template != "gateway" {
                return None;
            }
            FieldPath::parse("metadata.namespace")
        }
        "IstioOperator" => {
            let own =
                FieldPath::parse("spec.values.gateways").key("istio-ingressgateway").key("injectionTemplate");
            if subject.document.at(&own).and_then(Node::as_str) != Some("gateway") {
                return None;
            }
            return Some((own, subject.plane.clone()));
        }
        _ => return None,
    };
    let namespace = subject.document.at(&path).and_then(Node::as_str)?.to_owned();
    Some((path, namespace))
}

fn is_gateway_chart(subject: &Manifest) -> bool {
    subject.chart_values().iter().any(|values| values.chart == Some(Chart::Gateway))
}

/// The webhooks for single pods take no namespace with the label at all (istio/istio:
/// `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
fn judge(cluster: &Cluster, subject: &Manifest, path: &FieldPath, namespace: &str, findings: &mut Findings) {
    let label = FieldPath::parse("metadata.labels").key("istio-injection");
    let disabled = |other: &&Manifest| {
        other.kind == "Namespace"
            && other.name == namespace
            && other.document.at(&label).and_then(Node::as_str) == Some("disabled")
    };
    let Some(home) = cluster.subjects.iter().find(disabled) else { return };
    let message = format!(
        "the gateway's pods are injected, but namespace `{namespace}` has injection disabled: they start without a proxy"
    );
    findings.push(
        subject
            .finding(&RULE, path, message)
            .found(namespace)
            .related(home.place(&label), "injection is disabled here")
            .help("remove the label `istio-injection: disabled`, or install the gateway in another namespace")
            .cluster(&cluster.name),
    );
}
