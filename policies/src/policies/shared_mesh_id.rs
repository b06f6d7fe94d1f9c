//! MW1001: two meshes with one mesh ID.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Fleet, Mesh};
use crate::names::MeshId;
use crate::policy::Policy;

/// Two meshes with one mesh ID.
pub(super) struct SharedMeshId;

static RULE: Rule = Rule {
    code: "MW1001",
    name: "shared-mesh-id",
    severity: Severity::Error,
    title: "two meshes have one mesh ID",
    docs: include_str!("../../docs/MW1001.md"),
};

impl Policy for SharedMeshId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let mut owners: BTreeMap<&MeshId, &Mesh> = BTreeMap::new();
        for mesh in fleet.meshes.values() {
            let Some(owner) = owners.get(&mesh.id) else {
                owners.insert(&mesh.id, mesh);
                continue;
            };
            let message =
                format!("meshes `{}` and `{}` both have the mesh ID `{}`", owner.name, mesh.name, mesh.id);
            let finding = RULE
                .at(mesh.id_place(), message)
                .found(&mesh.id)
                .related(owner.id_place(), format!("mesh `{}`", owner.name))
                .help(format!("give mesh `{}` an ID of its own, such as its name: `meshID: {0}`", mesh.name));
            findings.push(finding);
        }
    }
}
