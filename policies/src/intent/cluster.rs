//! A `Cluster` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Delivery, EastWestGateway, Enforcement, FreeObject, IstioSpec, Kubernetes, LoadBalancer, Locality,
    ManifestPath, NodeSpec, PreviousValues, Samples,
};
use crate::address::{ApiServer, Cidr};
use crate::names::{ClusterId, ClusterName, MeshName, NetworkId, ObjectName};
use crate::version::Version;

/// One cluster of a mesh. Whatever is left out comes from the network's `clusterDefaults`, then the mesh's, then the
/// built-in default. Lists are replaced whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterSpec {
    /// The mesh. Default: the only one in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshName>,
    /// The network ID. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkId>,
    /// Istio's cluster ID. Default: the cluster's name.
    #[serde(rename = "clusterID", skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// The primary that serves this remote cluster, when the mesh has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClusterName>,
    /// Name of the kubeconfig context that people use; the plan's commands name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What differs from the mesh's Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub istio: Option<IstioSpec>,
    /// The Kubernetes below.
    pub kubernetes: Kubernetes,
    /// Pod address ranges.
    #[serde(rename = "podCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub pod_cidrs: Vec<Cidr>,
    /// Service address ranges.
    #[serde(rename = "serviceCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub service_cidrs: Vec<Cidr>,
    /// Networks, beside its own, on which single workloads of this cluster are: virtual machines with a `WorkloadEntry`,
    /// pods that are routed otherwise. They need not be networks of the mesh. On any other one, a label
    /// `topology.istio.io/network` of a workload is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workload_networks: Vec<NetworkId>,
    /// Locality of every node that does not say otherwise: `region/zone/subzone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<Locality>,
    /// Nodes with their locality. Node labels are planned and audited, never rendered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeSpec>,
    /// Load balancers and their addresses.
    pub load_balancer: LoadBalancer,
    /// East-west gateways. Default: one, dedicated, wherever the mesh needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub east_west_gateways: Option<Vec<EastWestGateway>>,
    /// How other clusters' istiods reach this cluster's API server.
    pub remote_access: RemoteAccess,
    /// Namespaces with their labels and annotations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<NamespaceSpec>,
    /// Sample applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<Samples>,
    /// Image registries and their mirrors: `docker.io: docker.m.daocloud.io`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub registry_mirrors: BTreeMap<String, String>,
    /// Gateway API CRDs that are installed in the cluster, a prerequisite.
    #[serde(rename = "gatewayAPI", skip_serializing_if = "Option::is_none")]
    pub gateway_api: Option<GatewayApi>,
    /// Whether a metrics server is installed, which horizontal autoscalers need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_server: Option<bool>,
    /// The observability agent that is expected in the cluster, such as `insight-agent`; the plan reminds of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<String>,
    /// What differs from the mesh's delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// What differs from the mesh's enforcement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Enforcement>,
    /// Mspider's MeshCluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mspider: Option<MspiderCluster>,
    /// Kubernetes objects that are carried over as they are: files, or directories with all `*.yaml` and `*.yml` below them,
    /// by their paths from the intent root.
    /// They are rendered into the cluster's `mesh/`, each in the part that its kind belongs to, and are judged by the same
    /// policies as everything else: an object that contradicts what is declared is refused. No Secret with data, no
    /// `kustomization.yaml`: build it first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestPath>,
    /// Values that are still accepted while a change is rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousValues>,
}

/// How other clusters' istiods read this cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RemoteAccess {
    /// URL of the API server as the peers reach it. Default: `kubernetes.apiServer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ApiServer>,
    /// Where the peers get the credential from: a reference, never the token itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialReference>,
}

/// A reference to a credential in a secret store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialReference {
    /// Name of the External Secrets `ClusterSecretStore`.
    pub store: ObjectName,
    /// Key in that store.
    pub key: String,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceSpec {
    /// Its name.
    pub name: ObjectName,
    /// Whether sidecars are injected. The label follows from the control plane's revision.
    #[serde(default)]
    pub injection: Injection,
    /// More labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Whether sidecars are injected into a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Injection {
    /// Nothing is said.
    #[default]
    Unset,
    /// `istio-injection: enabled`, or `istio.io/rev` of the revision.
    Enabled,
    /// `istio-injection: disabled`.
    Disabled,
}

/// Gateway API CRDs of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayApi {
    /// Version of the CRDs that are installed: "1.3.0".
    pub version: Version,
}

/// A cluster's part in Mspider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MspiderCluster {
    /// Every other parameter that this mesh's entry of `spec.meshedParams` keeps, as it is now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Every field beside `params` that this mesh's entry of `spec.meshedParams` keeps, as it is now: the list is replaced
    /// whole, and Mspider marks the hosting cluster with such a field.
    #[serde(skip_serializing_if = "FreeObject::is_empty")]
    pub entry: FreeObject,
    /// The parameters of other meshes that this cluster belongs to: the list is replaced whole, so they must be here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_meshes: Vec<BTreeMap<String, String>>,
}
