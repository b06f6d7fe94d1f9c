//! MW9008: a node is declared twice.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW9008: a node is declared twice.
#[derive(Debug)]
pub(super) struct RepeatedNode;

static RULE: Rule = Rule {
    code: "MW9008",
    name: "repeated-node",
    severity: Severity::Error,
    title: "a node is declared twice",
    docs: include_str!("../../docs/MW9008.md"),
};

impl Policy for RepeatedNode {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let place =
                |index| cluster.written.place(FieldPath::parse("spec.nodes").index(index).key("name"));
            let mut first = BTreeMap::new();
            for (index, node) in cluster.spec.nodes.iter().enumerate() {
                if let Some(other) = first.insert(&node.name, index) {
                    let message =
                        format!("node `{}` of cluster `{}` is declared twice", node.name, cluster.name);
                    findings.push(
                        RULE.at(place(index), message)
                            .cluster(&cluster.name)
                            .found(&node.name)
                            .related(place(other), "the first is here")
                            .help("correct or remove one of them"),
                    );
                }
            }
        }
    }
}
