//! MW7002: an intermediate that lives as long as its root.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// An intermediate that lives as long as its root.
pub(super) struct IntermediateOutlivesRoot;

static RULE: Rule = Rule {
    code: "MW7002",
    name: "intermediate-outlives-root",
    severity: Severity::Warning,
    title: "intermediate certificate outlives its root",
    docs: include_str!("../../docs/MW7002.md"),
};

impl Policy for IntermediateOutlivesRoot {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(ca) = &mesh.spec.ca else { return };
        let (Some(root), Some(intermediate)) = (ca.root_lifetime, ca.intermediate_lifetime) else { return };
        if intermediate < root {
            return;
        }
        let how = if intermediate == root { "as long as" } else { "longer than" };
        let message = format!(
            "intermediates of mesh `{}` are to live {}h, {how} their root ({}h)",
            mesh.name, intermediate.0, root.0
        );
        let place = mesh.written.place("spec.ca.rootLifetime");
        findings.push(
            RULE.at(mesh.written.place("spec.ca.intermediateLifetime"), message)
                .found(format!("{}h", intermediate.0))
                .declared(format!("{}h", root.0), place, format!("the root lives {}h", root.0))
                .help(format!("make it a fraction of the root's, such as {}h", (root.0 / 10).max(1))),
        );
    }
}
