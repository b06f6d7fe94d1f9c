//! MW2114: two networks of meshNetworks have one address.

use ipnet::IpNet;

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2114: two networks of meshNetworks have one address.
pub(super) struct OverlappingNetworkRanges;

static RULE: Rule = Rule {
    code: "MW2114",
    name: "overlapping-network-ranges",
    severity: Severity::Error,
    title: "two networks of meshNetworks have one address",
    docs: include_str!("../../docs/MW2114.md"),
};

impl Policy for OverlappingNetworkRanges {
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
    let mut seen: Vec<(&str, IpNet, &Claim)> = Vec::new();
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::MemberRange { network } = &claim.fact else { continue };
        let Ok(range) = claim.value.parse::<IpNet>() else { continue };
        let overlaps = |other: &IpNet| other.contains(&range) || range.contains(other);
        let other = seen.iter().find(|(other, known, _)| *other != network.as_str() && overlaps(known));
        if let Some((other, known, first)) = other {
            let message = format!(
                "`{range}` of network `{network}` overlaps `{known}` of `{other}`: the first that is found wins"
            );
            let help = "give each address to one network; `fromRegistry` takes whole clusters instead";
            faults.push(Fault::new(claim, message, help).against(first));
        }
        seen.push((network, range, claim));
    }
    faults
}
