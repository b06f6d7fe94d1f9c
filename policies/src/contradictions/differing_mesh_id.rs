//! MW1202: one control plane is given two mesh IDs.

use super::{differing, differing_workloads};
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1202: one control plane is given two mesh IDs.
pub(super) struct DifferingMeshId;

static RULE: Rule = Rule {
    code: "MW1202",
    name: "differing-mesh-id",
    severity: Severity::Error,
    title: "one control plane is given two mesh IDs",
    docs: include_str!("../../docs/MW1202.md"),
};

impl Policy for DifferingMeshId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for plane in cluster.planes() {
                let stated = cluster.stated(|subject, fact| *fact == Fact::MeshId && subject.plane == plane);
                differing(&RULE, cluster, "mesh ID", &stated, findings);
            }
            let is_workload = |fact: &Fact| matches!(fact, Fact::WorkloadMeshId { .. });
            differing_workloads(&RULE, cluster, "mesh ID", &Fact::MeshId, is_workload, findings);
        }
    }
}
