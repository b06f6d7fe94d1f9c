//! MW3102: control plane address is not the declared one.

use std::net::IpAddr;

use crate::address::Address;
use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Control plane address is not the declared one.
pub(super) struct AnotherControlPlane;

static RULE: Rule = Rule {
    code: "MW3102",
    name: "another-control-plane-address",
    severity: Severity::Error,
    title: "control plane address is not the declared one",
    docs: include_str!("../../docs/MW3102.md"),
};

impl Policy for AnotherControlPlane {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let plane = &declaration.control_plane;
        let is_judged = |claim: &&Claim| match &claim.fact {
            Fact::ControlPlaneAddress => true,
            Fact::IstiodEndpoint { service } => is_comparable(declaration, service, &claim.value),
            _ => false,
        };
        for claim in claims.list.iter().filter(is_judged) {
            let (message, value) = match (&plane.address, plane.role) {
                (_, DeclaredRole::Primary) => (
                    format!(
                        "istiod is sought at `{}`, but this cluster is declared to run its own",
                        claim.value
                    ),
                    String::new(),
                ),
                (Some(address), _) if !plane.is_at(&claim.value) => (
                    format!("istiod is sought at `{}`, but is declared to be at `{address}`", claim.value),
                    address.to_string(),
                ),
                _ => continue,
            };
            let path = if value.is_empty() { "controlPlane" } else { "controlPlane.address" };
            let declared = Declared { value, path };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            if matches!(claim.fact, Fact::IstiodEndpoint { .. }) && path == "controlPlane" {
                let object = &claims.object;
                finding = finding.help(format!(
                    "remove `{object}`: the chart of istiod makes the Service and Kubernetes its endpoints"
                ));
            }
            findings.push(finding);
        }
    }
}

/// Whether a Service is the one that proxies dial, and leads to what can be compared: an address may be that of a
/// declared name, and the other way round.
fn is_comparable(declaration: &DeclarationSpec, service: &str, target: &str) -> bool {
    let own = declaration.istio.service();
    let is_primary = declaration.control_plane.role == DeclaredRole::Primary;
    let is_dialled = service == own || !is_primary && service.strip_suffix("-remote") == Some(&own);
    let is_address = target.parse::<IpAddr>().is_ok();
    let is_alike = match &declaration.control_plane.address {
        Some(Address::Ip(_)) => is_address,
        Some(_) => !is_address,
        None => true,
    };
    is_dialled && is_alike
}
