//! MW5119: injection leads elsewhere than to the istiod that proxies dial.

use std::net::IpAddr;

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// Injection leads elsewhere than to the istiod that proxies dial.
pub(super) struct InjectionElsewhere;

static RULE: Rule = Rule {
    code: "MW5119",
    name: "injection-elsewhere",
    severity: Severity::Warning,
    title: "injection leads elsewhere than to the istiod that proxies dial",
    docs: include_str!("../../docs/MW5119.md"),
};

impl Policy for InjectionElsewhere {
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

/// IP addresses alone are compared: a name may be one of the address, or the other way round.
fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let all = |fact: Fact| claims.list.iter().filter(move |claim| claim.fact == fact);
    let dialled =
        all(Fact::ControlPlaneAddress).find_map(|claim| Some((claim, claim.value.parse::<IpAddr>().ok()?)));
    let Some((dialled, address)) = dialled else { return Vec::new() };
    let elsewhere = |claim: &&Claim| host(&claim.value).is_some_and(|host| host != address);
    let fault = |claim| {
        let message = format!(
            "injection asks the istiod at another address than the one that proxies dial, `{}`",
            dialled.value
        );
        let help = "write one address in both, or `injectionPath` instead: the URL wins over it and over `remotePilotAddress`";
        Fault::new(claim, message, help).against(dialled)
    };
    all(Fact::InjectionPath).filter(elsewhere).map(fault).collect()
}

/// The address in an injection URL, when it is one.
fn host(url: &str) -> Option<IpAddr> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_urls_count() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(host("https://192.0.2.1:15017/inject"), ip("192.0.2.1"));
        assert_eq!(host("https://[2001:db8::1]:15017/inject"), ip("2001:db8::1"));
        assert_eq!(host("https://istiod.example.com:15017/inject"), None);
        assert_eq!(host("/inject/cluster/east/net/network1"), None);
    }
}
