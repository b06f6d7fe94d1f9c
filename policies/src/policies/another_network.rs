//! MW2101: object claims another network.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Finding, Findings, Rule, Severity};
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

    fn judges(&self) -> bool {
        true
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
        if let Some(finding) = without_network(declaration, claims) {
            findings.push(finding);
        }
    }
}

/// A proxy that is told no network takes all endpoints for those of its own, and dials pods of other networks (istio/istio@1.30:
/// `pilot/pkg/model/context.go`, `InNetwork`; `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml`).
fn without_network(declaration: &DeclarationSpec, claims: &Claims) -> Option<Finding> {
    let plane = claims.plane.as_ref().filter(|plane| plane.whole && !plane.is_remote)?;
    let system = declaration.istio.namespace.as_str();
    if plane.namespace.as_deref().is_some_and(|namespace| namespace != system)
        || declaration.control_plane.role != DeclaredRole::Primary
        || declaration.networks.len() < 2
        || claims.list.iter().any(|claim| claim.fact == Fact::Network)
    {
        return None;
    }
    let network = &declaration.network;
    let message = format!(
        "sidecars are told no network, where `{network}` is declared: they dial pods of other networks as if near"
    );
    let said = Claim { fact: Fact::Network, value: String::new(), path: plane.path.clone(), part: false };
    let declared = Declared { value: network.to_string(), path: "network" };
    let mut finding = contradiction(&RULE, declaration, claims, &said, message, declared);
    finding.help = Some(format!("set `global.network: {network}` in the values"));
    finding.severity = Severity::Warning;
    Some(finding)
}
