//! MW8006: other parameters of a MeshCluster would be lost.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW8006: other parameters of a MeshCluster would be lost.
#[derive(Debug)]
pub(super) struct UndeclaredMeshCluster;

static RULE: Rule = Rule {
    code: "MW8006",
    name: "undeclared-mesh-cluster",
    severity: Severity::Warning,
    title: "other parameters of a MeshCluster would be lost",
    docs: include_str!("../../docs/MW8006.md"),
};

impl Policy for UndeclaredMeshCluster {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted() else { return };
        for cluster in mesh
            .clusters
            .values()
            .filter(|cluster| cluster.spec.mspider.is_none() && !mesh.only_hosts(cluster))
        {
            let message = format!(
                "whatever else stands in `spec.meshedParams` of MeshCluster `{}` would be removed",
                cluster.name
            );
            findings.push(
                RULE.at(cluster.written.name(), message)
                    .cluster(&cluster.name)
                    .object(format!("MeshCluster/{}/{}", hosted.mspider.namespace, cluster.name))
                    .help("declare it under `mspider`, or say that there is nothing else with `mspider: {}`"),
            );
        }
    }
}
