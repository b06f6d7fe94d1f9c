//! MW2115: meshNetworks counts one cluster twice.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2115: meshNetworks counts one cluster twice.
pub(super) struct MemberOfTwoNetworks;

static RULE: Rule = Rule {
    code: "MW2115",
    name: "member-of-two-networks",
    severity: Severity::Error,
    title: "meshNetworks counts one cluster twice",
    docs: include_str!("../../docs/MW2115.md"),
};

impl Policy for MemberOfTwoNetworks {
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
    let mut seen: Vec<(&str, &Claim)> = Vec::new();
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::Member { network } = &claim.fact else { continue };
        let id = &claim.value;
        match seen.iter().find(|(_, first)| first.value == *id) {
            Some((other, first)) if *other == network.as_str() => {
                let message = format!("network `{network}` counts cluster `{id}` twice");
                faults.push(Fault::new(claim, message, "remove one").against(first).warning());
            }
            Some((other, first)) => {
                let message = format!(
                    "cluster `{id}` is counted to network `{network}` and to `{other}`: chance decides"
                );
                let help = format!("name `{id}` under the network that its own label and values name");
                faults.push(Fault::new(claim, message, help).against(first));
            }
            None => seen.push((network, claim)),
        }
    }
    faults
}
