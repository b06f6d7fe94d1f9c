//! The resolved mesh: every reference followed, every default applied, every value with the place where it was written.
//!
//! Policies judge it and artefacts are rendered from it. It is built by the compiler from typed intent
//! (`meshwright::resolve`), and holds nothing that contradicts itself in type: a cluster has one role, one network, one
//! Istio.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{Address, Cidr, Port};
use crate::finding::{Finding, Place, Rule};
use crate::intent::{
    AppliedBy, ClusterSpec, ControlPlane, DataPlane, Delivery, EastWestGateway, FreeObject, GatewayDiscovery,
    GatewayLayout, Hosted, InstallMethod, ManifestPath, MeshSpec, NetworkSpec, PolicySetting,
    PreviousGateway, Profile, ServiceType,
};
use crate::names::{ClusterId, ClusterName, MeshId, MeshName, NetworkId, ObjectName, Revision, hosted_name};
use crate::node::{FieldPath, FileId, Node};
use crate::version::Version;

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

/// A kind or kubeadm configuration.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// `kind` or `kubeadm`.
    pub tool: &'static str,
    /// Name of the cluster that it builds.
    pub cluster: String,
    /// Pod ranges, when it says any.
    pub pods: Option<Subnets>,
    /// Service ranges, when it says any.
    pub services: Option<Subnets>,
}

/// Address ranges and where they are written.
#[derive(Clone, Debug)]
pub struct Subnets {
    /// The ranges.
    pub cidrs: Vec<Cidr>,
    /// Where.
    pub place: Place,
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

/// One network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its ID.
    pub id: NetworkId,
    /// What was declared, defaults applied.
    pub spec: NetworkSpec,
    /// Where.
    pub written: Written,
    /// Where it is entered.
    pub entries: Vec<EntryPoint>,
}

/// An entry point of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPoint {
    /// The cluster whose gateway it is.
    pub cluster: ClusterName,
    /// The gateway's name.
    pub gateway: ObjectName,
    /// The address that peers dial, when it is known before the Service exists.
    pub address: Option<Address>,
    /// The port that peers dial.
    pub port: Port,
    /// Other addresses, by observing cluster, as written.
    pub address_from: BTreeMap<ClusterName, Address>,
    /// Clusters outside this network that are not written in `address_from` while their primary is: the primary's istiod tells their
    /// proxies what it is told itself, since an istiod has one `meshNetworks` (istio/istio@1.30:
    /// `pilot/pkg/serviceregistry/kube/controller/network.go`).
    pub observes_as: BTreeMap<ClusterName, ClusterName>,
    /// Where the address was written, or the nearest to it.
    pub place: Place,
}

impl EntryPoint {
    /// The address as `observer` dials it.
    #[must_use]
    pub fn address_for(&self, observer: &ClusterName) -> Option<&Address> {
        self.seen_by(observer).map(|(_, address)| address).or(self.address.as_ref())
    }

    /// Another address than that of most, where `observer` has one, with the cluster by whose name it is written: itself, or its
    /// primary.
    #[must_use]
    pub fn seen_by(&self, observer: &ClusterName) -> Option<(&ClusterName, &Address)> {
        let named = |name: &ClusterName| self.address_from.get_key_value(name);
        named(observer).or_else(|| named(self.observes_as.get(observer)?))
    }

    /// Every cluster that dials another address than most, with that address, by name.
    pub fn observers(&self) -> impl Iterator<Item = (&ClusterName, &Address)> {
        let names: BTreeSet<&ClusterName> = self.address_from.keys().chain(self.observes_as.keys()).collect();
        names.into_iter().filter_map(|name| Some((name, self.seen_by(name)?.1)))
    }
}

/// One cluster with its effective values.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Istio's cluster ID.
    pub id: ClusterId,
    /// Its network. A policy reports one that is not declared.
    pub network: NetworkId,
    /// Its part in the control plane.
    pub role: Role,
    /// Its Istio.
    pub istio: Istio,
    /// East-west gateways.
    pub gateways: Vec<Gateway>,
    /// Who applies its directory.
    pub delivery: Delivery,
    /// What it carries over as it is, one per entry of `spec.manifests`.
    pub carried: Vec<Carried>,
    /// What was declared: mesh, network and cluster level laid over each other.
    pub spec: ClusterSpec,
    /// Where; every value at the place of the level that won.
    pub written: Written,
}

/// What one entry of `spec.manifests` names.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The entry.
    pub path: ManifestPath,
    /// Where it is written.
    pub place: Place,
    /// Whether any file is there.
    pub exists: bool,
    /// The documents of those files, but for the ones of an entry before this one; the items of a `List` one by one.
    pub documents: Vec<Arc<Node>>,
}

/// Documents are mostly the same ones.
impl PartialEq for Carried {
    fn eq(&self, other: &Carried) -> bool {
        let same = |(one, another): (&Arc<Node>, &Arc<Node>)| Arc::ptr_eq(one, another) || one == another;
        self.path == other.path
            && self.place == other.place
            && self.exists == other.exists
            && self.documents.len() == other.documents.len()
            && self.documents.iter().zip(&other.documents).all(same)
    }
}

impl Carried {
    /// The documents that are Kubernetes objects.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.documents.iter().filter(|document| not_an_object(document).is_none())
    }
}

/// Why a document is no object that can be applied to a cluster as it is.
#[must_use]
pub fn not_an_object(document: &Node) -> Option<&'static str> {
    let text = |path: &str| document.at(&path.into()).and_then(Node::as_str).unwrap_or_default();
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    if text("apiVersion").is_empty() || text("kind").is_empty() {
        Some("it has no `apiVersion` and `kind`")
    } else if group == "kustomize.config.k8s.io" {
        Some("it tells kustomize what to build")
    } else if group == "meshwright.dev" {
        Some("it is written by meshwright")
    } else if text("metadata.name").is_empty() {
        Some("it has no `metadata.name`")
    } else {
        None
    }
}

impl Cluster {
    /// What is said of one of its gateways before a change that is being rolled out.
    pub fn before<'a>(&'a self, gateway: &'a ObjectName) -> impl Iterator<Item = &'a PreviousGateway> {
        let all = self.spec.previous.iter().flat_map(|previous| &previous.gateways);
        let first = || self.gateways.first().map(|gateway| &gateway.name);
        all.filter(move |before| before.gateway.as_ref().or_else(first) == Some(gateway))
    }

    /// A carried object by its `apiVersion`, kind, namespace and name.
    #[must_use]
    pub fn carried_object(&self, object: &serde_json::Map<String, serde_json::Value>) -> Option<&Arc<Node>> {
        let pointer = ["apiVersion", "kind", "metadata.namespace", "metadata.name"].map(FieldPath::parse);
        let identity = |document: &Node| {
            pointer
                .each_ref()
                .map(|path| document.at(path).and_then(Node::as_str).unwrap_or_default().to_owned())
        };
        let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key));
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let wanted = [
            text(object.get("apiVersion")),
            text(object.get("kind")),
            text(metadata("namespace")),
            text(metadata("name")),
        ];
        self.carried.iter().flat_map(Carried::objects).find(|document| identity(document) == wanted)
    }

    /// Where its cluster ID comes from: `spec.clusterID`, or the name that is the default.
    #[must_use]
    pub fn id_place(&self) -> Place {
        if self.spec.cluster_id.is_some() {
            self.written.place("spec.clusterID")
        } else {
            self.written.name()
        }
    }

    /// Where the address that peers dial was written: the gateway's public address, or else its Service's.
    #[must_use]
    pub fn dialled_place(&self, gateway: &Gateway) -> Place {
        let index = self.gateways.iter().position(|other| other.name == gateway.name);
        match (&gateway.spec.public_address, index) {
            (Some(_), Some(index)) => {
                self.written.place(format!("spec.eastWestGateways[{index}].publicAddress").as_str())
            }
            _ => gateway.address_place.clone(),
        }
    }

    /// The namespace in which Istio runs.
    #[must_use]
    pub fn system_namespace(&self) -> &ObjectName {
        &self.istio.namespace
    }

    /// A finding about this cluster. When the place lies outside its own document, in what clusters share, the finding names
    /// no cluster: so it is one finding for all of them ([`Finding::concerns`]), if the message names none either.
    #[must_use]
    pub fn finding(&self, rule: &'static Rule, place: Place, message: impl Into<String>) -> Finding {
        let shared = self.shares(&place);
        let mut finding = rule.at(place, message);
        if shared {
            finding.concerns = vec![self.name.to_string()];
            finding
        } else {
            finding.cluster(&self.name)
        }
    }

    /// The finding, which contradicts the cluster's version of Istio.
    #[must_use]
    pub fn against_istio(&self, finding: Finding) -> Finding {
        let istio = &self.istio.version;
        let declared = format!("Istio {istio} is declared here");
        finding.declared(istio, self.written.place("spec.istio.version"), declared)
    }

    /// Whether a place lies outside its own document, in what its mesh or network says for several clusters.
    #[must_use]
    pub fn shares(&self, place: &Place) -> bool {
        let own = self.written.document.span;
        own.is_written()
            && place.span.is_written()
            && (place.span.file != own.file || place.span.start < own.start || place.span.end > own.end)
    }

    /// Name of an object that carries the revision: `istiod`, `istiod-canary`.
    #[must_use]
    pub fn with_revision(&self, base: &str) -> String {
        match &self.istio.revision {
            Some(revision) => format!("{base}-{revision}"),
            None => base.to_owned(),
        }
    }
}

/// A cluster's part in the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs istiod for itself (and for remotes).
    Primary,
    /// Served by the istiod of another cluster; `None` when the intent does not say whose, which is a finding.
    Remote {
        /// That cluster.
        primary: Option<ClusterName>,
    },
    /// A work cluster of a hosted mesh; the host itself is one too.
    HostedWorker,
}

/// The Istio of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Istio {
    /// Version.
    pub version: Version,
    /// Image registry and path.
    pub hub: Option<String>,
    /// Image tag, when declared.
    pub tag: Option<String>,
    /// Install method.
    pub install: InstallMethod,
    /// Who reads IstioOperator objects.
    pub applied_by: AppliedBy,
    /// Data plane.
    pub data_plane: DataPlane,
    /// System namespace.
    pub namespace: ObjectName,
    /// Revision.
    pub revision: Option<Revision>,
    /// Profile.
    pub profile: Option<Profile>,
    /// Helm repository.
    pub chart_repository: String,
    /// Whether the CNI node agent is installed.
    pub cni: bool,
    /// More values.
    pub values: FreeObject,
    /// More mesh configuration.
    pub mesh_config: FreeObject,
}

/// An east-west gateway of a cluster, defaults applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Name of its Deployment and Service.
    pub name: ObjectName,
    /// Address of its Service.
    pub address: Option<Address>,
    /// What was declared.
    pub spec: EastWestGateway,
    /// Where the gateway, or the need for it, was written.
    pub place: Place,
    /// Where its address was written.
    pub address_place: Place,
}

impl Gateway {
    /// The value of its `istio` label, by which `Gateway` objects select it: `eastwestgateway`, `ingressgateway`.
    #[must_use]
    pub fn istio_label(&self) -> &str {
        let name = self.name.as_str();
        name.strip_prefix("istio-").unwrap_or(name)
    }

    /// The address that peers dial.
    #[must_use]
    pub fn dialled(&self) -> Option<&Address> {
        self.spec.public_address.as_ref().or(self.address.as_ref())
    }

    /// Whether what is dialled is another address than its Service's.
    #[must_use]
    pub fn is_translated(&self, dialled: Option<&Address>) -> bool {
        self.address.is_some() && dialled != self.address.as_ref()
    }

    /// Whether users' traffic enters here too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.spec.layout == GatewayLayout::Shared
    }

    /// The port of its Service for traffic between networks. What peers dial is the Service's own port only behind a
    /// load balancer of its own: behind a node port or another public address, something outside translates and the
    /// Service keeps 15443.
    #[must_use]
    pub fn tls_port(&self) -> Port {
        let direct =
            self.spec.service.kind == ServiceType::LoadBalancer && self.spec.public_address.is_none();
        if direct { self.spec.port } else { Port::MTLS }
    }

    /// The ports of its Service, health first: some load balancers probe the first one. A declared port that repeats
    /// one of the others would make the Service invalid; the first of a name or number counts.
    #[must_use]
    pub fn service_ports(&self, install: InstallMethod, exposes_istiod: bool) -> Vec<GatewayPort> {
        let mut ports: Vec<GatewayPort> = Vec::new();
        let mut add = |name: &str, port: Port, target: Port| {
            if !ports.iter().any(|known| known.name == name || known.port == port) {
                ports.push(GatewayPort { name: name.to_owned(), port, target });
            }
        };
        add("status-port", Port::STATUS, Port::STATUS);
        if self.is_shared() {
            // The `gateway` chart binds low ports, the one behind IstioOperator does not (istio/istio@1.15.3:
            // `manifests/charts/gateways/istio-ingress/values.yaml`).
            let by_operator = install == InstallMethod::IstioOperator;
            let (http, https) = (Port::known::<80>(), Port::known::<443>());
            let high = (Port::known::<8080>(), Port::known::<8443>());
            let (http_target, https_target) = if by_operator { high } else { (http, https) };
            add("http2", http, http_target);
            add("https", https, https_target);
        }
        for extra in &self.spec.extra_ports {
            add(extra.name.as_str(), extra.port, extra.target_port.unwrap_or(extra.port));
        }
        add("tls", self.tls_port(), Port::MTLS);
        if exposes_istiod {
            add("tls-istiod", Port::XDS, Port::XDS);
            add("tls-webhook", Port::WEBHOOK, Port::WEBHOOK);
        }
        ports
    }
}

/// A port of a gateway's Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPort {
    /// Its name in the Service.
    pub name: String,
    /// The Service's port.
    pub port: Port,
    /// The pod's port.
    pub target: Port,
}
