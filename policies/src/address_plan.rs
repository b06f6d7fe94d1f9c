//! Which Service answers at which address: every address of the intent with what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::{Address, Port};
use crate::finding::Place;
use crate::gateways;
use crate::intent::{ControlPlane, LoadBalancerProvider, ServiceType};
use crate::mesh::{Cluster, Fleet, Gateway, Mesh, Role};
use crate::names::{ClusterName, MeshName, NetworkId, ObjectName};
use crate::node::FieldPath;

/// One address that the intent gives to one Service.
#[derive(Clone, Debug)]
pub struct AddressUse<'a> {
    /// The address.
    pub address: &'a Address,
    /// The one port that is meant; `None` when the address is the Service's own, with all its ports.
    pub port: Option<Port>,
    /// The mesh.
    pub mesh: &'a Mesh,
    /// The cluster of the Service.
    pub cluster: &'a Cluster,
    /// Name of the Service.
    pub service: String,
    /// What the Service is, for messages: "the ingress gateway".
    pub role: String,
    /// Where the address was written.
    pub place: Place,
}

impl AddressUse<'_> {
    /// Whether two uses cannot both be true: one address (and port), two Services.
    #[must_use]
    pub fn clashes_with(&self, other: &AddressUse<'_>) -> bool {
        let same_service = self.service == other.service
            && self.cluster.name == other.cluster.name
            && self.mesh.name == other.mesh.name;
        let share_port = self.port.is_none() || other.port.is_none() || self.port == other.port;
        !same_service && share_port
    }
}

/// Where private addresses are unique: the network of a cluster that peers reach through address translation; everywhere
/// (`None`) otherwise.
pub type Site<'a> = Option<(&'a MeshName, &'a NetworkId)>;

/// The site of an address of a cluster.
#[must_use]
pub fn site<'a>(mesh: &'a Mesh, cluster: &'a Cluster, address: &Address) -> Site<'a> {
    let translated = cluster.gateways.iter().any(|gateway| gateway.spec.public_address.is_some());
    (translated && address.is_private()).then_some((&mesh.name, &cluster.network))
}

/// The cluster whose hosted control plane serves the mesh, when it is in the mesh.
#[must_use]
pub fn hosting_cluster(mesh: &Mesh) -> Option<&Cluster> {
    match &mesh.spec.control_plane {
        ControlPlane::Hosted(hosted) => mesh.clusters.get(&hosted.cluster),
        ControlPlane::MultiPrimary(_) | ControlPlane::PrimaryRemote(_) => None,
    }
}

/// Addresses of Services in one cluster, as planned: ingress, east-west gateways, control plane.
#[must_use]
pub fn of_cluster<'a>(mesh: &'a Mesh, cluster: &'a Cluster) -> Vec<AddressUse<'a>> {
    let planned = &cluster.spec.load_balancer.addresses;
    let place = |field: &str| cluster.written.place(format!("spec.loadBalancer.addresses.{field}").as_str());
    let mut uses = Vec::new();
    let mut add = |address: Option<&'a Address>, port, service: String, role: String, place: Place| {
        if let Some(address) = address {
            uses.push(AddressUse { address, port, mesh, cluster, service, role, place });
        }
    };
    let shared = cluster.gateways.iter().find(|gateway| gateway.is_shared());
    let ingress =
        shared.map_or_else(|| "istio-ingressgateway".to_owned(), |gateway| gateway.name.to_string());
    add(planned.ingress.as_ref(), None, ingress, "the ingress gateway".to_owned(), place("ingress"));
    let first = cluster.gateways.first();
    let east_west =
        first.map_or_else(|| "istio-eastwestgateway".to_owned(), |gateway| gateway.name.to_string());
    if first.is_none_or(|gateway| gateway.address != planned.east_west) {
        let role = "the east-west gateway".to_owned();
        add(planned.east_west.as_ref(), None, east_west.clone(), role, place("eastWest"));
    }
    for gateway in &cluster.gateways {
        let role = || format!("the east-west gateway `{}`", gateway.name);
        let name = || gateway.name.to_string();
        add(gateway.address.as_ref(), None, name(), role(), gateway.address_place.clone());
        let public = gateway.spec.public_address.as_ref();
        add(public, Some(gateway.spec.port), name(), role(), cluster.dialled_place(gateway));
    }
    let hosted = hosting_cluster(mesh).is_some_and(|host| host.name == cluster.name);
    let (service, role) = match cluster.role {
        _ if hosted => (format!("istiod-{}-hosted-lb", mesh.name), "the hosted istiod".to_owned()),
        // A primary's istiod is exposed through its first east-west gateway, as Istio's primary-remote guides do.
        Role::Primary if first.is_some() => (east_west, "istiod".to_owned()),
        _ => ("istiod".to_owned(), "istiod".to_owned()),
    };
    add(planned.control_plane.as_ref(), None, service, role, place("controlPlane"));
    uses
}

/// Addresses of the whole fleet: of every cluster, then the entries of every network, by name.
#[must_use]
pub fn of_fleet(fleet: &Fleet) -> Vec<AddressUse<'_>> {
    let mut uses: Vec<_> = fleet.clusters().flat_map(|(mesh, cluster)| of_cluster(mesh, cluster)).collect();
    for mesh in fleet.meshes.values() {
        for network in mesh.networks.values() {
            for entry in &network.entries {
                let (Some(address), Some(cluster)) = (&entry.address, mesh.clusters.get(&entry.cluster))
                else {
                    continue;
                };
                uses.push(AddressUse {
                    address,
                    port: Some(entry.port),
                    mesh,
                    cluster,
                    service: entry.gateway.to_string(),
                    role: format!("the entry of network `{}`", network.id),
                    place: entry.place.clone(),
                });
            }
        }
    }
    uses
}

/// How many Services of type LoadBalancer the intent puts into a cluster.
#[must_use]
pub fn load_balancer_services(mesh: &Mesh, cluster: &Cluster) -> usize {
    let gateways =
        cluster.gateways.iter().filter(|gateway| gateway.spec.service.kind == ServiceType::LoadBalancer);
    let shared = cluster.gateways.iter().any(|gateway| gateway.is_shared());
    let ingress = cluster.spec.load_balancer.addresses.ingress.is_some() && !shared;
    let hosted = hosting_cluster(mesh).is_some_and(|host| host.name == cluster.name);
    gateways.count() + usize::from(ingress) + usize::from(hosted)
}

/// Whether MetalLB gives this cluster's Services their addresses, from declared pools.
#[must_use]
pub fn has_pools(cluster: &Cluster) -> bool {
    let balancer = &cluster.spec.load_balancer;
    balancer.effective_provider() == LoadBalancerProvider::Metallb
        && balancer.metallb.as_ref().is_some_and(|metallb| !metallb.pools.is_empty())
}

/// Whether MetalLB is asked for addresses of declared pools: where it gives them, and where it only writes into the
/// Service's status what a person brings to the nodes (`provider: manual` beside `metallb`).
#[must_use]
pub fn asks_metallb(cluster: &Cluster) -> bool {
    let balancer = &cluster.spec.load_balancer;
    let by_hand =
        balancer.effective_provider() == LoadBalancerProvider::Manual && cluster.role != Role::HostedWorker;
    let pools = balancer.metallb.as_ref().is_some_and(|metallb| !metallb.pools.is_empty());
    has_pools(cluster) || by_hand && pools
}

/// The field of the cluster's pools whose range holds the address.
#[must_use]
pub fn pool_range(cluster: &Cluster, ip: IpAddr) -> Option<String> {
    let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools).enumerate();
    pools
        .flat_map(|(i, pool)| pool.addresses.iter().enumerate().map(move |(j, range)| (i, j, range)))
        .find_map(|(i, j, range)| {
            range.contains(ip).then(|| format!("spec.loadBalancer.metallb.pools[{i}].addresses[{j}]"))
        })
}

/// What an annotation asks MetalLB for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// `loadBalancerIPs`: addresses, joined by commas.
    Addresses,
    /// `address-pool`: an address of a pool.
    Pool,
}

/// A declared annotation of a gateway's Service that MetalLB reads.
#[derive(Clone, Debug)]
pub struct Annotation<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// What it asks for.
    pub asks: Asks,
    /// Where it is written.
    pub place: Place,
}

/// The annotations by which a gateway's declared Service asks MetalLB for an address, under both of MetalLB's prefixes
/// (metallb/metallb: release notes 0.14.9, `controller/service.go`).
pub fn metallb_annotations<'a>(
    cluster: &'a Cluster,
    gateway: &'a Gateway,
) -> impl Iterator<Item = Annotation<'a>> {
    let own = &gateway.spec.service.annotations;
    let shared = &cluster.spec.load_balancer.annotations;
    let balanced = gateway.spec.service.kind == ServiceType::LoadBalancer;
    let shared = shared.iter().filter(|(key, _)| !own.contains_key(*key)).map(|pair| (pair, false));
    let all = own.iter().map(|pair| (pair, true)).chain(shared).filter(move |_| balanced);
    all.filter_map(|((key, value), own)| {
        let name = key.strip_prefix("metallb.io/").or_else(|| key.strip_prefix("metallb.universe.tf/"))?;
        let asks = match name {
            "loadBalancerIPs" => Asks::Addresses,
            "address-pool" => Asks::Pool,
            _ => return None,
        };
        let place = if own {
            gateways::under(cluster, gateway, FieldPath::parse("service.annotations").key(key))
        } else {
            cluster.written.place(FieldPath::parse("spec.loadBalancer.annotations").key(key))
        };
        Some(Annotation { key, value, asks, place })
    })
}

/// Addresses in use, by cluster: what a pool has left is the rest.
#[must_use]
pub fn taken<'a>(uses: &[AddressUse<'a>]) -> BTreeMap<&'a ClusterName, BTreeSet<IpAddr>> {
    let mut taken: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for used in uses {
        taken.entry(&used.cluster.name).or_default().extend(used.address.ip());
    }
    taken
}

/// The first address of the cluster's pools that nothing uses, with the pool's name.
#[must_use]
pub fn free_address<'a>(cluster: &'a Cluster, taken: &BTreeSet<IpAddr>) -> Option<(IpAddr, &'a ObjectName)> {
    let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
    pools.flat_map(|pool| pool.addresses.iter().map(move |range| (pool, *range))).find_map(|(pool, range)| {
        let (first, last) = range.bounds();
        let mut next = Some(first);
        // As many addresses can be taken as there are uses, so the search is short even in an IPv6 pool.
        for _ in 0..=taken.len() {
            let ip = next.filter(|ip| *ip <= last)?;
            if !taken.contains(&ip) {
                return Some((ip, &pool.name));
            }
            next = successor(ip);
        }
        None
    })
}

fn successor(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|ip| IpAddr::V4(Ipv4Addr::from(ip))),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|ip| IpAddr::V6(Ipv6Addr::from(ip))),
    }
}

/// Where a control plane is reached by the clusters that it serves.
#[derive(Clone, Debug)]
pub struct ControlPlaneAddress<'a> {
    /// The cluster that runs it.
    pub owner: &'a Cluster,
    /// Its address.
    pub address: &'a Address,
    /// Where the address was written.
    pub place: Place,
}

/// Addresses of the control planes that serve other clusters: the planned one, or else that of the gateway through which a
/// primary's istiod is exposed.
#[must_use]
pub fn control_planes(mesh: &Mesh) -> Vec<ControlPlaneAddress<'_>> {
    let serving: BTreeSet<&ClusterName> = mesh
        .clusters
        .values()
        .filter_map(|cluster| match &cluster.role {
            Role::Remote { primary } => primary.as_ref(),
            Role::Primary | Role::HostedWorker => None,
        })
        .chain(hosting_cluster(mesh).filter(|_| mesh.clusters.len() > 1).map(|host| &host.name))
        .collect();
    let owners = serving.into_iter().filter_map(|name| mesh.clusters.get(name));
    owners.filter_map(control_plane_of).collect()
}

fn control_plane_of(owner: &Cluster) -> Option<ControlPlaneAddress<'_>> {
    if let Some(address) = &owner.spec.load_balancer.addresses.control_plane {
        let place = owner.written.place("spec.loadBalancer.addresses.controlPlane");
        return Some(ControlPlaneAddress { owner, address, place });
    }
    let gateway = owner.gateways.first().filter(|_| owner.role == Role::Primary)?;
    Some(ControlPlaneAddress { owner, address: gateway.dialled()?, place: owner.dialled_place(gateway) })
}
