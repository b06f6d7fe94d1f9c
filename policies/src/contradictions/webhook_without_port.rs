//! MW5212: injection goes to port 443 of a name.

use std::net::IpAddr;

use crate::claim::{Claims, Fact};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::names::is_resolvable_name;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW5212: injection goes to port 443 of a name.
pub(super) struct WebhookWithoutPort;

static RULE: Rule = Rule {
    code: "MW5212",
    name: "webhook-without-port",
    severity: Severity::Warning,
    title: "injection goes to port 443 of a name",
    docs: include_str!("../../docs/MW5212.md"),
};

impl Policy for WebhookWithoutPort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let address = claims.list.iter().find(|claim| claim.fact == Fact::ControlPlaneAddress);
    let is_name = |text: &str| text.parse::<IpAddr>().is_err() && is_resolvable_name(text);
    let Some(address) = address.filter(|claim| is_name(&claim.value)) else { return Vec::new() };
    let mut paths = claims.list.iter().filter(|claim| claim.fact == Fact::InjectionPath);
    let Some(path) = paths.next().filter(|claim| claim.value.starts_with('/')) else { return Vec::new() };
    if paths.any(|claim| claim.value.contains("://")) {
        return Vec::new();
    }
    let name = &address.value;
    let message = format!("injection asks `{name}` at port 443: a Service that is only a name maps no ports");
    let help = format!(
        "set `istiodRemote.injectionURL: https://{name}:15017{}`, or answer at 443 there",
        path.value
    );
    vec![Fault::new(address, message, help).against(path)]
}
