//! MW5008: a hosted mesh has another mesh ID than its name.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A hosted mesh has another mesh ID than its name.
pub(super) struct ContraryMeshId;

static RULE: Rule = Rule {
    code: "MW5008",
    name: "contrary-mesh-id",
    severity: Severity::Error,
    title: "hosted mesh has another mesh ID than its name",
    docs: include_str!("../../docs/MW5008.md"),
};

impl Policy for ContraryMeshId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let (Some(_), Some(id)) = (mesh.hosted(), &mesh.spec.mesh_id) else { return };
        if id.as_str() == mesh.name.as_str() {
            return;
        }
        let message = format!(
            "hosted mesh `{}` has the mesh ID `{id}`, but Mspider calls its GlobalMesh, control plane and API server by \
             the mesh's name",
            mesh.name
        );
        findings.push(
            RULE.at(mesh.written.place("spec.meshID"), message)
                .found(id)
                .declared(&mesh.name, mesh.written.name(), "the mesh's name")
                .help(format!("leave out `meshID`: `{}` is the default", mesh.name)),
        );
    }
}
