//! What a picture of a mesh shows, before it is drawn in any format. All texts are plain, as in the intent.

use std::collections::BTreeMap;

use meshwright_policies::address::{Address, Port};
use meshwright_policies::intent::ControlPlane;
use meshwright_policies::mesh::{Cluster, EntryPoint, Fleet, Mesh, Role};
use meshwright_policies::names::{ClusterName, NetworkId};

/// More clusters than this, and a picture that has to fit on a page shows networks only.
const MANY_CLUSTERS: usize = 40;
/// More networks than this, and it shows the first ones.
const MANY_NETWORKS: usize = 60;
/// More entries of one network than this, and it shows the first ones.
const MANY_ENTRIES: usize = 4;

/// All that is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Meshes, by name.
    pub meshes: Vec<MeshNode>,
}

/// One mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshNode {
    /// Its name.
    pub name: String,
    /// Its networks, by ID.
    pub networks: Vec<NetworkNode>,
    /// Clusters outside of the mesh that manage it.
    pub managers: Vec<String>,
    /// Who configures or reads whom.
    pub control: Vec<ControlEdge>,
    /// Whether so many primaries read each other that one point says it better; `control` then has only the first one's
    /// edges of that kind.
    pub readers_meet: bool,
    /// Networks that were left out.
    pub hidden_networks: usize,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkNode {
    /// Its ID.
    pub id: String,
    /// Its clusters, by name; empty when the picture shows networks only.
    pub clusters: Vec<ClusterNode>,
    /// How many clusters it has.
    pub members: usize,
    /// Where it is entered.
    pub entries: Vec<EntryNode>,
    /// Entries that were left out.
    pub hidden_entries: usize,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// Its part in the control plane.
    pub role: String,
    /// Versions and ranges, one line each.
    pub facts: Vec<String>,
    /// An istiod that serves other clusters: what it is and where.
    pub istiod: Option<String>,
}

/// An entry of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryNode {
    /// The cluster whose gateway it is.
    pub cluster: String,
    /// The gateway.
    pub gateway: String,
    /// Address and port that peers dial, or what is known of them.
    pub address: String,
}

/// A relation of the control plane between two clusters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlEdge {
    /// The one that serves, reads or manages.
    pub from: String,
    /// The one that is served, read or managed.
    pub to: String,
    /// Which.
    pub kind: ControlKind,
}

/// What an istiod does with another cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControlKind {
    /// Configures its proxies and reads its API server.
    Serves,
    /// Reads its API server.
    Reads,
    /// Each reads the other's API server.
    ReadEachOther,
    /// The platform manages it.
    Manages,
}

impl ControlKind {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ControlKind::Serves => "configures, reads API server",
            ControlKind::Reads => "reads API server",
            ControlKind::ReadEachOther => "read both API servers",
            ControlKind::Manages => "manages",
        }
    }
}

impl Topology {
    /// Everything.
    #[must_use]
    pub fn of_fleet(fleet: &Fleet) -> Topology {
        Topology { meshes: fleet.meshes.values().map(mesh_node).collect() }
    }
}

/// One mesh, as much of it as can be read on one page.
#[must_use]
pub fn page_node(mesh: &Mesh) -> MeshNode {
    let large = mesh.clusters.len() > MANY_CLUSTERS;
    let mut node = node(mesh, !large);
    node.hidden_networks = node.networks.len().saturating_sub(MANY_NETWORKS);
    node.networks.truncate(MANY_NETWORKS);
    for network in &mut node.networks {
        network.hidden_entries = network.entries.len().saturating_sub(MANY_ENTRIES);
        network.entries.truncate(MANY_ENTRIES);
    }
    node
}

/// One mesh.
#[must_use]
pub fn mesh_node(mesh: &Mesh) -> MeshNode {
    node(mesh, true)
}

fn node(mesh: &Mesh, with_clusters: bool) -> MeshNode {
    let mut members: BTreeMap<&NetworkId, Vec<&Cluster>> = BTreeMap::new();
    for cluster in mesh.clusters.values() {
        members.entry(&cluster.network).or_default().push(cluster);
    }
    let members = |id| members.get(id).map_or(&[][..], Vec::as_slice);
    let mut networks: BTreeMap<&NetworkId, NetworkNode> = BTreeMap::new();
    let undeclared = mesh.clusters.values().map(|cluster| (&cluster.network, Vec::new()));
    let declared = mesh.networks.values().map(|n| (&n.id, n.entries.iter().map(entry_node).collect()));
    for (id, entries) in declared.chain(undeclared) {
        networks.entry(id).or_insert_with(|| NetworkNode {
            id: id.to_string(),
            clusters: members(id).iter().filter(|_| with_clusters).map(|c| cluster_node(mesh, c)).collect(),
            members: members(id).len(),
            entries,
            hidden_entries: 0,
        });
    }
    let managers = match &mesh.spec.control_plane {
        ControlPlane::Hosted(hosted) => vec![hosted.mspider.global_cluster.to_string()],
        ControlPlane::MultiPrimary(_) | ControlPlane::PrimaryRemote(_) => Vec::new(),
    };
    MeshNode {
        name: mesh.name.to_string(),
        networks: networks.into_values().collect(),
        managers: managers
            .into_iter()
            .filter(|name| !mesh.clusters.keys().any(|c| c.as_str() == name))
            .collect(),
        control: if with_clusters { control_edges(mesh) } else { Vec::new() },
        readers_meet: readers_meet(mesh),
        hidden_networks: 0,
    }
}

/// More primaries than this, and the lines between them become a ball of wool (and, at thousands, do not fit in memory).
const MANY_PRIMARIES: usize = 6;

fn readers_meet(mesh: &Mesh) -> bool {
    mesh.primaries().count() > MANY_PRIMARIES
}

fn entry_node(entry: &EntryPoint) -> EntryNode {
    let address = match &entry.address {
        Some(Address::Ip(std::net::IpAddr::V6(ip))) => format!("[{ip}]:{}", entry.port),
        Some(address) => format!("{address}:{}", entry.port),
        None => format!("port {}", entry.port),
    };
    EntryNode { cluster: entry.cluster.to_string(), gateway: entry.gateway.to_string(), address }
}

fn cluster_node(mesh: &Mesh, cluster: &Cluster) -> ClusterNode {
    let kubernetes = &cluster.spec.kubernetes;
    let mut facts = vec![format!("Istio {}", cluster.istio.version)];
    if let Some(version) = &kubernetes.version {
        facts.push(match &kubernetes.distribution {
            Some(distribution) => format!("Kubernetes {version}, {distribution}"),
            None => format!("Kubernetes {version}"),
        });
    }
    if !cluster.spec.pod_cidrs.is_empty() {
        let ranges: Vec<String> = cluster.spec.pod_cidrs.iter().map(ToString::to_string).collect();
        facts.push(format!("pods {}", ranges.join(", ")));
    }
    ClusterNode {
        name: cluster.name.to_string(),
        role: mesh.part_of(cluster),
        facts,
        istiod: istiod(mesh, cluster),
    }
}

fn istiod(mesh: &Mesh, cluster: &Cluster) -> Option<String> {
    let planned = cluster.spec.load_balancer.addresses.control_plane.as_ref();
    let (what, address) = if mesh.hosts(cluster) {
        ("hosted istiod", planned)
    } else if mesh.remotes_of(&cluster.name).next().is_some() {
        ("istiod", planned.or_else(|| cluster.gateways.first().and_then(|gateway| gateway.dialled())))
    } else {
        return None;
    };
    Some(match address {
        Some(address) => format!("{what} {address}:{}", Port::XDS),
        None => what.to_owned(),
    })
}

fn control_edges(mesh: &Mesh) -> Vec<ControlEdge> {
    let edge = |from: &ClusterName, to: &ClusterName, kind| ControlEdge {
        from: from.to_string(),
        to: to.to_string(),
        kind,
    };
    let mut edges = Vec::new();
    if let ControlPlane::Hosted(hosted) = &mesh.spec.control_plane {
        let others = mesh.clusters.keys().filter(|name| **name != hosted.cluster);
        edges.extend(others.map(|name| edge(&hosted.cluster, name, ControlKind::Serves)));
        let manager = &hosted.mspider.global_cluster;
        if !mesh.clusters.contains_key(manager) {
            edges.push(edge(manager, &hosted.cluster, ControlKind::Manages));
        }
        return edges;
    }
    let first = mesh.primaries().next().map(|primary| &primary.name).filter(|_| readers_meet(mesh));
    for cluster in mesh.clusters.values() {
        if first.is_some_and(|first| cluster.role == Role::Primary && *first != cluster.name) {
            continue;
        }
        for reader in mesh.readers_of(cluster) {
            match &cluster.role {
                Role::Primary if cluster.name < reader.name => {
                    edges.push(edge(&cluster.name, &reader.name, ControlKind::ReadEachOther));
                }
                Role::Primary => {}
                Role::Remote { primary: Some(primary) } if *primary == reader.name => {
                    edges.push(edge(&reader.name, &cluster.name, ControlKind::Serves));
                }
                Role::Remote { .. } | Role::HostedWorker => {
                    edges.push(edge(&reader.name, &cluster.name, ControlKind::Reads));
                }
            }
        }
    }
    edges
}
