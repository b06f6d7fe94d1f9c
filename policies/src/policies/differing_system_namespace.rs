//! MW1005: the system namespace differs between clusters of a mesh.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::names::ObjectName;
use crate::policy::Policy;

/// The system namespace differs between clusters of a mesh.
pub(super) struct DifferingSystemNamespace;

static RULE: Rule = Rule {
    code: "MW1005",
    name: "differing-system-namespace",
    severity: Severity::Error,
    title: "clusters of one mesh have different system namespaces",
    docs: include_str!("../../docs/MW1005.md"),
};

const FIELD: &str = "spec.istio.namespace";

impl Policy for DifferingSystemNamespace {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut users: BTreeMap<&ObjectName, (usize, &Cluster)> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            users.entry(cluster.system_namespace()).or_insert((0, cluster)).0 += 1;
        }
        // What most clusters use is what was meant; of two equals, what the mesh says.
        let meant =
            users.iter().max_by_key(|(name, (count, _))| (*count, **name == &mesh.spec.istio.namespace));
        let Some((meant, (_, example))) = meant else { return };
        for cluster in mesh.clusters.values().filter(|cluster| cluster.system_namespace() != *meant) {
            let found = cluster.system_namespace();
            let message = format!(
                "cluster `{}` has the system namespace `{found}`, cluster `{}` of the same mesh has `{meant}`",
                cluster.name, example.name
            );
            let finding = RULE
                .at(cluster.written.place(FIELD), message)
                .cluster(&cluster.name)
                .found(found)
                .declared(meant, example.written.place(FIELD), format!("`{}` says `{meant}`", example.name))
                .help(format!(
                    "use `namespace: {meant}` in every cluster; a revision keeps two control planes apart"
                ));
            findings.push(finding);
        }
    }
}
