//! Consequences worth knowing before they are met.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::address::Address;
use meshwright_policies::intent::{GatewayDiscovery, InstallMethod, NetworkView, Profile};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::names::{ClusterName, NetworkId};
use meshwright_policies::overlap::{Interval, groups};

use super::markdown::{Page, code, some};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Consequences worth knowing");
    let mut items = Vec::new();
    gateways(mesh, &mut items);
    platform(mesh, &mut items);
    always(mesh, &mut items);
    page.list(items);
}

fn which(mesh: &Mesh, has: impl Fn(&&Cluster) -> bool) -> Option<String> {
    let clusters: Vec<_> = mesh.clusters.values().filter(has).map(|cluster| &cluster.name).collect();
    (!clusters.is_empty()).then(|| some(clusters, 6))
}

fn gateways(mesh: &Mesh, items: &mut Vec<String>) {
    let own_view = |cluster: &&Cluster| {
        cluster.gateways.iter().any(|g| g.is_shared() && g.spec.network_view == NetworkView::Own)
    };
    if let Some(clusters) = which(mesh, own_view) {
        items.push(format!(
            "**No failover for users' traffic** in {clusters}: the shared gateway sees endpoints of its own network only, so \
             a request that enters there fails when that network's endpoints do, though other clusters have healthy ones. \
             `networkView: all`, or an ingress gateway of its own, changes that.",
        ));
    }
    let named: Vec<String> = mesh
        .networks
        .values()
        .flat_map(|network| &network.entries)
        .filter_map(|entry| match &entry.address {
            Some(Address::Name(name)) => Some(name.to_string()),
            Some(Address::Ip(_)) | None => None,
        })
        .collect();
    if !named.is_empty() {
        items.push(format!(
            "**Gateways known by a DNS name** ({}): every istiod resolves them itself (`RESOLVE_HOSTNAME_GATEWAYS`), so the \
             name must resolve in every cluster, and a changed record arrives only with the next resolution.",
            some(named, 6)
        ));
    }
    let mesh_networks: Vec<_> = mesh
        .networks
        .values()
        .filter(|network| !network.entries.is_empty())
        .filter(|network| mesh.gateway_discovery(network) == GatewayDiscovery::MeshNetworks)
        .map(|network| &network.id)
        .collect();
    if !mesh_networks.is_empty() {
        items.push(format!(
            "**Gateways by `meshNetworks`** ({}): their Services carry no network label. The label would register each a second \
             time, and traffic would go to both addresses.",
            some(mesh_networks, 6)
        ));
    }
    if mesh.clusters.values().any(|cluster| !cluster.gateways.is_empty()) {
        let operator = |cluster: &Cluster| cluster.istio.install == InstallMethod::IstioOperator;
        let why = if mesh.clusters.values().any(operator) {
            "all of them are part of its Deployment's selector with IstioOperator, and Mspider refuses too"
        } else {
            "`app` and `istio` are part of its Deployment's selector"
        };
        items.push(format!(
            "**Labels of a gateway do not change in place**: {why}. To move one to another network, delete it and make it \
             anew; its network has no entry meanwhile."
        ));
        items.push(
            "**A change of listeners closes connections** of the gateway's clients: ports, TLS settings and hosts are for a \
             quiet hour."
                .to_owned(),
        );
    }
}

fn platform(mesh: &Mesh, items: &mut Vec<String>) {
    let Some(hosted) = mesh.hosted() else { return };
    items.push(format!(
        "**Istio's resources belong in the hosted API server** {}: the cross-network Gateway and traffic rules have no effect \
         in a work cluster.",
        code(&format!("{}-hosted-apiserver", mesh.name))
    ));
    let carried = &hosted.mspider.control_plane_params;
    items.push(format!(
        "**GlobalMesh and MeshCluster lists are replaced whole** by server-side apply. What is not in the intent is lost, so it \
         carries {} of the GlobalMesh{}, and each cluster the parameters of its MeshCluster. Compare with the live objects \
         before the first apply.",
        super::words::count(carried.len(), "other parameter"),
        if carried.is_empty() { String::new() } else { format!(" ({})", some(carried.keys(), 12)) },
    ));
    items.push(
        "**Mspider's parameters are flat keys that split at dots**: names with a dot cannot be written there, and every value \
         is a string."
            .to_owned(),
    );
    items.push(
        "**Joining or leaving the interconnection restarts the control plane**; proxies keep what they have meanwhile."
            .to_owned(),
    );
}

fn always(mesh: &Mesh, items: &mut Vec<String>) {
    if mesh.clusters.len() > 1 {
        items.push(
            "**Services of the same namespace and name are one Service** to the mesh, whichever cluster they are in. Two \
             different programs under one name take each other's requests; `serviceSettings` with `clusterLocal: true` keeps \
             one at home. Ports and port names must be equal."
                .to_owned(),
        );
    }
    if mesh.is_multi_network() {
        items.push(
            "**The namespace's network label beats `meshNetworks`**: a label copied from a neighbour silently wins, and its \
             pods are then dialled directly, where nobody reaches them."
                .to_owned(),
        );
    }
    if let Some(clusters) = same_pod_addresses(mesh) {
        items.push(format!(
            "**Pods of several networks have the same addresses** ({clusters}): gateways keep them apart, so the mesh does not mind. \
             The networks cannot be joined without a gateway later (`podConnectivity: routed`, a VPN, peered VPCs), and an address in a \
             log or in a rule by `ipBlocks` does not say which cluster it is of."
        ));
    }
    if mesh.spec.failover.is_empty() && mesh.clusters.len() > 1 {
        items.push(
            "**Locality failover needs outlier detection**: without a DestinationRule that has it, requests keep going to the \
             nearest endpoints however sick they are. None is declared under `failover`."
                .to_owned(),
        );
    }
    if let Some(clusters) = which(mesh, |cluster| cluster.istio.profile == Some(Profile::Demo)) {
        items.push(format!(
            "**Profile `demo`** in {clusters} traces every request and asks for few resources."
        ));
    }
}

/// Clusters of different networks whose pod CIDRs overlap. Inside one network that is an error.
fn same_pod_addresses(mesh: &Mesh) -> Option<String> {
    let networks: BTreeMap<&NetworkId, usize> = mesh.networks.keys().zip(0..).collect();
    let mut whose: Vec<(&ClusterName, usize)> = Vec::new();
    let mut intervals = Vec::new();
    for cluster in mesh.clusters.values() {
        let Some(network) = networks.get(&cluster.network) else { continue };
        for cidr in &cluster.spec.pod_cidrs {
            whose.push((&cluster.name, *network));
            intervals.push(Interval::of_cidr(*cidr, *network));
        }
    }
    let mut names = BTreeSet::new();
    for group in groups(&intervals) {
        let members: Vec<_> = group.iter().filter_map(|index| whose.get(*index)).collect();
        let of: BTreeSet<usize> = members.iter().map(|(_, network)| *network).collect();
        if of.len() > 1 {
            names.extend(members.iter().map(|(name, _)| *name));
        }
    }
    (!names.is_empty()).then(|| some(names, 6))
}
