//! MW2101: object claims another network.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Object claims another network.
pub(super) struct AnotherNetwork;

static RULE: Rule = Rule {
    code: "MW2101",
    name: "another-network",
    severity: Severity::Error,
    title: "object claims another network",
    docs: include_str!("../../docs/MW2101.md"),
};

impl Policy for AnotherNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let concerns = match &claim.fact {
                Fact::Network | Fact::GatewayNetwork { .. } => true,
                Fact::NamespaceNetwork { namespace } => *namespace == declaration.istio.namespace.as_str(),
                Fact::EntryNetwork { mesh } => *mesh == declaration.mesh.id.as_str(),
                _ => false,
            };
            if concerns && !declaration.accepts_network(&claim.value) {
                let network = &declaration.network;
                let message = format!(
                    "network `{}` is claimed where cluster `{}` is declared on `{network}`",
                    claim.value, declaration.cluster.name
                );
                let declared = Declared { value: network.to_string(), path: "network" };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}
