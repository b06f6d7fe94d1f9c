//! MW1006: a network without clusters.

use std::collections::BTreeSet;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A network without clusters.
pub(super) struct UnusedNetwork;

static RULE: Rule = Rule {
    code: "MW1006",
    name: "unused-network",
    severity: Severity::Warning,
    title: "a declared network has no cluster",
    docs: include_str!("../../docs/MW1006.md"),
};

impl Policy for UnusedNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.unread.clusters.is_empty() {
            return;
        }
        let used: BTreeSet<_> = mesh.clusters.values().map(|cluster| &cluster.network).collect();
        for network in mesh.networks.values().filter(|network| !used.contains(&network.id)) {
            let message = format!("no cluster of mesh `{}` is on network `{}`", mesh.name, network.id);
            findings.push(RULE.at(network.written.name(), message).found(&network.id).help(
                "remove the Network, or name it in the `network` of the clusters that it was meant for",
            ));
        }
    }
}
