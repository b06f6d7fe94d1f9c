//! The resolved mesh: every reference followed, every default applied, every value with the place where it was written.
//!
//! Policies judge it and artefacts are rendered from it. It is built by the compiler from typed intent
//! (`meshwright::resolve`), and holds nothing that contradicts itself in type: a cluster has one role, one network, one
//! Istio.

mod carried;
mod cluster;
mod gateway;
mod network;
mod provisioned;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use carried::{Carried, not_an_object};
pub use cluster::{Cluster, Istio, Role};
pub use gateway::{Gateway, GatewayPort};
pub use network::{EntryPoint, Network};
pub use provisioned::{Provisioned, Subnets};

use crate::address::Address;
use crate::finding::Place;
use crate::intent::{ControlPlane, GatewayDiscovery, Hosted, MeshSpec, PolicySetting, PreviousGateway};
use crate::names::{ClusterName, MeshId, MeshName, NetworkId, hosted_name};
use crate::node::{FieldPath, FileId, Node};

/// All meshes of a repository.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// The meshes, by name.
    pub meshes: BTreeMap<MeshName, Mesh>,
    /// Policy settings with the place of each.
    pub settings: Vec<(PolicySetting, Place)>,
    /// Paths of the intent files, relative to the intent root, `/`-separated: what a declaration says of where its
    /// values come from.
    pub files: BTreeMap<FileId, String>,
    /// Configurations beside the intent by which clusters are built.
    pub provisioned: Vec<Provisioned>,
}

impl Fleet {
    /// Every cluster with its mesh, by mesh and cluster name.
    pub fn clusters(&self) -> impl Iterator<Item = (&Mesh, &Cluster)> {
        self.meshes.values().flat_map(|mesh| mesh.clusters.values().map(move |cluster| (mesh, cluster)))
    }
}

/// A document of the intent, by which places are found.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The whole document; for a cluster the effective one, after layering.
    pub document: Node,
}

impl Written {
    /// The place of a field, such as `spec.network`; of its nearest written ancestor when it is a default.
    #[must_use]
    pub fn place(&self, path: impl Into<FieldPath>) -> Place {
        Place::in_document(&self.document, path)
    }

    /// The place of the document's name.
    #[must_use]
    pub fn name(&self) -> Place {
        self.place("metadata.name")
    }
}

/// One mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// Its name.
    pub name: MeshName,
    /// Its mesh ID.
    pub id: MeshId,
    /// What was declared, defaults applied.
    pub spec: MeshSpec,
    /// Where.
    pub written: Written,
    /// Its networks, by ID.
    pub networks: BTreeMap<NetworkId, Network>,
    /// Its clusters, by name.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// What could not be read, of all meshes.
    pub unread: Arc<Unread>,
}

/// Names of documents that are there and have errors of their own: that they are missing from a mesh is no second mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Meshes.
    pub meshes: BTreeSet<String>,
    /// Networks.
    pub networks: BTreeSet<String>,
    /// Clusters.
    pub clusters: BTreeSet<String>,
}

impl Mesh {
    /// Where its mesh ID comes from: `spec.meshID`, or the name that is the default.
    #[must_use]
    pub fn id_place(&self) -> Place {
        if self.spec.mesh_id.is_some() { self.written.place("spec.meshID") } else { self.written.name() }
    }

    /// Whether workloads are on more than one network, so that gateways and network labels are needed.
    #[must_use]
    pub fn is_multi_network(&self) -> bool {
        let members = self.clusters.values().filter(|cluster| !self.only_hosts(cluster));
        let mut networks = members.map(|cluster| &cluster.network);
        let first = networks.next();
        networks.any(|network| Some(network) != first)
    }

    /// The hosted control plane, when the mesh has one.
    #[must_use]
    pub fn hosted(&self) -> Option<&Hosted> {
        match &self.spec.control_plane {
            ControlPlane::Hosted(hosted) => Some(hosted),
            _ => None,
        }
    }

    /// Whether a cluster carries the hosted control plane and nothing else of the mesh.
    #[must_use]
    pub fn only_hosts(&self, cluster: &Cluster) -> bool {
        self.hosted().is_some_and(|hosted| hosted.cluster == cluster.name && !hosted.workloads)
    }

    /// Whether a cluster carries the hosted control plane.
    #[must_use]
    pub fn hosts(&self, cluster: &Cluster) -> bool {
        self.hosted().is_some_and(|hosted| hosted.cluster == cluster.name)
    }

    /// The part that a cluster has in the mesh, in words: `remote of west`.
    #[must_use]
    pub fn part_of(&self, cluster: &Cluster) -> String {
        match &cluster.role {
            Role::Primary => "primary".to_owned(),
            Role::Remote { primary: Some(primary) } => format!("remote of {primary}"),
            Role::Remote { primary: None } => "remote".to_owned(),
            Role::HostedWorker if self.only_hosts(cluster) => "host of the control plane".to_owned(),
            Role::HostedWorker if self.hosts(cluster) => "host and work cluster".to_owned(),
            Role::HostedWorker => "work cluster".to_owned(),
        }
    }

    /// Clusters that run an istiod for themselves, by name.
    pub fn primaries(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.values().filter(|cluster| cluster.role == Role::Primary)
    }

    /// Clusters that `primary` serves, by name, itself left out.
    pub fn remotes_of<'a>(&'a self, primary: &'a ClusterName) -> impl Iterator<Item = &'a Cluster> {
        self.clusters.values().filter(
            move |cluster| matches!(&cluster.role, Role::Remote { primary: Some(name) } if name == primary),
        )
    }

    /// Whether an istiod in `cluster` serves other clusters, which must then reach it from outside.
    #[must_use]
    pub fn serves_remotes(&self, cluster: &Cluster) -> bool {
        cluster.role == Role::Primary && self.remotes_of(&cluster.name).next().is_some()
    }

    /// The cluster in which the istiod runs that serves `cluster`, when it is another one's or the platform's: its
    /// primary, or the host of a hosted mesh. `None` for a primary, and where the intent names none that exists.
    #[must_use]
    pub fn serving<'a>(&'a self, cluster: &Cluster) -> Option<&'a Cluster> {
        let name = match &cluster.role {
            Role::Primary => None,
            Role::Remote { primary } => primary.as_ref(),
            Role::HostedWorker => self.hosted().map(|hosted| &hosted.cluster),
        };
        self.clusters.get(name?)
    }

    /// Where `cluster` reaches the istiod that serves it: the planned control plane address of its primary or host, or
    /// else what it dials for a primary's first east-west gateway (Istio's guide "Install Primary-Remote":
    /// `DISCOVERY_ADDRESS`).
    #[must_use]
    pub fn control_plane_address<'a>(&'a self, cluster: &Cluster) -> Option<&'a Address> {
        self.control_plane_source(cluster).map(|(address, _)| address)
    }

    /// [`Mesh::control_plane_address`] with the place where it is written, in the document of the serving cluster or of
    /// its network.
    #[must_use]
    pub fn control_plane_source<'a>(&'a self, cluster: &Cluster) -> Option<(&'a Address, Place)> {
        let serving = self.serving(cluster)?;
        if let Some(planned) = &serving.spec.load_balancer.addresses.control_plane {
            return Some((planned, serving.written.place("spec.loadBalancer.addresses.controlPlane")));
        }
        let gateway = serving.gateways.first().filter(|_| matches!(cluster.role, Role::Remote { .. }))?;
        self.seen_differently(serving, gateway, &cluster.name)
            .or_else(|| Some((gateway.dialled()?, serving.dialled_place(gateway))))
    }

    /// Where `cluster` reached the istiod that serves it before a change that is being rolled out.
    #[must_use]
    pub fn control_plane_before<'a>(&'a self, cluster: &'a Cluster) -> Vec<&'a Address> {
        let Some(serving) = self.serving(cluster) else { return Vec::new() };
        let now = self.control_plane_address(cluster);
        let said = |cluster: &'a Cluster| cluster.spec.previous.as_ref()?.control_plane_address.as_ref();
        let mut all: Vec<&Address> = said(cluster).into_iter().chain(said(serving)).collect();
        // Unless it has an address of its own, it is reached by the first gateway.
        let planned = serving.spec.load_balancer.addresses.control_plane.is_some();
        let remote = matches!(cluster.role, Role::Remote { .. });
        if let Some(gateway) = serving.gateways.first().filter(|_| remote && !planned) {
            let (observer, translated) = (Some(&cluster.name), gateway.is_translated(now));
            let before = serving.before(&gateway.name);
            all.extend(before.filter_map(|before| before.dialled(observer, translated)));
        }
        let mut seen = BTreeSet::new();
        all.retain(|address| now != Some(*address) && seen.insert(*address));
        all
    }

    /// What is said of an entry point's gateway before a change that is being rolled out.
    pub fn gateway_before<'a>(&'a self, entry: &'a EntryPoint) -> impl Iterator<Item = &'a PreviousGateway> {
        let cluster = self.clusters.get(&entry.cluster);
        cluster.into_iter().flat_map(|cluster| cluster.before(&entry.gateway))
    }

    /// What an observer dials for a gateway, where its network says that it is another address for that observer than
    /// for others, or another than the gateway's own.
    fn seen_differently<'a>(
        &'a self,
        cluster: &Cluster,
        gateway: &Gateway,
        observer: &ClusterName,
    ) -> Option<(&'a Address, Place)> {
        let network = self.networks.get(&cluster.network)?;
        let entry =
            network.entries.iter().find(|e| e.cluster == cluster.name && e.gateway == gateway.name)?;
        if let Some((named, address)) = entry.seen_by(observer) {
            let declared = network.spec.gateways.iter().position(|declared| {
                declared.cluster == cluster.name && declared.address_from.contains_key(named)
            });
            let path = FieldPath::parse("spec.gateways").index(declared.unwrap_or(0));
            let path = path.key("addressFrom").key(named.as_str());
            return Some((address, network.written.place(path)));
        }
        Some((entry.address.as_ref()?, entry.place.clone()))
    }

    /// The name of a hosted mesh's API server, `<mesh>-hosted`, which is that of its directory too. `None` where the mesh's name
    /// leaves no room for the ending.
    #[must_use]
    pub fn hosted_name(&self) -> Option<ClusterName> {
        ClusterName::new(hosted_name(self.name.as_str())).ok()
    }

    /// The clusters whose istiod reads `cluster`'s API server, by name: those that need a remote secret for it.
    /// Istio's guides: every other primary reads a primary; a remote is read by its own primary and, since primaries share all
    /// services, by every other primary too.
    pub fn readers_of<'a>(&'a self, cluster: &'a Cluster) -> impl Iterator<Item = &'a Cluster> {
        self.primaries().filter(move |primary| primary.name != cluster.name)
    }

    /// Members of a network, by name.
    pub fn members<'a>(&'a self, network: &'a NetworkId) -> impl Iterator<Item = &'a Cluster> {
        self.clusters.values().filter(move |cluster| cluster.network == *network)
    }

    /// The source of gateway addresses of a network.
    #[must_use]
    pub fn gateway_discovery(&self, network: &Network) -> GatewayDiscovery {
        network.spec.gateway_discovery.unwrap_or(self.spec.gateway_discovery)
    }

    /// Networks whose gateways are announced by `meshNetworks`, by ID.
    pub fn mesh_networks(&self) -> impl Iterator<Item = &Network> {
        self.networks
            .values()
            .filter(|network| self.gateway_discovery(network) == GatewayDiscovery::MeshNetworks)
    }
}
