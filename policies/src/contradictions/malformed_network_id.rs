//! MW2212: network ID cannot be one everywhere.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::names::LabelValue;
use crate::node::Value;
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
    let id = &stated.claim.value;
    if LabelValue::new(id.as_str()).is_err() {
        let message = format!("`{id}` cannot be the value of a label, as a network ID has to be");
        return Some((message, "use letters, digits, `-`, `_` and `.`, at most 63".to_owned()));
    }
    // Only labels, annotations and variables have to be strings.
    let node = stated.subject.document.at(&stated.claim.path)?;
    let path = stated.claim.path.to_string();
    let is_string = path.contains("labels") || path.contains("env") || path.contains("environmentVariables");
    let kind = match node.value {
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        _ => return None,
    };
    let has_list = path.ends_with(".value") || is_string;
    let message = format!("`{id}` is {kind} to YAML, and Kubernetes takes strings only here");
    has_list.then(|| (message, format!("quote it: `\"{id}\"`")))
}
