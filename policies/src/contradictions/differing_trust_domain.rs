//! MW1210: one cluster is given two trust domains.

use super::{differing, differing_workloads};
use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1210: one cluster is given two trust domains.
pub(super) struct DifferingTrustDomain;

static RULE: Rule = Rule {
    code: "MW1210",
    name: "differing-trust-domain",
    severity: Severity::Warning,
    title: "one cluster is given two trust domains",
    docs: include_str!("../../docs/MW1210.md"),
};

impl Policy for DifferingTrustDomain {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for plane in cluster.planes() {
                let mut stated =
                    cluster.stated(|subject, fact| *fact == Fact::TrustDomain && subject.plane == plane);
                // Templates read `global.trustDomain` only where the mesh configuration has none.
                stated.retain(|stated| is_of_mesh(stated.claim));
                differing(&RULE, cluster, "trust domain", &stated, findings);
            }
            let is_workload = |fact: &Fact| *fact == Fact::WorkloadTrustDomain;
            differing_workloads(&RULE, cluster, "trust domain", &Fact::TrustDomain, is_workload, findings);
        }
    }
}

fn is_of_mesh(claim: &Claim) -> bool {
    !claim.path.0.iter().any(|step| matches!(step, Step::Key(key) if key == "global"))
}
