//! MW2001: a cluster's network is not declared.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::names::NetworkId;
use crate::policy::Policy;
use crate::suggest::did_you_mean;

/// A cluster's network is not declared.
pub(super) struct UndeclaredNetwork;

/// A cluster names a network that no document declares.
pub static RULE: Rule = Rule {
    code: "MW2001",
    name: "undeclared-network",
    severity: Severity::Error,
    title: "a cluster's network is not declared",
    docs: include_str!("../../docs/MW2001.md"),
};

impl Policy for UndeclaredNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let declared =
            |id: &NetworkId| mesh.networks.contains_key(id) || mesh.unread.networks.contains(id.as_str());
        for cluster in mesh.clusters.values().filter(|cluster| !declared(&cluster.network)) {
            let found = &cluster.network;
            let message = format!(
                "cluster `{}` is on network `{found}`, which mesh `{}` does not declare",
                cluster.name, mesh.name
            );
            let declared = mesh.networks.keys().map(|id| id.as_str());
            let help = did_you_mean(found.as_str(), declared, || {
                format!("declare it: a document of kind Network with `metadata.name: {found}`")
            });
            findings.push(
                RULE.at(cluster.written.place("spec.network"), message)
                    .cluster(&cluster.name)
                    .found(found)
                    .help(help),
            );
        }
    }
}
