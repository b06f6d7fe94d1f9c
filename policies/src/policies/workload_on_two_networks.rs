//! MW2111: workload claims two networks.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2111: workload claims two networks.
pub(super) struct WorkloadOnTwoNetworks;

static RULE: Rule = Rule {
    code: "MW2111",
    name: "workload-on-two-networks",
    severity: Severity::Error,
    title: "workload claims two networks",
    docs: include_str!("../../docs/MW2111.md"),
};

impl Policy for WorkloadOnTwoNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    // Each endpoint of a ServiceEntry is a workload of its own.
    if claims.object.starts_with("ServiceEntry/") {
        return Vec::new();
    }
    let networks = claims.list.iter().filter(|claim| matches!(claim.fact, Fact::WorkloadNetwork { .. }));
    let networks: Vec<&Claim> = networks.collect();
    let Some((first, others)) = networks.split_first() else { return Vec::new() };
    let differing = others.iter().filter(|other| other.value != first.value);
    let fault = |other: &&'_ Claim| (other.value.clone(), other.path.clone());
    differing
        .map(|other| {
            let (found, path) = fault(other);
            let message = format!(
                "the workload is on network `{found}` by `{path}`, and on `{}` by `{}`",
                first.value, first.path
            );
            Fault::new(other, message, "write one network, or none: injection fills it in").against(first)
        })
        .collect()
}
