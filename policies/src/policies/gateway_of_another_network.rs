//! MW2009: a network's gateway is that of a cluster on another network.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A network's gateway is that of a cluster on another network.
pub(super) struct GatewayOfAnotherNetwork;

static RULE: Rule = Rule {
    code: "MW2009",
    name: "gateway-of-another-network",
    severity: Severity::Error,
    title: "network is entered through a cluster of another network",
    docs: include_str!("../../docs/MW2009.md"),
};

impl Policy for GatewayOfAnotherNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for network in mesh.networks.values() {
            for (index, gateway) in network.spec.gateways.iter().enumerate() {
                let Some(cluster) = mesh.clusters.get(&gateway.cluster) else { continue };
                if cluster.network == network.id {
                    continue;
                }
                let message = format!(
                    "network `{}` names a gateway of cluster `{}`, which is on network `{}`",
                    network.id, cluster.name, cluster.network
                );
                let help = match mesh.members(&network.id).next() {
                    Some(member) => format!("name a cluster of `{}`, such as `{}`", network.id, member.name),
                    None => format!("name a cluster of `{}`; it has none yet", network.id),
                };
                let path = format!("spec.gateways[{index}].cluster");
                let place = cluster.written.place("spec.network");
                let label = format!("`{}` is on `{}`", cluster.name, cluster.network);
                findings.push(
                    RULE.at(network.written.place(path.as_str()), message)
                        .cluster(&cluster.name)
                        .found(&cluster.name)
                        .declared(&cluster.network, place, label)
                        .help(help),
                );
            }
        }
    }
}
