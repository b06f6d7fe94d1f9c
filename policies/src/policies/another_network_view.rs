//! MW4101: gateway sees other networks than declared.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::intent::NetworkView;
use crate::judge::{Declared, contradiction};
use crate::kinds::NETWORK_VIEW;
use crate::names::NetworkId;
use crate::node::Step;
use crate::policy::Policy;

/// Gateway sees other networks than declared.
pub(super) struct AnotherNetworkView;

static RULE: Rule = Rule {
    code: "MW4101",
    name: "another-network-view",
    severity: Severity::Error,
    title: "gateway sees other networks than declared",
    docs: include_str!("../../docs/MW4101.md"),
};

impl Policy for AnotherNetworkView {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Fact::NetworkView { gateway } = &claim.fact else { continue };
            let Some((index, declared)) = declaration.gateway(gateway) else { continue };
            let seen = claim.value.split(',');
            let (agrees, value) = match declared.network_view {
                NetworkView::Own => {
                    (declaration.accepts_network(&claim.value), declaration.network.to_string())
                }
                NetworkView::All => {
                    let seen: Vec<&str> = seen.collect();
                    let sees = |id: &NetworkId| seen.contains(&id.as_str());
                    let all =
                        declaration.networks.iter().all(|(id, n)| sees(id) || n.previous.iter().any(sees));
                    (all, String::new())
                }
            };
            if !agrees {
                let expected =
                    if value.is_empty() { "all networks".to_owned() } else { format!("`{value}`") };
                let message = format!(
                    "gateway `{gateway}` sees the endpoints of `{}`, but is declared to see those of {expected}",
                    claim.value
                );
                let path = format!("gateways[{index}].networkView");
                let declared = Declared { value, path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
        for (index, declared) in declaration.gateways.iter().enumerate() {
            let gateway = declared.name.as_str();
            let Some(claim) = without_view(claims, gateway) else { continue };
            if declared.network_view != NetworkView::Own || declaration.networks.len() < 2 {
                continue;
            }
            let network = declaration.network.to_string();
            let message = format!(
                "gateway `{gateway}` sees the endpoints of all networks, but is declared to see those of `{network}`: it \
                 sends traffic on to the gateways of others"
            );
            let path = format!("gateways[{index}].networkView");
            let declared = Declared { value: network.clone(), path: &path };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            finding.severity = Severity::Warning;
            findings.push(finding.help(format!("add the variable `{NETWORK_VIEW}: {network}`")));
        }
    }
}

/// What makes the gateway's pods and does not set the view among their variables. The gateway chart sets it itself where
/// `networkGateway` is what labels the Service.
fn without_view<'a>(claims: &'a Claims, gateway: &str) -> Option<&'a Claim> {
    let sees = |claim: &Claim| matches!(&claim.fact, Fact::NetworkView { gateway: own } if own == gateway);
    if claims.list.iter().any(sees) {
        return None;
    }
    let is = |kind: &str| claims.object.split('/').next() == Some(kind);
    if ["IstioOperator", "Deployment", "DaemonSet"].into_iter().any(is) {
        return claims.first(&Fact::GatewayLabel { gateway: gateway.to_owned() });
    }
    let label = claims.first(&Fact::GatewayNetwork { gateway: gateway.to_owned() })?;
    let by_chart = label.path.0.last() == Some(&Step::Key("networkGateway".to_owned()));
    let is_release = ["HelmRelease", "Application"].into_iter().any(is);
    (is_release && !by_chart).then_some(label)
}
