//! MW4152: something that is no declared gateway carries the label of one.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::east_west::value_of;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Something that is no declared gateway carries the label of one.
pub(super) struct UndeclaredGateway;

static RULE: Rule = Rule {
    code: "MW4152",
    name: "undeclared-gateway",
    severity: Severity::Error,
    title: "Service that is no declared gateway carries the label of a network gateway",
    docs: include_str!("../../docs/MW4152.md"),
};

impl Policy for UndeclaredGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        // On one network nobody is sent through a gateway.
        if declaration.networks.len() < 2 {
            return;
        }
        for claim in &claims.list {
            let Fact::GatewayNetwork { gateway } = &claim.fact else { continue };
            let right = declaration.accepts_network(&claim.value);
            if !right || declaration.gateway(gateway).is_some() || is_inside(claims, gateway) {
                continue;
            }
            let message = format!(
                "`{gateway}` carries the label of a network gateway: peers send it the traffic of `{}`, but it is no \
                 declared gateway",
                claim.value
            );
            let declared = Declared { value: String::new(), path: "gateways" };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}

/// A Service without an address outside its cluster is no gateway, whatever it is labelled
/// (istio/istio: `pilot/pkg/serviceregistry/kube/conversion.go`).
fn is_inside(claims: &Claims, gateway: &str) -> bool {
    let of = || gateway.to_owned();
    let kind = value_of(claims, &Fact::GatewayServiceType { gateway: of() });
    // A Service of Kubernetes is a ClusterIP unless it says otherwise; charts and operators make load balancers.
    let default = if claims.object.starts_with("Service/") { "ClusterIP" } else { "LoadBalancer" };
    kind.unwrap_or(default) == "ClusterIP"
        && value_of(claims, &Fact::GatewayAddress { gateway: of() }).is_none()
}
