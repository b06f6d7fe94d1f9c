//! MW2205: meshNetworks spells a network otherwise than its clusters.

use std::collections::{BTreeMap, BTreeSet};

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2205: meshNetworks spells a network otherwise than its clusters.
pub(super) struct MisspeltNetwork;

static RULE: Rule = Rule {
    code: "MW2205",
    name: "misspelt-network",
    severity: Severity::Error,
    title: "meshNetworks spells a network otherwise than its clusters",
    docs: include_str!("../../docs/MW2205.md"),
};

impl Policy for MisspeltNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        // Network by its bare letters, in each fleet.
        let mut known: BTreeMap<(&str, String), &str> = BTreeMap::new();
        let mut spelt = BTreeSet::new();
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            if let Some(network) = cluster.network() {
                known.insert((&cluster.scope, bare(network)), network);
                spelt.insert(network);
            }
        }
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| *fact == Fact::NamedNetwork) {
                let name = &stated.claim.value;
                let Some(network) = known.get(&(cluster.scope.as_str(), bare(name))) else { continue };
                if network == name || spelt.contains(name.as_str()) {
                    continue;
                }
                let message = format!(
                    "`meshNetworks` of {} names network `{name}`, but the cluster on it calls it `{network}`",
                    cluster.called()
                );
                findings.push(
                    stated
                        .finding(&RULE, message)
                        .found(name)
                        .help(format!("did you mean `{network}`?"))
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

/// The letters and digits alone: `network_c1` and `Network-C1` are meant to be the same.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
