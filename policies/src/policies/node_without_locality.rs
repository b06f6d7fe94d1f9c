//! MW9010: a node without a locality among others that have one.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// A node without a locality among others that have one.
pub(super) struct NodeWithoutLocality;

static RULE: Rule = Rule {
    code: "MW9010",
    name: "node-without-locality",
    severity: Severity::Warning,
    title: "a node has no locality, others of its cluster do",
    docs: include_str!("../../docs/MW9010.md"),
};

impl Policy for NodeWithoutLocality {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values().filter(|cluster| cluster.spec.locality.is_none()) {
            let nodes = || cluster.spec.nodes.iter().enumerate();
            let path = |index| FieldPath::parse("spec.nodes").index(index);
            let located = nodes().find_map(|(index, node)| Some((index, node.locality.as_ref()?)));
            let Some((other, locality)) = located else { continue };
            for (index, node) in nodes().filter(|(_, node)| node.locality.is_none()) {
                let message = format!(
                    "node `{}` of cluster `{}` has no locality: pods on it are local to nobody",
                    node.name, cluster.name
                );
                let finding = cluster.finding(&RULE, cluster.written.place(path(index)), message);
                findings.push(
                    finding
                        .related(
                            cluster.written.place(path(other).key("locality")),
                            format!("another node is in `{locality}`"),
                        )
                        .help("declare its `locality`, or that of the cluster for all nodes that say nothing else"),
                );
            }
        }
    }
}
