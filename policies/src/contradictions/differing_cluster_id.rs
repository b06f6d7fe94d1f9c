//! MW1201: one cluster is given two cluster IDs.

use super::differing;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1201: one cluster is given two cluster IDs.
pub(super) struct DifferingClusterId;

static RULE: Rule = Rule {
    code: "MW1201",
    name: "differing-cluster-id",
    severity: Severity::Error,
    title: "one cluster is given two cluster IDs",
    docs: include_str!("../../docs/MW1201.md"),
};

impl Policy for DifferingClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for plane in cluster.planes() {
                let stated =
                    cluster.stated(|subject, fact| *fact == Fact::ClusterId && subject.plane == plane);
                differing(&RULE, cluster, "cluster ID", &stated, findings);
            }
        }
    }
}
