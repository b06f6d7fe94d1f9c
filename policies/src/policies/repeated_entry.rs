//! MW2011: a network lists one gateway twice.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A network lists one gateway twice.
pub(super) struct RepeatedEntry;

static RULE: Rule = Rule {
    code: "MW2011",
    name: "repeated-entry",
    severity: Severity::Error,
    title: "network lists one gateway twice",
    docs: include_str!("../../docs/MW2011.md"),
};

impl Policy for RepeatedEntry {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for network in mesh.networks.values() {
            let mut seen = BTreeMap::new();
            for (index, gateway) in network.spec.gateways.iter().enumerate() {
                let first = mesh.clusters.get(&gateway.cluster).and_then(|cluster| cluster.gateways.first());
                let name = gateway.gateway.as_ref().or(first.map(|gateway| &gateway.name));
                let Some(earlier) = seen.get(&(&gateway.cluster, name)) else {
                    seen.insert((&gateway.cluster, name), index);
                    continue;
                };
                let which = match name {
                    Some(name) => format!("gateway `{name}` of cluster `{}`", gateway.cluster),
                    None => format!("the gateway of cluster `{}`", gateway.cluster),
                };
                let message = format!("network `{}` lists {which} twice", network.id);
                let place = |index: usize| network.written.place(format!("spec.gateways[{index}]").as_str());
                findings.push(
                    RULE.at(place(index), message)
                        .cluster(&gateway.cluster)
                        .related(place(*earlier), "it is listed here first")
                        .help(
                            "remove one of them; addresses that differ by observer go into one entry's `addressFrom`",
                        ),
                );
            }
        }
    }
}
