//! MW5211: remotePilotAddress is a name that only one cluster knows.

use crate::claim::{Claims, Fact};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW5211: remotePilotAddress is a name that only one cluster knows.
pub(super) struct ControlPlaneInside;

static RULE: Rule = Rule {
    code: "MW5211",
    name: "control-plane-inside",
    severity: Severity::Error,
    title: "remotePilotAddress is a name that only one cluster knows",
    docs: include_str!("../../docs/MW5211.md"),
};

impl Policy for ControlPlaneInside {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| claim.fact == Fact::ControlPlaneAddress) {
        let name = claim.value.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".svc") || name.ends_with(".svc.cluster.local") {
            let message =
                format!("`{}` is looked up in the remote cluster itself, where no istiod runs", claim.value);
            let help = "write the address at which the primary hands out istiod, usually that of its east-west gateway";
            faults.push(Fault::new(claim, message, help));
        }
    }
    faults
}
