//! MW4158: a DestinationRule names a subset twice.

use std::collections::BTreeMap;

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// A DestinationRule names a subset twice.
pub(super) struct RepeatedSubset;

static RULE: Rule = Rule {
    code: "MW4158",
    name: "repeated-subset",
    severity: Severity::Error,
    title: "DestinationRule names a subset twice",
    docs: include_str!("../../docs/MW4158.md"),
};

impl Policy for RepeatedSubset {
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

/// Gateways between networks make one filter chain per subset, and Envoy refuses two that match alike (istio/istio#50353;
/// `pilot/pkg/networking/core/gateway.go`, `builtAutoPassthroughFilterChains`).
fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut seen: BTreeMap<&str, &Claim> = BTreeMap::new();
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| matches!(claim.fact, Fact::SubsetName { .. })) {
        match seen.get(claim.value.as_str()) {
            None => drop(seen.insert(&claim.value, claim)),
            Some(first) => {
                let message = format!(
                    "subset `{}` is named twice: gateways between networks refuse their whole listener",
                    claim.value
                );
                let fault =
                    Fault::new(claim, message, "give the second subset a name of its own, or remove it");
                faults.push(fault.against(first));
            }
        }
    }
    faults
}
