//! MW2003: a network that others cannot enter.

use std::collections::BTreeMap;

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::{GatewayDiscovery, LoadBalancerProvider};
use crate::mesh::{Cluster, EntryPoint, Mesh, Network};
use crate::names::{ClusterName, NetworkId};
use crate::policy::Policy;

/// A network that others cannot enter.
pub(super) struct NetworkWithoutEntry;

static RULE: Rule = Rule {
    code: "MW2003",
    name: "network-without-entry",
    severity: Severity::Error,
    title: "network that its peers have no way into",
    docs: include_str!("../../docs/MW2003.md"),
};

impl Policy for NetworkWithoutEntry {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.is_multi_network() {
            return;
        }
        let mut members: BTreeMap<&NetworkId, &Cluster> = BTreeMap::new();
        for cluster in mesh.clusters.values().filter(|cluster| !mesh.only_hosts(cluster)) {
            members.entry(&cluster.network).or_insert(cluster);
        }
        for network in mesh.networks.values() {
            let Some(member) = members.get(&network.id) else { continue };
            if network.entries.is_empty() {
                // Entries that name what does not exist are another finding.
                let is_closed = network.spec.gateways.is_empty() && mesh.unread.clusters.is_empty();
                findings.extend(is_closed.then(|| closed(network, member)));
            } else if mesh.gateway_discovery(network) == GatewayDiscovery::MeshNetworks {
                let unknown =
                    network.entries.iter().filter_map(|entry| unknown_address(mesh, network, entry));
                findings.extend(unknown);
            }
        }
    }
}

/// A network whose clusters have no east-west gateway.
fn closed(network: &Network, member: &Cluster) -> Finding {
    let message =
        format!("network `{}` has no east-west gateway, so no other network reaches it", network.id);
    RULE.at(network.written.name(), message)
        .related(
            member.written.place("spec.eastWestGateways"),
            format!("cluster `{}` is on it and has none", member.name),
        )
        .help(format!(
            "leave out `eastWestGateways` of `{}`: one gateway is the default where there are several networks",
            member.name
        ))
}

/// With `meshNetworks`, istiod knows the addresses that are written, and no others.
fn unknown_address(mesh: &Mesh, network: &Network, entry: &EntryPoint) -> Option<Finding> {
    // Where nobody provides load balancers, another policy asks for the address already.
    let provided = |cluster: &Cluster| {
        let provider = cluster.spec.load_balancer.effective_provider();
        !matches!(provider, LoadBalancerProvider::Manual | LoadBalancerProvider::None)
    };
    if entry.address.is_some() || !mesh.clusters.get(&entry.cluster).is_some_and(provided) {
        return None;
    }
    let outside = |name: &&ClusterName| {
        mesh.clusters
            .get(*name)
            .is_some_and(|cluster| cluster.network != network.id && !mesh.only_hosts(cluster))
    };
    let unserved = mesh.clusters.keys().filter(outside).find(|name| entry.address_for(name).is_none())?;
    let message = format!(
        "gateway `{}` of cluster `{}` enters network `{}`, but no address is declared by which `{unserved}` reaches it",
        entry.gateway, entry.cluster, network.id
    );
    let finding = RULE.at(entry.place.clone(), message).cluster(&entry.cluster).help(format!(
        "declare `loadBalancer.addresses.eastWest` of `{}`; `meshNetworks` is written before any Service has an address",
        entry.cluster
    ));
    let field = match network.spec.gateway_discovery {
        Some(_) => network.written.place("spec.gatewayDiscovery"),
        None => mesh.written.place("spec.gatewayDiscovery"),
    };
    Some(finding.related(field, "gateways are announced by `meshNetworks`"))
}
