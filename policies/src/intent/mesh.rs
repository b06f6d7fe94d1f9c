//! A `Mesh` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClusterSpec, Delivery, Enforcement, IstioSpec};
use crate::names::{ClusterName, DnsName, MeshId, ObjectName, TrustDomain};
use crate::version::Version;

/// One mesh: what all its clusters agree on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshSpec {
    /// The mesh ID. Default: the mesh's name.
    #[serde(rename = "meshID", skip_serializing_if = "Option::is_none")]
    pub mesh_id: Option<MeshId>,
    /// The trust domain of every cluster.
    pub trust_domain: TrustDomain,
    /// Other trust domains whose identities are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust_domain_aliases: Vec<TrustDomain>,
    /// DNS domain of the clusters.
    pub cluster_domain: DnsName,
    /// Which Istio, installed how.
    pub istio: IstioSpec,
    /// Who runs istiod for whom.
    pub control_plane: ControlPlane,
    /// Where istiod learns the addresses of network gateways.
    pub gateway_discovery: GatewayDiscovery,
    /// Who applies what is rendered.
    pub delivery: Delivery,
    /// Whether the clusters refuse what contradicts their declaration. Default: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Enforcement>,
    /// What all clusters share: any field of a Cluster's `spec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_defaults: Option<Box<ClusterSpec>>,
    /// Where the clusters' certificate authorities come from. Private keys are never part of the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<CertificateAuthority>,
    /// Locality failover of services that span clusters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<Failover>,
    /// Versions of the programs people use with these clusters; the plan repeats them.
    #[serde(skip_serializing_if = "Tools::is_empty")]
    pub tools: Tools,
    /// Values that are still accepted in every cluster while a change is rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousMesh>,
}

/// What a mesh was before a change. The webhooks of all its clusters accept it beside what it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviousMesh {
    /// The mesh ID before the change.
    #[serde(rename = "meshID", skip_serializing_if = "Option::is_none")]
    pub mesh_id: Option<MeshId>,
    /// The trust domain before the change. Workloads trust it only as long as it is one of `trustDomainAliases`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<TrustDomain>,
    /// SHA-256 fingerprint of the root certificate before the change, in hex, with or without colons.
    #[serde(rename = "rootCertificateSHA256", skip_serializing_if = "Option::is_none")]
    pub root_certificate_sha256: Option<String>,
}

impl PreviousMesh {
    /// The earlier fingerprint in one form: lower-case hex without colons.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.root_certificate_sha256.as_deref().map(plain_hex)
    }
}

fn plain_hex(text: &str) -> String {
    text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect()
}

impl Default for MeshSpec {
    fn default() -> Self {
        MeshSpec {
            mesh_id: None,
            trust_domain: const { TrustDomain::known("cluster.local") },
            trust_domain_aliases: Vec::new(),
            cluster_domain: const { DnsName::known("cluster.local") },
            istio: IstioSpec::default(),
            control_plane: ControlPlane::MultiPrimary(MultiPrimary {}),
            gateway_discovery: GatewayDiscovery::Labels,
            delivery: Delivery::default(),
            enforcement: None,
            cluster_defaults: None,
            ca: None,
            failover: Vec::new(),
            tools: Tools::default(),
            previous: None,
        }
    }
}

/// Where istiod learns the addresses of a network's gateways: one source, never both, since istiod adds them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GatewayDiscovery {
    /// From the `meshNetworks` configuration. The gateway's Service carries no network label.
    MeshNetworks,
    /// From the `topology.istio.io/network` label of the gateway's Service and the address in its status.
    Labels,
}

/// Who runs istiod for whom. Exactly one of `multiPrimary`, `primaryRemote`, `hosted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ControlPlane {
    /// Every cluster runs istiod and reads every other cluster.
    MultiPrimary(MultiPrimary),
    /// Some clusters run istiod, the others are served by it.
    PrimaryRemote(PrimaryRemote),
    /// A vendor's control plane hosted in one cluster serves all.
    Hosted(Box<Hosted>),
}

/// Every cluster runs istiod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiPrimary {}

/// Some clusters run istiod for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrimaryRemote {
    /// The clusters that run istiod. A remote cluster names its own with `primary` when there are several.
    pub primaries: Vec<ClusterName>,
}

/// A control plane hosted in one cluster, apart from that cluster's own workloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hosted {
    /// The cluster that carries the hosted istiod, declared by a Cluster document with a network like the others. Its
    /// `loadBalancer.addresses.controlPlane` is where the others reach it.
    pub cluster: ClusterName,
    /// Whether the hosting cluster is a member, in which workloads of the mesh run. With `false` neither GlobalMesh nor
    /// MeshCluster make it one, and its network, which is its own, needs no gateway.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub workloads: bool,
    /// DaoCloud Mspider.
    pub mspider: Mspider,
}

/// DaoCloud Mspider's hosted mesh: documented parameters of `GlobalMesh` and `MeshCluster` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mspider {
    /// The global management cluster, which holds the GlobalMesh and MeshCluster objects.
    pub global_cluster: ClusterName,
    /// Namespace of those objects.
    #[serde(default = "mspider_system")]
    pub namespace: ObjectName,
    /// Mspider's own version, when it matters: "0.14.0".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether parameters are written as the flat map of the product's guide or as its nested twin
    /// `controlPlaneParamsStruct`.
    #[serde(default)]
    pub parameters: MspiderParameters,
    /// Every other parameter that the GlobalMesh's map keeps, as it is now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub control_plane_params: BTreeMap<String, String>,
    /// Secret, in the namespace of the delivery in the hosting cluster, with a kubeconfig of the hosted API server
    /// `<mesh>-hosted-apiserver`. Mesh resources such as the cross-network Gateway belong there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_api_server_secret: Option<ObjectName>,
    /// How the global cluster gets its objects. Default: as the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_delivery: Option<Delivery>,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn mspider_system() -> ObjectName {
    const { ObjectName::known("mspider-system") }
}

/// How Mspider's parameters are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MspiderParameters {
    /// `istio.custom_params.values.global.network: network-c1`, all values strings.
    #[default]
    Flat,
    /// Nested YAML with real types.
    Struct,
}

/// Where certificate authorities come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateAuthority {
    /// Who makes the intermediate of each cluster.
    pub provider: CaProvider,
    /// SHA-256 fingerprint of the root certificate that all clusters share, in hex, with or without colons.
    #[serde(default, rename = "rootCertificateSHA256", skip_serializing_if = "Option::is_none")]
    pub root_certificate_sha256: Option<String>,
    /// Lifetime of the root, in hours with an `h`: "87600h". A certificate that is put in with a longer one is warned of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_lifetime: Option<Hours>,
    /// Lifetime of each cluster's intermediate; the same holds for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intermediate_lifetime: Option<Hours>,
}

impl CertificateAuthority {
    /// The declared fingerprint in one form: lower-case hex without colons.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.root_certificate_sha256.as_deref().map(plain_hex)
    }
}

/// A number of hours, written as `87600h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours(pub u32);

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Hours, String> {
        let hours = text.strip_suffix('h').and_then(|number| number.parse().ok());
        hours.map(Hours).ok_or_else(|| format!("`{text}` is not a number of hours such as 8760h"))
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> String {
        format!("{}h", hours.0)
    }
}

impl JsonSchema for Hours {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hours".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]{1,9}h$",
            "description": "A number of hours: 8760h.",
            "x-rule": "a number of hours followed by `h`, such as 8760h",
        })
    }
}

/// Who makes the clusters' intermediate certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CaProvider {
    /// cert-manager in each cluster.
    CertManager,
    /// A person or a pipeline, outside the clusters; the Secret `cacerts` is put there by hand or by a secret store.
    Offline,
    /// The vendor's platform.
    Platform,
}

/// Locality failover of one service: becomes a DestinationRule with outlier detection, without which Istio never fails
/// over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failover {
    /// The service: `helloworld.sample.svc.cluster.local`.
    pub host: DnsName,
    /// Regions and where their traffic goes when they fail. Default: the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionFailover>,
    /// Errors in a row after which an endpoint is left out.
    #[serde(default = "five", rename = "consecutive5xxErrors")]
    pub consecutive_5xx_errors: u32,
    /// How often endpoints are judged: "30s".
    #[serde(default = "thirty_seconds")]
    pub interval: String,
    /// How long an endpoint is left out: "30s".
    #[serde(default = "thirty_seconds")]
    pub base_ejection_time: String,
    /// How many of the endpoints may be left out at once, in percent. Default: 100, since failover is for the loss of a
    /// whole locality; with Istio's own 10 most of the lost endpoints would keep their share of the traffic.
    #[serde(default = "hundred")]
    #[schemars(range(min = 0, max = 100))]
    pub max_ejection_percent: u32,
}

fn hundred() -> u32 {
    100
}

fn five() -> u32 {
    5
}

fn thirty_seconds() -> String {
    "30s".to_owned()
}

/// Where one region's traffic goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionFailover {
    /// The region that fails.
    pub from: String,
    /// The region that takes over.
    pub to: String,
}

/// Versions of programs that people use with the clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tools {
    /// kubectl: within one minor version of every API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubectl: Option<Version>,
    /// Helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<Version>,
    /// istioctl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub istioctl: Option<Version>,
    /// The step CLI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Version>,
}

impl Tools {
    fn is_empty(&self) -> bool {
        *self == Tools::default()
    }
}
