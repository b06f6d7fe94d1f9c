//! Where networks are entered, and what each control plane is told about it.

use std::collections::BTreeMap;

use meshwright_policies::address::Address;
use meshwright_policies::intent::{GatewayDiscovery, PodConnectivity};
use meshwright_policies::mesh::{EntryPoint, Mesh, Network};
use meshwright_policies::names::{ClusterName, ObjectName};
use serde_json::Value;

use super::Impact::{Changes as Other, Destroys, Disrupts};
use super::{Changes, Fleets, moved};
use crate::istio_values::mesh_networks;

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for (base, head) in fleets.meshes() {
        for id in base.networks.keys().filter(|id| !head.networks.contains_key(*id)) {
            changes.mesh(head, Destroys, "network-removed", format!("network `{id}` is removed"));
        }
        for (id, network) in &head.networks {
            match base.networks.get(id) {
                Some(old) => kept(base, head, old, network, changes),
                None => changes.mesh(head, Other, "network-added", format!("network `{id}` is new")),
            }
        }
    }
    seen(fleets, changes);
}

type Entries<'a> = BTreeMap<(&'a ClusterName, &'a ObjectName), &'a EntryPoint>;

fn entries(network: &Network) -> Entries<'_> {
    network.entries.iter().map(|entry| ((&entry.cluster, &entry.gateway), entry)).collect()
}

fn kept(base: &Mesh, head: &Mesh, old: &Network, new: &Network, changes: &mut Changes) {
    let id = &new.id;
    let connectivity = moved(
        &format!("pod connectivity inside network `{id}`"),
        &connectivity(old.spec.pod_connectivity),
        &connectivity(new.spec.pod_connectivity),
    );
    connectivity.into_iter().for_each(|text| changes.mesh(head, Disrupts, "pod-connectivity", text));
    let discovery = moved(
        &format!("the source of gateway addresses of network `{id}`"),
        &discovery(base.gateway_discovery(old)),
        &discovery(head.gateway_discovery(new)),
    );
    discovery.into_iter().for_each(|text| changes.mesh(head, Disrupts, "gateway-discovery", text));
    let (before, after) = (entries(old), entries(new));
    for ((cluster, gateway), entry) in &before {
        let name = format!("gateway `{gateway}` of cluster `{cluster}`");
        let Some(now) = after.get(&(cluster, gateway)) else {
            let text = format!("{name} no longer enters network `{id}` (it was {})", at(entry));
            changes.mesh(head, Destroys, "gateway-removed", text);
            continue;
        };
        let what = format!("{name}, which enters network `{id}`, moves: its address");
        let text = moved(&what, &at(entry), &at(now));
        text.into_iter().for_each(|text| changes.mesh(head, Disrupts, "gateway-moved", text));
        if !entry.observers().eq(now.observers()) {
            let text = format!("{name}, which enters network `{id}`, has other addresses for some observers");
            changes.mesh(head, Disrupts, "gateway-address-from", text);
        }
    }
    for ((cluster, gateway), entry) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        let text =
            format!("gateway `{gateway}` of cluster `{cluster}` now enters network `{id}`, at {}", at(entry));
        changes.mesh(head, Other, "gateway-added", text);
    }
}

fn connectivity(of: PodConnectivity) -> &'static str {
    match of {
        PodConnectivity::None => "none",
        PodConnectivity::Routed => "routed",
    }
}

fn discovery(of: GatewayDiscovery) -> &'static str {
    match of {
        GatewayDiscovery::MeshNetworks => "meshNetworks",
        GatewayDiscovery::Labels => "labels",
    }
}

/// `10.0.0.1:15443`, `[2001:db8::1]:15443`; without an address that the intent knows, `port 15443`.
fn at(entry: &EntryPoint) -> String {
    match &entry.address {
        Some(Address::Ip(std::net::IpAddr::V6(ip))) => format!("[{ip}]:{}", entry.port),
        Some(address) => format!("{address}:{}", entry.port),
        None => format!("port {}", entry.port),
    }
}

/// `meshNetworks` of every control plane: network by network, so that what many see alike is one change.
fn seen(fleets: &Fleets<'_>, changes: &mut Changes) {
    for (was, is) in fleets.kept() {
        if !has_control_plane(was) || !has_control_plane(is) {
            continue;
        }
        let before = mesh_networks(was.0, &was.1.name);
        let after = mesh_networks(is.0, &is.1.name);
        if before == after {
            continue;
        }
        let mut ids: Vec<&String> = before.keys().chain(after.keys()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let what = format!("`meshNetworks`: where network `{id}` is entered");
            let text = moved(&what, &gateways(before.get(id)), &gateways(after.get(id)));
            text.into_iter().for_each(|text| changes.cluster(is, Other, "mesh-networks", text));
        }
    }
}

fn has_control_plane((mesh, cluster): super::In<'_>) -> bool {
    match mesh.hosted() {
        Some(hosted) => hosted.cluster == cluster.name,
        None => cluster.role == meshwright_policies::mesh::Role::Primary,
    }
}

fn gateways(network: Option<&Value>) -> String {
    let list = network.and_then(|network| network.get("gateways")).and_then(Value::as_array);
    let one = |gateway: &Value| {
        let address = gateway.get("address").and_then(Value::as_str).unwrap_or_default();
        let port = gateway.get("port").map(Value::to_string).unwrap_or_default();
        if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
    };
    list.into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}
