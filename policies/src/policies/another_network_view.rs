//! MW4101: gateway sees other networks than declared.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::intent::NetworkView;
use crate::judge::{Declared, contradiction};
use crate::names::NetworkId;
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
    }
}
