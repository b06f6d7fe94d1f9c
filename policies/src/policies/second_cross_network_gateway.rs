//! MW4154: a second Gateway lets other networks in at one gateway.

use crate::address::Port;
use crate::claim::{Claims, Fact, ServerPart};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// A second Gateway lets other networks in at one gateway.
pub(super) struct SecondCrossNetworkGateway;

static RULE: Rule = Rule {
    code: "MW4154",
    name: "second-cross-network-gateway",
    severity: Severity::Warning,
    title: "a second Gateway lets other networks in at the same gateway",
    docs: include_str!("../../docs/MW4154.md"),
};

/// The object of Istio's guide, which is rendered (istio/istio: `samples/multicluster/expose-services.yaml`).
const OWN: &str = "cross-network-gateway";

impl Policy for SecondCrossNetworkGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        if declaration.networks.len() < 2 || is_own(declaration, claims) {
            return;
        }
        let port = Port::MTLS.to_string();
        for claim in &claims.list {
            let Fact::Exposure { server, part: ServerPart::Selector } = &claim.fact else { continue };
            let gateways = declaration.gateways.iter().enumerate();
            let Some((index, gateway)) = gateways.into_iter().find(|(_, g)| g.istio_label == server.selector)
            else {
                continue;
            };
            if !server.lets_in() || server.port != port {
                continue;
            }
            let message = format!(
                "gateway `{}` lets other networks in by `{OWN}` already: of two Gateways with the same hosts one is ignored, \
                 with overlapping hosts the gateway's listener is refused",
                gateway.name
            );
            let path = format!("gateways[{index}]");
            let declared = Declared { value: String::new(), path: &path };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            finding.help = Some(format!(
                "delete one of the two: `{OWN}` in namespace `{}` is what the declaration renders",
                declaration.istio.namespace
            ));
            findings.push(finding);
        }
    }
}

/// Whether the object is one that is rendered for the gateways of the mesh.
fn is_own(declaration: &DeclarationSpec, claims: &Claims) -> bool {
    let mut parts = claims.object.split('/').skip(1);
    let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else { return true };
    namespace == declaration.istio.namespace.as_str()
        && (name == OWN || name.starts_with("cross-network-gateway-"))
}
