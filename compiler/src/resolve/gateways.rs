//! Which clusters get east-west gateways, and where networks are entered.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::address::Address;
use meshwright_policies::finding::Place;
use meshwright_policies::intent::{EastWestGateway, GatewayLayout};
use meshwright_policies::mesh::{Cluster, EntryPoint, Gateway, Mesh, Network, Role};
use meshwright_policies::names::{ClusterName, NetworkId, ObjectName};
use meshwright_policies::node::FieldPath;

/// Gives clusters their gateways and networks their entry points.
pub(super) fn place(mesh: &mut Mesh) {
    let needed = clusters_that_need_one(mesh);
    for cluster in mesh.clusters.values_mut() {
        cluster.gateways = gateways_of(cluster, needed.contains(&cluster.name));
    }
    let mut members: BTreeMap<&NetworkId, Vec<&Cluster>> = BTreeMap::new();
    for cluster in mesh.clusters.values() {
        members.entry(&cluster.network).or_default().push(cluster);
    }
    let entries: Vec<(NetworkId, Vec<EntryPoint>)> = mesh
        .networks
        .values()
        .map(|network| {
            let members = members.get(&network.id).map(Vec::as_slice).unwrap_or_default();
            (network.id.clone(), entries_of(mesh, network, members))
        })
        .collect();
    for (id, entries) in entries {
        if let Some(network) = mesh.networks.get_mut(&id) {
            network.entries = entries;
        }
    }
}

/// With several networks: the clusters that a network names as its gateways, or all of a network that names none. With
/// remotes: every primary that serves some, since they reach its istiod through the gateway.
fn clusters_that_need_one(mesh: &Mesh) -> BTreeSet<ClusterName> {
    let mut needed = BTreeSet::new();
    let multi_network = mesh.is_multi_network();
    for cluster in mesh.clusters.values() {
        if let Role::Remote { primary: Some(primary) } = &cluster.role {
            needed.insert(primary.clone());
        }
        let named = mesh.networks.get(&cluster.network).is_some_and(|network| {
            network.spec.gateways.is_empty()
                || network.spec.gateways.iter().any(|g| g.cluster == cluster.name)
        });
        if named && multi_network && !mesh.only_hosts(cluster) {
            needed.insert(cluster.name.clone());
        }
    }
    needed
}

fn gateways_of(cluster: &Cluster, needed: bool) -> Vec<Gateway> {
    let path = || FieldPath::parse("spec.eastWestGateways");
    let declared: Vec<(EastWestGateway, Place)> = match &cluster.spec.east_west_gateways {
        Some(gateways) => gateways
            .iter()
            .cloned()
            .enumerate()
            .map(|(i, g)| (g, cluster.written.place(path().index(i))))
            .collect(),
        None if needed => vec![(EastWestGateway::default(), cluster.written.place("spec.network"))],
        None => Vec::new(),
    };
    let planned = &cluster.spec.load_balancer.addresses.east_west;
    let resolve = |(i, (spec, place)): (usize, (EastWestGateway, Place))| {
        let written = spec.address.is_some();
        let address = spec.address.clone().or_else(|| planned.clone().filter(|_| i == 0));
        let address_place = match (written, &address) {
            (true, _) => cluster.written.place(path().index(i).key("address")),
            (false, Some(_)) => cluster.written.place("spec.loadBalancer.addresses.eastWest"),
            (false, None) => place.clone(),
        };
        let name = spec.name.clone().unwrap_or_else(|| default_name(spec.layout));
        Gateway { name, address, spec, place, address_place }
    };
    declared.into_iter().enumerate().map(resolve).collect()
}

fn default_name(layout: GatewayLayout) -> ObjectName {
    match layout {
        GatewayLayout::Dedicated => const { ObjectName::known("istio-eastwestgateway") },
        GatewayLayout::Shared => const { ObjectName::known("istio-ingressgateway") },
    }
}

fn entries_of(mesh: &Mesh, network: &Network, members: &[&Cluster]) -> Vec<EntryPoint> {
    let entry = |cluster: &Cluster, gateway: &Gateway| EntryPoint {
        cluster: cluster.name.clone(),
        gateway: gateway.name.clone(),
        address: gateway.dialled().cloned(),
        port: gateway.spec.port,
        address_from: BTreeMap::new(),
        observes_as: BTreeMap::new(),
        place: cluster.dialled_place(gateway),
    };
    if network.spec.gateways.is_empty() {
        return members
            .iter()
            .flat_map(|cluster| cluster.gateways.iter().map(move |g| entry(cluster, g)))
            .collect();
    }
    let mut entries = Vec::new();
    for (i, declared) in network.spec.gateways.iter().enumerate() {
        // A gateway that does not exist is a policy's finding.
        let Some(cluster) = mesh.clusters.get(&declared.cluster) else { continue };
        let gateway = match &declared.gateway {
            Some(name) => cluster.gateways.iter().find(|g| g.name == *name),
            None => cluster.gateways.first(),
        };
        let Some(gateway) = gateway else { continue };
        let mut entry = entry(cluster, gateway);
        if let Some(address) = &declared.address {
            entry.address = Some(address.clone());
            entry.place = network.written.place(FieldPath::parse("spec.gateways").index(i).key("address"));
        }
        entry.port = declared.port.unwrap_or(entry.port);
        entry.address_from = declared.address_from.clone();
        entry.observes_as = told_by_their_primary(mesh, network, &entry.address_from);
        entries.push(entry);
    }
    entries
}

/// Remotes that `addressFrom` leaves out while it names their primary, whose istiod is the one that tells their proxies.
fn told_by_their_primary(
    mesh: &Mesh,
    network: &Network,
    address_from: &BTreeMap<ClusterName, Address>,
) -> BTreeMap<ClusterName, ClusterName> {
    let left_out =
        |cluster: &&Cluster| cluster.network != network.id && !address_from.contains_key(&cluster.name);
    let told = |cluster: &Cluster| match &cluster.role {
        Role::Remote { primary: Some(primary) } if address_from.contains_key(primary) => {
            Some((cluster.name.clone(), primary.clone()))
        }
        _ => None,
    };
    mesh.clusters.values().filter(left_out).filter_map(told).collect()
}
