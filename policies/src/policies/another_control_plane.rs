//! MW3102: control plane address is not the declared one.

use crate::claim::{Claims, Fact};
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
        for claim in claims.list.iter().filter(|claim| claim.fact == Fact::ControlPlaneAddress) {
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
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
