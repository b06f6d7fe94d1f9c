//! MW2201: one cluster is given two networks.

use super::differing;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2201: one cluster is given two networks.
pub(super) struct DifferingNetwork;

static RULE: Rule = Rule {
    code: "MW2201",
    name: "differing-network",
    severity: Severity::Error,
    title: "one cluster is given two networks",
    docs: include_str!("../../docs/MW2201.md"),
};

impl Policy for DifferingNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            differing(&RULE, cluster, "network", &cluster.networks(), findings);
        }
    }
}
