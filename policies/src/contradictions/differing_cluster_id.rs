//! MW1201: one cluster is given two cluster IDs.

use super::{differing, differing_workloads};
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
                let mut stated = cluster.stated(|subject, fact| match fact {
                    Fact::ClusterId => subject.plane == plane,
                    Fact::IstiodVariable { name } if name == "CLUSTER_ID" => {
                        subject.kind == "Deployment" && subject.namespace.as_deref() == Some(plane)
                    }
                    _ => false,
                });
                stated.sort_by_key(|stated| stated.claim.fact != Fact::ClusterId);
                differing(&RULE, cluster, "cluster ID", &stated, findings);
            }
            let is_workload = |fact: &Fact| matches!(fact, Fact::WorkloadClusterId { .. });
            differing_workloads(&RULE, cluster, "cluster ID", &Fact::ClusterId, is_workload, findings);
        }
    }
}
