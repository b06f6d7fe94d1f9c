//! MW1208: a cluster ID that not everything of Istio takes.

use std::collections::BTreeSet;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::names::ClusterId;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1208: a cluster ID that not everything of Istio takes.
pub(super) struct MalformedClusterId;

static RULE: Rule = Rule {
    code: "MW1208",
    name: "malformed-cluster-id",
    severity: Severity::Warning,
    title: "cluster ID that meshNetworks cannot name",
    docs: include_str!("../../docs/MW1208.md"),
};

impl Policy for MalformedClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            let mut told = BTreeSet::new();
            let is_id = |fact: &Fact| matches!(fact, Fact::ClusterId | Fact::RemoteCluster { .. });
            for stated in cluster.stated(|_, fact| is_id(fact)) {
                let id = &stated.claim.value;
                let Err(error) = ClusterId::new(id.as_str()) else { continue };
                if !told.insert(id) {
                    continue;
                }
                let message = format!(
                    "`{id}` as the ID of a cluster cannot stand in `fromRegistry` of `meshNetworks`: that takes {}",
                    error.rule
                );
                findings.push(
                    stated
                        .finding(&RULE, message)
                        .found(id)
                        .help(format!("call the cluster `{}`, wherever its ID stands", usable(id)))
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

/// The nearest ID that is one.
fn usable(id: &str) -> String {
    let letters = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let text: String = letters.take(63).collect();
    text.trim_matches('-').to_owned()
}
