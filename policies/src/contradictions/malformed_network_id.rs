//! MW2212: network ID cannot be one everywhere.

use crate::claim::{Fact, SaidBy};
use crate::finding::{Findings, Rule, Severity};
use crate::names::LabelValue;
use crate::node::{Step, Value};
use crate::policy::Policy;
use crate::repository::{Repository, Stated};

/// MW2212: network ID cannot be one everywhere.
pub(super) struct MalformedNetworkId;

static RULE: Rule = Rule {
    code: "MW2212",
    name: "malformed-network-id",
    severity: Severity::Error,
    title: "network ID cannot be one everywhere",
    docs: include_str!("../../docs/MW2212.md"),
};

impl Policy for MalformedNetworkId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let is_network = |fact: &Fact| {
            matches!(
                fact,
                Fact::Network
                    | Fact::NamespaceNetwork { .. }
                    | Fact::GatewayNetwork { .. }
                    | Fact::WorkloadNetwork { .. }
                    | Fact::NamedNetwork
                    | Fact::NetworkView { .. }
                    | Fact::ProxyView
            )
        };
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| is_network(fact)) {
                let Some((message, help)) = fault(&stated) else { continue };
                findings.push(
                    stated
                        .finding(&RULE, message)
                        .found(&stated.claim.value)
                        .help(help)
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

fn fault(stated: &Stated<'_>) -> Option<(String, String)> {
    let text = &stated.claim.value;
    // A view is a list of them.
    let is_view = matches!(stated.claim.fact, Fact::NetworkView { .. } | Fact::ProxyView);
    let ids: Vec<&str> = if is_view { text.split(',').map(str::trim).collect() } else { vec![text] };
    if let Some(id) = ids.into_iter().find(|id| LabelValue::new(*id).is_err()) {
        let message = format!("`{id}` cannot be the value of a label, as a network ID has to be");
        return Some((message, "use letters, digits, `-`, `_` and `.`, at most 63".to_owned()));
    }
    let node = stated.subject.document.at(&stated.claim.path)?;
    let kind = match node.value {
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        _ => return None,
    };
    let message = format!("`{text}` is {kind} to YAML, where only a string is taken");
    wants_string(stated).then(|| (message, format!("quote it: `\"{text}\"`")))
}

/// Labels, annotations and variables of objects have to be strings. Charts quote what their values say; only the schema of
/// the gateway chart takes no other `networkGateway` (istio/istio: `manifests/charts/gateway/values.schema.json`,
/// `manifests/charts/gateway/templates/deployment.yaml`).
fn wants_string(stated: &Stated<'_>) -> bool {
    let path = &stated.claim.path.0;
    let has = |key: &str| path.iter().any(|step| matches!(step, Step::Key(own) if own == key));
    let ends = |key: &str| matches!(path.last(), Some(Step::Key(own)) if own == key);
    let is_field = matches!(stated.claim.fact, Fact::WorkloadNetwork { by: SaidBy::Field });
    // So does Argo CD with its parameters, and the CRDs of workload entries.
    if ends("networkGateway") || (has("parameters") && ends("value")) || is_field {
        return true;
    }
    let in_values = match stated.subject.kind.as_str() {
        "" | "HelmRelease" | "Application" | "ApplicationSet" => true,
        "IstioOperator" | "Istio" | "IstioRevision" | "ZTunnel" => has("values"),
        _ => false,
    };
    !in_values
        && (["labels", "label", "annotations", "environmentVariables"].into_iter().any(has) || ends("value"))
}
