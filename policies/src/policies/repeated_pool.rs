//! MW3014: two pools of one cluster have one name.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// Two pools of one cluster have one name.
pub(super) struct RepeatedPool;

static RULE: Rule = Rule {
    code: "MW3014",
    name: "repeated-pool",
    severity: Severity::Error,
    title: "two pools of one cluster share a name",
    docs: include_str!("../../docs/MW3014.md"),
};

impl Policy for RepeatedPool {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let mut first = BTreeMap::new();
            let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
            for (index, pool) in pools.enumerate() {
                let path = FieldPath::parse("spec.loadBalancer.metallb.pools").index(index).key("name");
                let place = cluster.written.place(path);
                let Some(earlier) = first.get(&pool.name) else {
                    first.insert(&pool.name, place);
                    continue;
                };
                let message =
                    format!("a second pool of cluster `{}` is called `{}`", cluster.name, pool.name);
                findings.push(
                    RULE.at(place, message)
                        .cluster(&cluster.name)
                        .found(&pool.name)
                        .related(earlier.clone(), "the first is here")
                        .help("rename it, or add its addresses to the first: one object holds one pool"),
                );
            }
        }
    }
}
