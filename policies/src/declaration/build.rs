//! The resolved mesh -> the declarations of its clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    DeclarationSpec, DeclaredCluster, DeclaredControlPlane, DeclaredEntry, DeclaredGateway, DeclaredIstio,
    DeclaredMesh, DeclaredNetwork, DeclaredPool, DeclaredPort, DeclaredPrevious, DeclaredRole, DialledBefore,
    Exception,
};
use crate::address::Address;
use crate::intent::{AddressPool, CertificateAuthority, InstallMethod, Locality};
use crate::mesh::{Cluster, EntryPoint, Fleet, Gateway, GatewayPort, Mesh, Role};
use crate::names::{ClusterId, ClusterName, DnsName, NetworkId, ObjectName};

/// What all declarations of a mesh share, computed once.
#[derive(Debug)]
pub struct MeshFacts<'a> {
    fleet: &'a Fleet,
    mesh: &'a Mesh,
    networks: Arc<BTreeMap<NetworkId, DeclaredNetwork>>,
    /// Entry points that are not the same for everybody.
    seen_differently: Vec<(&'a NetworkId, usize, &'a EntryPoint)>,
    remotes: BTreeMap<ClusterId, String>,
    regions: Vec<String>,
}

impl<'a> MeshFacts<'a> {
    /// Computes it.
    #[must_use]
    pub fn new(fleet: &'a Fleet, mesh: &'a Mesh) -> MeshFacts<'a> {
        let networks = Arc::new(networks(mesh));
        let entries = mesh.networks.values().flat_map(|network| {
            network.entries.iter().enumerate().map(|(index, entry)| (&network.id, index, entry))
        });
        let differs = |(_, _, entry): &(_, _, &EntryPoint)| {
            !entry.address_from.is_empty()
                || mesh.gateway_before(entry).any(|before| !before.address_from.is_empty())
        };
        let seen_differently = entries.filter(differs).collect();
        let (remotes, regions) = (remotes(mesh), regions(mesh));
        MeshFacts { fleet, mesh, networks, seen_differently, remotes, regions }
    }

    /// The mesh.
    #[must_use]
    pub fn mesh(&self) -> &'a Mesh {
        self.mesh
    }

    /// All networks, as a cluster sees them that no `addressFrom` names.
    #[must_use]
    pub fn networks(&self) -> &Arc<BTreeMap<NetworkId, DeclaredNetwork>> {
        &self.networks
    }

    /// Every cluster of the mesh as an istiod reads it.
    #[must_use]
    pub fn remotes(&self) -> &BTreeMap<ClusterId, String> {
        &self.remotes
    }

    /// Entry points that are others for this observer: network, index, and how it sees them.
    pub fn seen_differently<'s>(
        &'s self,
        observer: &'s ClusterName,
    ) -> impl Iterator<Item = (&'s NetworkId, usize, DeclaredEntry)> {
        self.seen_differently.iter().filter_map(move |(network, index, entry)| {
            let mut before = self.mesh.gateway_before(entry);
            let differs = entry.seen_by(observer).is_some()
                || before.any(|before| before.address_from.contains_key(observer));
            differs.then(|| Some((*network, *index, declared_entry(self.mesh, entry, Some(observer))?)))?
        })
    }

    /// The declaration of a cluster, with what it shares with others left out when `own_only`: networks, remote
    /// secrets. Provenance is added by whoever writes it.
    #[must_use]
    pub fn declare(&self, cluster: &Cluster, own_only: bool) -> DeclarationSpec {
        let mesh = self.mesh;
        let (networks, remote_secrets) = if own_only {
            (Arc::default(), BTreeMap::new())
        } else {
            (self.seen_by(cluster), self.read_by(cluster))
        };
        let balancer = &cluster.spec.load_balancer;
        DeclarationSpec {
            mesh: DeclaredMesh {
                name: mesh.name.clone(),
                id: mesh.id.clone(),
                trust_domain: mesh.spec.trust_domain.clone(),
                trust_domain_aliases: mesh.spec.trust_domain_aliases.clone(),
                cluster_domain: mesh.spec.cluster_domain.clone(),
                regions: self.regions.clone(),
                root_certificate_sha256: mesh.spec.ca.as_ref().and_then(CertificateAuthority::fingerprint),
                root_lifetime: mesh.spec.ca.as_ref().and_then(|ca| ca.root_lifetime),
                intermediate_lifetime: mesh.spec.ca.as_ref().and_then(|ca| ca.intermediate_lifetime),
            },
            cluster: identity(cluster),
            network: cluster.network.clone(),
            control_plane: control_plane(mesh, cluster),
            istio: istio(cluster),
            gateways: gateways(mesh, cluster),
            addresses: balancer.addresses.clone(),
            pools: pools(cluster),
            workload_networks: cluster.spec.workload_networks.clone(),
            pod_cidrs: cluster.spec.pod_cidrs.clone(),
            service_cidrs: cluster.spec.service_cidrs.clone(),
            locality: cluster.spec.locality.clone(),
            nodes: nodes(cluster),
            previous: previous(mesh, cluster),
            exceptions: exceptions(self.fleet, &cluster.name),
            networks,
            remote_secrets,
            provenance: Vec::new(),
        }
    }

    /// The declaration of a cluster as far as objects are judged by it: without remote secrets, which are many.
    #[must_use]
    pub fn judged(&self, cluster: &Cluster) -> DeclarationSpec {
        let mut declaration = self.declare(cluster, true);
        declaration.networks = self.seen_by(cluster);
        declaration
    }

    fn seen_by(&self, cluster: &Cluster) -> Arc<BTreeMap<NetworkId, DeclaredNetwork>> {
        let mut networks = Arc::clone(&self.networks);
        for (id, index, seen) in self.seen_differently(&cluster.name) {
            let entry = Arc::make_mut(&mut networks).get_mut(id).and_then(|n| n.gateways.get_mut(index));
            if let Some(entry) = entry {
                *entry = seen;
            }
        }
        networks
    }

    fn read_by(&self, cluster: &Cluster) -> BTreeMap<ClusterId, String> {
        if cluster.role != Role::Primary {
            return BTreeMap::new();
        }
        let mut remotes = self.remotes.clone();
        remotes.remove(&cluster.id);
        remotes
    }
}

fn identity(cluster: &Cluster) -> DeclaredCluster {
    DeclaredCluster { name: cluster.name.clone(), id: cluster.id.clone() }
}

fn networks(mesh: &Mesh) -> BTreeMap<NetworkId, DeclaredNetwork> {
    let mut members: BTreeMap<&NetworkId, Vec<ClusterId>> = BTreeMap::new();
    let mut names: BTreeMap<&NetworkId, BTreeMap<ClusterId, ClusterName>> = BTreeMap::new();
    let mut previous: BTreeMap<&NetworkId, BTreeSet<&NetworkId>> = BTreeMap::new();
    let mut previous_clusters: BTreeMap<&NetworkId, BTreeMap<ClusterId, ClusterId>> = BTreeMap::new();
    for cluster in mesh.clusters.values() {
        let id = cluster.spec.previous.as_ref().and_then(|previous| previous.cluster_id.as_ref());
        if let Some(id) = id.filter(|id| **id != cluster.id) {
            previous_clusters.entry(&cluster.network).or_default().insert(id.clone(), cluster.id.clone());
        }
        members.entry(&cluster.network).or_default().push(cluster.id.clone());
        let before = cluster.spec.previous.as_ref().and_then(|previous| previous.network.as_ref());
        if let Some(before) = before.filter(|before| **before != cluster.network) {
            previous.entry(&cluster.network).or_default().insert(before);
        }
        if cluster.id.as_str() != cluster.name.as_str() {
            names.entry(&cluster.network).or_default().insert(cluster.id.clone(), cluster.name.clone());
        }
    }
    mesh.networks
        .values()
        .map(|network| {
            let gateways = network.entries.iter().filter_map(|entry| declared_entry(mesh, entry, None));
            let declared = DeclaredNetwork {
                clusters: members.remove(&network.id).unwrap_or_default(),
                names: names.remove(&network.id).unwrap_or_default(),
                previous: previous.remove(&network.id).into_iter().flatten().cloned().collect(),
                previous_clusters: previous_clusters.remove(&network.id).unwrap_or_default(),
                discovery: mesh.gateway_discovery(network),
                gateways: gateways.collect(),
            };
            (network.id.clone(), declared)
        })
        .collect()
}

/// An entry point as an observer sees it, or as everybody does that no `addressFrom` names.
fn declared_entry(mesh: &Mesh, entry: &EntryPoint, observer: Option<&ClusterName>) -> Option<DeclaredEntry> {
    let owner = mesh.clusters.get(&entry.cluster)?;
    let seen = observer.and_then(|observer| entry.seen_by(observer));
    let address = seen.map(|(_, address)| address).or(entry.address.as_ref());
    // Itself, or its primary.
    let observer = seen.map(|(named, _)| named).or(observer);
    let gateway = owner.gateways.iter().find(|gateway| gateway.name == entry.gateway);
    let translated = gateway.is_some_and(|gateway| gateway.is_translated(address));
    let mut previous: Vec<DialledBefore> = Vec::new();
    for before in owner.before(&entry.gateway) {
        let Some(dialled) = before.dialled(observer, translated).or(address) else { continue };
        let dialled = DialledBefore { address: dialled.clone(), port: before.port.unwrap_or(entry.port) };
        let is_now = address == Some(&dialled.address) && dialled.port == entry.port;
        if !is_now && !previous.contains(&dialled) {
            previous.push(dialled);
        }
    }
    let (name, port) = (entry.gateway.clone(), entry.port);
    let (cluster, address) = (owner.id.clone(), address.cloned());
    Some(DeclaredEntry { cluster, name, address, port, previous })
}

/// What differs from the present. Gateways and pools that are told twice were as each of them says.
fn previous(mesh: &Mesh, cluster: &Cluster) -> DeclaredPrevious {
    let mut all = DeclaredPrevious::default();
    if let Some(before) = &mesh.spec.previous {
        all.mesh_id = before.mesh_id.clone().filter(|id| *id != mesh.id);
        let root = mesh.spec.ca.as_ref().and_then(CertificateAuthority::fingerprint);
        all.root_certificate_sha256 = before.fingerprint().filter(|before| root.as_ref() != Some(before));
        all.trust_domain = before.trust_domain.clone().filter(|domain| *domain != mesh.spec.trust_domain);
    }
    let serving = mesh.serving(cluster);
    all.primary_id = serving.and_then(|serving| serving.spec.previous.as_ref()?.cluster_id.clone());
    if cluster.role == Role::Primary {
        all.remote_secrets = remotes_before(mesh, cluster);
    }
    let Some(before) = &cluster.spec.previous else { return all };
    all.network.clone_from(&before.network);
    all.cluster_id.clone_from(&before.cluster_id);
    let ingress = &cluster.spec.load_balancer.addresses.ingress;
    all.ingress = before.ingress_address.clone().filter(|address| ingress.as_ref() != Some(address));
    let now = gateways(mesh, cluster);
    for (index, (gateway, now)) in cluster.gateways.iter().zip(&now).enumerate() {
        for before in cluster.before(&gateway.name) {
            let then = Gateway { spec: before.laid_over(&gateway.spec), ..gateway.clone() };
            // Addresses, and the port that peers dial, are told apart.
            let declared = DeclaredGateway {
                address: now.address.clone(),
                public_address: now.public_address.clone(),
                previous_addresses: now.previous_addresses.clone(),
                port: now.port,
                ..gateway_of(mesh, cluster, index, &then)
            };
            if declared != *now && !all.gateways.contains(&declared) {
                all.gateways.push(declared);
            }
        }
    }
    if let Some(metallb) = &cluster.spec.load_balancer.metallb {
        let now = pools(cluster);
        let then = before.pools.iter().map(|pool| declared_pool(&metallb.namespace, pool));
        all.pools = then.filter(|pool| !now.contains(pool)).collect();
    }
    all
}

/// Where the peers were until the change, by which they are read.
fn remotes_before(mesh: &Mesh, reader: &Cluster) -> BTreeMap<ClusterId, String> {
    let others = mesh.clusters.values().filter(|other| other.name != reader.name);
    let before = |other: &Cluster| {
        let server = other.spec.previous.as_ref()?.api_server.as_ref()?;
        Some((other.id.clone(), server.to_string()))
    };
    others.filter_map(before).collect()
}

fn remotes(mesh: &Mesh) -> BTreeMap<ClusterId, String> {
    let remote = |cluster: &Cluster| {
        let access = cluster.spec.remote_access.api_server.as_ref();
        let server = access.or(cluster.spec.kubernetes.api_server.as_ref());
        server.map(ToString::to_string).unwrap_or_default()
    };
    mesh.clusters.values().map(|cluster| (cluster.id.clone(), remote(cluster))).collect()
}

/// The regions of all nodes, once each; none when a cluster does not say where all its nodes are.
#[must_use]
pub fn regions(mesh: &Mesh) -> Vec<String> {
    let mut regions = BTreeSet::new();
    for cluster in mesh.clusters.values() {
        let spec = &cluster.spec;
        let everywhere = spec.locality.is_some() || !spec.nodes.is_empty();
        if !everywhere || spec.locality.is_none() && spec.nodes.iter().any(|node| node.locality.is_none()) {
            return Vec::new();
        }
        let nodes = spec.nodes.iter().filter_map(|node| node.locality.as_ref());
        regions.extend(spec.locality.iter().chain(nodes).map(|locality| locality.region.as_str()));
    }
    regions.into_iter().map(str::to_owned).collect()
}

fn nodes(cluster: &Cluster) -> BTreeMap<DnsName, Locality> {
    let own = cluster.spec.nodes.iter();
    own.filter_map(|node| Some((node.name.clone(), node.locality.clone()?))).collect()
}

fn control_plane(mesh: &Mesh, cluster: &Cluster) -> DeclaredControlPlane {
    let role = match &cluster.role {
        Role::Primary => DeclaredRole::Primary,
        Role::Remote { .. } => DeclaredRole::Remote,
        Role::HostedWorker => DeclaredRole::HostedWorker,
    };
    DeclaredControlPlane {
        role,
        primary: mesh.serving(cluster).map(identity),
        address: mesh.control_plane_address(cluster).cloned(),
        previous_addresses: mesh.control_plane_before(cluster).into_iter().cloned().collect(),
        serves_others: mesh.serves_remotes(cluster),
    }
}

fn istio(cluster: &Cluster) -> DeclaredIstio {
    let istio = &cluster.istio;
    DeclaredIstio {
        version: istio.version.clone(),
        namespace: istio.namespace.clone(),
        revision: istio.revision.clone(),
        install: istio.install,
        profile: istio.profile,
        data_plane: istio.data_plane,
    }
}

fn pools(cluster: &Cluster) -> Vec<DeclaredPool> {
    let Some(metallb) = &cluster.spec.load_balancer.metallb else { return Vec::new() };
    metallb.pools.iter().map(|pool| declared_pool(&metallb.namespace, pool)).collect()
}

fn declared_pool(namespace: &ObjectName, pool: &AddressPool) -> DeclaredPool {
    DeclaredPool {
        name: pool.name.clone(),
        namespace: namespace.clone(),
        addresses: pool.addresses.clone(),
        auto_assign: pool.auto_assign,
        advertise: pool.advertise,
        interfaces: pool.interfaces.clone(),
    }
}

fn exceptions(fleet: &Fleet, cluster: &ClusterName) -> Vec<Exception> {
    let concerning =
        fleet.settings.iter().filter(|(s, _)| s.clusters.is_empty() || s.clusters.contains(cluster));
    let exception = |setting: &crate::intent::PolicySetting| Exception {
        code: setting.code.clone(),
        severity: setting.severity,
        objects: setting.objects.clone(),
        reason: setting.reason.clone(),
        expires: setting.expires,
    };
    concerning.map(|(setting, _)| exception(setting)).collect()
}

fn gateways(mesh: &Mesh, cluster: &Cluster) -> Vec<DeclaredGateway> {
    let all = cluster.gateways.iter().enumerate();
    all.map(|(index, gateway)| gateway_of(mesh, cluster, index, gateway)).collect()
}

fn gateway_of(mesh: &Mesh, cluster: &Cluster, index: usize, gateway: &Gateway) -> DeclaredGateway {
    let exposes_istiod = mesh.serves_remotes(cluster) && index == 0;
    DeclaredGateway {
        name: gateway.name.clone(),
        istio_label: gateway.istio_label().to_owned(),
        layout: gateway.spec.layout,
        network_view: gateway.spec.network_view,
        address: gateway.address.clone(),
        public_address: gateway.spec.public_address.clone(),
        previous_addresses: previous_addresses(cluster, gateway),
        port: gateway.spec.port,
        service_type: gateway.spec.service.kind,
        external_traffic_policy: gateway.spec.service.external_traffic_policy,
        ports: ports(cluster.istio.install, gateway, exposes_istiod),
    }
}

fn previous_addresses(cluster: &Cluster, gateway: &Gateway) -> Vec<Address> {
    let now = [gateway.address.as_ref(), gateway.spec.public_address.as_ref()];
    let mut all: Vec<Address> = Vec::new();
    for before in cluster.before(&gateway.name) {
        for address in before.address.iter().chain(&before.public_address) {
            if !now.contains(&Some(address)) && !all.contains(address) {
                all.push(address.clone());
            }
        }
    }
    all
}

fn ports(install: InstallMethod, gateway: &Gateway, exposes_istiod: bool) -> Vec<DeclaredPort> {
    let declared = |port: GatewayPort| {
        let node_port = gateway.spec.service.node_ports.get(&port.name).copied();
        let name = ObjectName::new(port.name).ok()?;
        Some(DeclaredPort { name, port: port.port, target_port: Some(port.target), node_port })
    };
    gateway.service_ports(install, exposes_istiod).into_iter().filter_map(declared).collect()
}
