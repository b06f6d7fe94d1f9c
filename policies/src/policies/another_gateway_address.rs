//! MW3101: gateway asks for another address.

use crate::address::Address;
use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Gateway asks for another address than declared, or another Service for a gateway's.
pub(super) struct AnotherGatewayAddress;

static RULE: Rule = Rule {
    code: "MW3101",
    name: "another-gateway-address",
    severity: Severity::Error,
    title: "gateway address is not the declared one",
    docs: include_str!("../../docs/MW3101.md"),
};

/// The Service of Istio's ingress gateway, in every install method.
const INGRESS: &str = "istio-ingressgateway";

impl Policy for AnotherGatewayAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Fact::GatewayAddress { gateway } = &claim.fact else { continue };
            let found = &claim.value;
            if let Some((address, path)) = own(declaration, gateway) {
                let declared = declaration.gateway(gateway);
                if address.is(found) || declared.is_some_and(|(_, own)| own.may_ask_for(found)) {
                    continue;
                }
                let message =
                    format!("gateway `{gateway}` asks for `{found}`, but is declared at `{address}`");
                let declared = Declared { value: address.to_string(), path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            } else if let Some((owner, path)) = taken(declaration, gateway, found) {
                let message = format!("`{gateway}` asks for `{found}`, which is planned for {owner}");
                let declared = Declared { value: String::new(), path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}

/// The declared address of a Service.
fn own<'a>(declaration: &'a DeclarationSpec, service: &str) -> Option<(&'a Address, String)> {
    match declaration.gateway(service) {
        Some((index, gateway)) => {
            gateway.address.as_ref().map(|address| (address, format!("gateways[{index}].address")))
        }
        None if service == INGRESS => {
            declaration.addresses.ingress.as_ref().map(|address| (address, "addresses.ingress".to_owned()))
        }
        None => None,
    }
}

/// Whose an address is that a Service without one of its own asks for. The hosted control plane's Service has a name of
/// its platform's making, so that `istiod` may ask for the control plane's.
fn taken(declaration: &DeclarationSpec, service: &str, found: &str) -> Option<(String, String)> {
    let gateways = declaration.gateways.iter().enumerate();
    let of_gateway = gateways.into_iter().find_map(|(index, gateway)| {
        let address = gateway.address.as_ref().filter(|address| address.is(found));
        let other = gateway.name.as_str() != service;
        address
            .filter(|_| other)
            .map(|_| (format!("gateway `{}`", gateway.name), format!("gateways[{index}].address")))
    });
    let control_plane = declaration.addresses.control_plane.as_ref();
    of_gateway.or_else(|| {
        let taken = control_plane.is_some_and(|a| a.is(found)) && !service.starts_with("istiod");
        taken.then(|| ("the control plane".to_owned(), "addresses.controlPlane".to_owned()))
    })
}
