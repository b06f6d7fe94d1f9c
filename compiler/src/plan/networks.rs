//! The network tables: who is where, and where each network is entered.

use std::collections::BTreeMap;

use meshwright_policies::address::{Address, Port};
use meshwright_policies::intent::PodConnectivity;
use meshwright_policies::mesh::{EntryPoint, Mesh, Network};
use meshwright_policies::names::ClusterName;

use super::istiods::exposed;
use super::markdown::{Page, Table, code, some};
use super::words::{discovery, endpoint, is_large, role};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Networks");
    if mesh.is_multi_network() {
        page.block(
            "Pods of different networks do not reach each other: what leaves a network enters the next one by an east-west \
             gateway, which forwards by SNI and opens nothing.",
        );
    }
    page.table(&entries(mesh));
    let observed = observed(mesh);
    if observed.len() > 0 {
        page.block("Some clusters dial other addresses:");
        page.table(&observed);
    }
    if !is_large(mesh) {
        page.table(&roles(mesh));
    }
}

fn entries(mesh: &Mesh) -> Table {
    let mut table =
        Table::new(["Network", "Clusters", "Pods reach each other", "Entered at", "Announced by"]);
    for network in mesh.networks.values() {
        let members: Vec<_> = mesh.members(&network.id).map(|cluster| &cluster.name).collect();
        let connected = match (members.len(), network.spec.pod_connectivity) {
            (0 | 1, _) => "one cluster",
            (_, PodConnectivity::Routed) => "yes, routed",
            (_, PodConnectivity::None) => "no",
        };
        let entries: Vec<String> = network.entries.iter().map(entry).collect();
        table.row([
            code(network.id.as_str()),
            some(members, 12),
            connected.to_owned(),
            entries.join("<br>"),
            if entries.is_empty() { String::new() } else { discovery(mesh, network).to_owned() },
        ]);
    }
    table
}

fn entry(entry: &EntryPoint) -> String {
    let gateway = format!("{} in {}", code(entry.gateway.as_str()), code(entry.cluster.as_str()));
    match &entry.address {
        Some(address) => format!("{}, {gateway}", code(&endpoint(address, entry.port))),
        None => format!("port {}, address from the Service's status, {gateway}", entry.port),
    }
}

fn observed(mesh: &Mesh) -> Table {
    let mut table = Table::new(["From cluster", "To network", "Dials", "Others dial"]);
    let entries = |network: &Network| network.entries.clone();
    for network in mesh.networks.values() {
        for entry in entries(network) {
            let mut addresses: BTreeMap<&Address, Vec<&ClusterName>> = BTreeMap::new();
            for (observer, address) in entry.observers() {
                addresses.entry(address).or_default().push(observer);
            }
            for (address, observers) in addresses {
                let usual = entry.address.as_ref().map(|usual| code(&endpoint(usual, entry.port)));
                table.row([
                    some(observers, 6),
                    code(network.id.as_str()),
                    code(&endpoint(address, entry.port)),
                    usual.unwrap_or_default(),
                ]);
            }
        }
    }
    table
}

/// The form of the planning guide: each cluster with its part and its load balancers' addresses.
fn roles(mesh: &Mesh) -> Table {
    let mut table = Table::new([
        "Cluster",
        "Role",
        "Network ID",
        "istiod address",
        "East-west address",
        "Ingress address",
    ]);
    let exposed = exposed(mesh);
    for cluster in mesh.clusters.values() {
        let planned = &cluster.spec.load_balancer.addresses;
        let east_west: Vec<String> = cluster
            .gateways
            .iter()
            .filter_map(|gateway| gateway.dialled())
            .map(|address| code(&address.to_string()))
            .collect();
        let shown = |address: &Option<meshwright_policies::address::Address>| {
            address.as_ref().map(|address| code(&address.to_string())).unwrap_or_default()
        };
        let istiod = exposed.iter().find(|istiod| istiod.cluster.name == cluster.name);
        let istiod = istiod.and_then(|istiod| istiod.address).map(|a| code(&endpoint(a, Port::XDS)));
        table.row([
            code(cluster.name.as_str()),
            role(mesh, cluster),
            code(cluster.network.as_str()),
            istiod.unwrap_or_else(|| shown(&planned.control_plane)),
            east_west.join(", "),
            shown(&planned.ingress),
        ]);
    }
    table
}
