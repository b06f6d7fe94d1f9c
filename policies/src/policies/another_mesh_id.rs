//! MW1101: object claims another mesh ID.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Object claims another mesh ID.
pub(super) struct AnotherMeshId;

static RULE: Rule = Rule {
    code: "MW1101",
    name: "another-mesh-id",
    severity: Severity::Error,
    title: "object claims another mesh ID",
    docs: include_str!("../../docs/MW1101.md"),
};

impl Policy for AnotherMeshId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let id = declaration.mesh.id.as_str();
        for claim in &claims.list {
            let (agrees, what) = match &claim.fact {
                Fact::MeshId | Fact::WorkloadMeshId { .. } => (claim.value == id, "the mesh ID"),
                Fact::MeshEntries => {
                    (claim.value.split(',').any(|entry| entry == id), "no entry but for mesh")
                }
                _ => continue,
            };
            if !agrees {
                let message = format!("{what} `{}` is claimed where `{id}` is declared", claim.value);
                let declared = Declared { value: id.to_owned(), path: "mesh.id" };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}
