//! MW5210: remotePilotAddress is no address.

use std::net::IpAddr;

use crate::claim::{Claims, Fact};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::names::is_resolvable_name;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW5210: remotePilotAddress is no address.
pub(super) struct MalformedControlPlaneAddress;

static RULE: Rule = Rule {
    code: "MW5210",
    name: "malformed-control-plane-address",
    severity: Severity::Error,
    title: "remotePilotAddress is no address",
    docs: include_str!("../../docs/MW5210.md"),
};

impl Policy for MalformedControlPlaneAddress {
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
        let found = claim.value.as_str();
        if found.parse::<IpAddr>().is_ok() || is_resolvable_name(found) {
            continue;
        }
        let message = format!("`{found}` is neither an IP address nor the name of a host");
        faults.push(Fault::new(claim, message, "write the address alone, without scheme, port and path"));
    }
    faults
}
