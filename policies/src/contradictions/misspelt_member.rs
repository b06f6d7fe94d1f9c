//! MW2211: meshNetworks names a cluster that is spelled otherwise elsewhere.

use std::collections::BTreeMap;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2211: meshNetworks names a cluster that is spelled otherwise elsewhere.
pub(super) struct MisspeltMember;

static RULE: Rule = Rule {
    code: "MW2211",
    name: "misspelt-member",
    severity: Severity::Error,
    title: "meshNetworks names a cluster that is spelled otherwise elsewhere",
    docs: include_str!("../../docs/MW2211.md"),
};

impl Policy for MisspeltMember {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut known: BTreeMap<(&str, String), &str> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            if let Some(id) = cluster.cluster_id() {
                known.insert((&cluster.scope, plain(id)), id);
            }
        }
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::Member { .. })) {
                let found = &stated.claim.value;
                let key = (cluster.scope.as_str(), plain(found));
                let Some(id) = known.get(&key).filter(|id| **id != found.as_str()) else { continue };
                let message = format!(
                    "`fromRegistry: {found}` is no cluster; `{id}` is one, and case and separators count"
                );
                findings.push(
                    stated
                        .finding(&RULE, message)
                        .found(found)
                        .help(format!("write `{id}`"))
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
