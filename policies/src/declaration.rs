//! `MeshDeclaration`: what the whole intent means for one cluster.
//!
//! It is applied to the cluster before everything else, and every object that is created or changed there is judged
//! against it. It holds resolved values only, with the intent file and field of each, and nothing that changes when a
//! comment does.

mod build;
mod previous;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressRange, Cidr, Port};
use crate::intent::{
    API_VERSION, Advertise, DataPlane, Date, ExternalTrafficPolicy, GatewayDiscovery, GatewayLayout, Hours,
    InstallMethod, Locality, NetworkView, PlannedAddresses, Profile, ServiceType, SettingSeverity,
};
use crate::istiod;
use crate::names::{
    ClusterId, ClusterName, DnsName, MeshId, MeshName, NetworkId, ObjectName, Revision, TrustDomain,
};
use crate::version::Version;

pub use build::{MeshFacts, regions};
pub use previous::{DeclaredPrevious, DialledBefore};

/// `kind` of the object.
pub const KIND: &str = "MeshDeclaration";

/// The declaration of one cluster. Cluster-scoped; its name is the mesh's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeshDeclaration {
    /// `meshwright.dev/v1alpha1`.
    pub api_version: String,
    /// `MeshDeclaration`.
    pub kind: String,
    /// Its name, which is the mesh's, and what the API server adds.
    pub metadata: DeclarationMetadata,
    /// What is declared.
    pub spec: DeclarationSpec,
    /// What the admission webhook says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeclarationStatus>,
}

impl MeshDeclaration {
    /// The declaration of that specification.
    #[must_use]
    pub fn new(spec: DeclarationSpec) -> MeshDeclaration {
        MeshDeclaration {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: DeclarationMetadata { name: spec.mesh.name.to_string(), generation: None },
            spec,
            status: None,
        }
    }
}

/// The metadata that this program reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclarationMetadata {
    /// The mesh's name.
    pub name: String,
    /// Number of the specification, counted by the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// What the intent means for this cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclarationSpec {
    /// The mesh.
    pub mesh: DeclaredMesh,
    /// This cluster.
    pub cluster: DeclaredCluster,
    /// The network of this cluster's pods.
    pub network: NetworkId,
    /// Who runs istiod for this cluster.
    pub control_plane: DeclaredControlPlane,
    /// The Istio of this cluster.
    pub istio: DeclaredIstio,
    /// This cluster's east-west gateways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<DeclaredGateway>,
    /// Addresses planned for this cluster's load balancers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub addresses: PlannedAddresses,
    /// This cluster's MetalLB pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<DeclaredPool>,
    /// Networks, beside `network`, on which single workloads are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workload_networks: Vec<NetworkId>,
    /// Address ranges of this cluster's pods.
    #[serde(default, rename = "podCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub pod_cidrs: Vec<Cidr>,
    /// Address ranges of this cluster's services.
    #[serde(default, rename = "serviceCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub service_cidrs: Vec<Cidr>,
    /// Locality of every node of this cluster that `nodes` does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<Locality>,
    /// Nodes with a locality of their own, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<DnsName, Locality>,
    /// Values that are still accepted while a change is rolled out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub previous: DeclaredPrevious,
    /// Policies that are lowered or silenced here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// All networks of the mesh, by ID.
    #[serde(default)]
    pub networks: Arc<BTreeMap<NetworkId, DeclaredNetwork>>,
    /// The clusters whose API servers this cluster's istiod reads, by cluster ID: one remote secret each. The value is
    /// the URL of the API server, empty when the intent does not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub remote_secrets: BTreeMap<ClusterId, String>,
    /// Where the values come from, by intent file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<Provenance>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl DeclarationSpec {
    /// Whether somebody outside this cluster is meant to reach its istiod: other clusters, or virtual machines, for which
    /// networks of single workloads are declared (istio/istio.io: `content/en/docs/setup/install/virtual-machine/index.md`).
    #[must_use]
    pub fn hands_out_istiod(&self) -> bool {
        self.control_plane.serves_others || !self.workload_networks.is_empty()
    }

    /// The east-west gateway of that name, with its index.
    #[must_use]
    pub fn gateway(&self, name: &str) -> Option<(usize, &DeclaredGateway)> {
        self.gateways.iter().enumerate().find(|(_, gateway)| gateway.name.as_str() == name)
    }

    /// Where a value of this specification comes from, such as `networks.network-west.gateways[0].address`: intent file
    /// and field, of the value or of the nearest that holds it.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<(&str, &str)> {
        let mut path = path;
        loop {
            let known = |source: &'_ Provenance| source.fields.contains_key(path);
            if let Some(source) = self.provenance.iter().find(|source| known(source)) {
                return source.fields.get(path).map(|field| (source.file.as_str(), field.as_str()));
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }
}

/// The mesh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredMesh {
    /// Its name.
    pub name: MeshName,
    /// The mesh ID.
    pub id: MeshId,
    /// The trust domain of every cluster.
    pub trust_domain: TrustDomain,
    /// Other trust domains whose identities are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_domain_aliases: Vec<TrustDomain>,
    /// DNS domain of the clusters.
    pub cluster_domain: DnsName,
    /// Regions of all clusters' nodes, when every cluster declares its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// SHA-256 fingerprint of the root certificate, in lower-case hex, when it is declared.
    #[serde(default, rename = "rootCertificateSHA256", skip_serializing_if = "Option::is_none")]
    pub root_certificate_sha256: Option<String>,
    /// Longest lifetime of the root certificate, when it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_lifetime: Option<Hours>,
    /// Longest lifetime of a cluster's signing certificate, when it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediate_lifetime: Option<Hours>,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredCluster {
    /// Its name in the intent.
    pub name: ClusterName,
    /// Istio's cluster ID.
    pub id: ClusterId,
}

/// Who runs istiod for this cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredControlPlane {
    /// This cluster's part.
    pub role: DeclaredRole,
    /// The cluster whose istiod serves this one; with a hosted control plane the cluster that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<DeclaredCluster>,
    /// Where this cluster reaches that istiod (`remotePilotAddress`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where it reached it until the change that is being rolled out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_addresses: Vec<Address>,
    /// Whether this cluster's istiod serves other clusters, so that its gateway exposes it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub serves_others: bool,
}

/// A cluster's part in the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeclaredRole {
    /// Runs istiod for itself.
    Primary,
    /// Is served by another cluster's istiod.
    Remote,
    /// Is a work cluster of a hosted mesh.
    HostedWorker,
}

impl DeclaredRole {
    /// As written in the declaration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeclaredRole::Primary => "primary",
            DeclaredRole::Remote => "remote",
            DeclaredRole::HostedWorker => "hostedWorker",
        }
    }
}

/// The Istio of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredIstio {
    /// Version.
    pub version: Version,
    /// The system namespace.
    pub namespace: ObjectName,
    /// Revision of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Install method.
    pub install: InstallMethod,
    /// Installation profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Data plane.
    pub data_plane: DataPlane,
}

impl DeclaredIstio {
    /// What istiod's Service is called.
    pub(crate) fn service(&self) -> String {
        istiod::service(self.revision.as_ref().map(Revision::as_str))
    }
}

/// A network of the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredNetwork {
    /// Cluster IDs of its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterId>,
    /// Names in the intent of those members whose cluster ID is another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<ClusterId, ClusterName>,
    /// IDs under which its members were until the change that is being rolled out, and which still name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<NetworkId>,
    /// IDs by which its members were known until the change that is being rolled out, and which still name them, with the
    /// present ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub previous_clusters: BTreeMap<ClusterId, ClusterId>,
    /// Where istiod learns the addresses of its gateways.
    pub discovery: GatewayDiscovery,
    /// Where it is entered, as this cluster sees it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<DeclaredEntry>,
}

/// An entry point of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredEntry {
    /// Cluster ID of the cluster whose gateway it is.
    pub cluster: ClusterId,
    /// The gateway's name.
    pub name: ObjectName,
    /// The address that this cluster dials, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The port that this cluster dials.
    pub port: Port,
    /// What it dialled until the change that is being rolled out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<DialledBefore>,
}

/// An east-west gateway of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredGateway {
    /// Name of its Deployment and Service.
    pub name: ObjectName,
    /// Its `istio` label, by which `Gateway` objects select it.
    pub istio_label: String,
    /// Whether it carries traffic between clusters only, or users' traffic too.
    pub layout: GatewayLayout,
    /// Which networks' endpoints it forwards to.
    pub network_view: NetworkView,
    /// The address of its Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The address that peers dial, when it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_address: Option<Address>,
    /// Addresses that its Service had, or peers dialled, until the change that is being rolled out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_addresses: Vec<Address>,
    /// The port that peers dial.
    pub port: Port,
    /// The type of its Service.
    #[serde(default, skip_serializing_if = "is_default")]
    pub service_type: ServiceType,
    /// Which nodes answer for its Service, when that is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// The ports of its Service.
    pub ports: Vec<DeclaredPort>,
}

/// A port of a gateway's Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredPort {
    /// Its name.
    pub name: ObjectName,
    /// The Service's port.
    pub port: Port,
    /// The pod's port, where the mesh depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<Port>,
    /// The nodes' port, where it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<Port>,
}

/// A MetalLB pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredPool {
    /// Its name.
    pub name: ObjectName,
    /// Its namespace.
    pub namespace: ObjectName,
    /// Its addresses.
    pub addresses: Vec<AddressRange>,
    /// Whether Services that ask for none may have them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub auto_assign: bool,
    /// How they are announced.
    #[serde(default, skip_serializing_if = "is_default")]
    pub advertise: Advertise,
    /// The interfaces on which they are announced; all when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

/// A policy that is lowered or silenced in this cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// The policy's code.
    pub code: String,
    /// What becomes of its findings.
    pub severity: SettingSeverity,
    /// Only for these objects, as `Kind/namespace/name` or `Kind/name`. Default: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: Date,
}

/// Where values of the specification come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// The intent file.
    pub file: String,
    /// Paths of values in this specification, with the field of the intent that says so.
    pub fields: BTreeMap<String, String>,
}

/// What the admission webhook says of the declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeclarationStatus {
    /// The generation that is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many objects of the cluster contradict it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u32>,
    /// How many warnings the cluster's objects give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<u32>,
    /// When all objects of the cluster were last judged (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_audit_time: Option<String>,
    /// `Ready`: this declaration is in force. `Conforming`: no object contradicts it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<DeclarationCondition>,
}

/// A condition, as Kubernetes writes them (`k8s.io/apimachinery/pkg/apis/meta/v1`, `types.go`, `Condition`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclarationCondition {
    /// What is true or not.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word.
    #[serde(default)]
    pub reason: String,
    /// Why, for people.
    #[serde(default)]
    pub message: String,
    /// When the status became what it is (RFC 3339).
    pub last_transition_time: String,
    /// The generation of which it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
