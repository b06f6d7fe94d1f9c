use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{AddressPool, Delivery, Enforcement, FreeObject, IstioSpec, LoadBalancer, ManifestPath};
use crate::address::{Address, ApiServer, Cidr, Port};
use crate::names::{ClusterId, ClusterName, LabelValue, MeshName, NetworkId, ObjectName};
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

/// The Kubernetes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubernetes {
    /// Kubernetes' version, quoted: "1.25".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Distribution or service: kubeadm, kind, "KT K2P Standard".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    /// The CNI plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<Cni>,
    /// Whether Calico speaks BGP, which disturbs MetalLB.
    #[serde(rename = "calicoBGP", skip_serializing_if = "Option::is_none")]
    pub calico_bgp: Option<bool>,
    /// Cilium's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cilium: Option<CiliumSettings>,
    /// kube-proxy's mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_proxy: Option<KubeProxyMode>,
    /// URL of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ApiServer>,
}

/// CNI plugins that matter to the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cni {
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
    /// Flannel.
    Flannel,
    /// OVN-Kubernetes.
    Ovn,
    /// The cloud's own.
    Cloud,
    /// Any other.
    Other,
}

impl Cni {
    /// As people write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cni::Calico => "calico",
            Cni::Cilium => "cilium",
            Cni::Flannel => "flannel",
            Cni::Ovn => "ovn",
            Cni::Cloud => "cloud",
            Cni::Other => "other",
        }
    }
}

/// Settings of Cilium that Istio needs (docs.cilium.io, "Integration with Istio"), as they are meant to be in
/// `kube-system/cilium-config`: the plan has the commands that set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CiliumSettings {
    /// `cni-exclusive`: must be false, or Cilium removes Istio's CNI plugin.
    pub cni_exclusive: Option<bool>,
    /// `bpf-lb-sock-hostns-only`: must be true, or sockets are rewritten before the sidecar sees them.
    pub bpf_lb_sock_hostns_only: Option<bool>,
    /// `enable-l7-proxy`: false as K-PaaS's guide asks.
    pub enable_l7_proxy: Option<bool>,
}

/// Modes of kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KubeProxyMode {
    /// iptables.
    Iptables,
    /// IPVS; MetalLB in layer 2 mode then needs strict ARP.
    Ipvs,
    /// nftables.
    Nftables,
    /// Replaced by the CNI plugin.
    None,
}

/// `region`, `region/zone` or `region/zone/subzone`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locality {
    /// `topology.kubernetes.io/region`.
    pub region: LabelValue,
    /// `topology.kubernetes.io/zone`.
    pub zone: Option<LabelValue>,
    /// `topology.istio.io/subzone`.
    pub subzone: Option<LabelValue>,
}

impl TryFrom<String> for Locality {
    type Error = String;

    fn try_from(text: String) -> Result<Locality, String> {
        let mut parts = text.split('/');
        let mut next = || parts.next().map(LabelValue::new).transpose().map_err(|error| error.to_string());
        let (region, zone, subzone) = (next()?, next()?, next()?);
        match (region, parts.next()) {
            (Some(region), None) => Ok(Locality { region, zone, subzone }),
            _ => Err(format!("`{text}` is not a locality of the form region/zone/subzone")),
        }
    }
}

impl From<Locality> for String {
    fn from(locality: Locality) -> String {
        locality.to_string()
    }
}

impl std::fmt::Display for Locality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.region.fmt(f)?;
        [&self.zone, &self.subzone].into_iter().flatten().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl JsonSchema for Locality {
    fn schema_name() -> Cow<'static, str> {
        "Locality".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?(/[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?){0,2}$",
            "description": "region, region/zone or region/zone/subzone.",
            "x-rule": "one to three label values joined by `/`: region/zone/subzone",
        })
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Its name.
    pub name: DnsSubdomain,
    /// Its locality. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<Locality>,
}

/// A node's name: a DNS subdomain.
pub type DnsSubdomain = crate::names::DnsName;

/// An east-west gateway: where other networks enter this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EastWestGateway {
    /// Name of its Deployment and Service. Default: `istio-eastwestgateway`, or `istio-ingressgateway` when shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ObjectName>,
    /// Whether it carries traffic between clusters only, or users' traffic too.
    pub layout: GatewayLayout,
    /// The address of its Service. Default, for the first gateway: `loadBalancer.addresses.eastWest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The address that peers dial when it is another one: static NAT, a load balancer by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<Address>,
    /// The port that peers dial.
    pub port: Port,
    /// Replicas. Default: the chart's autoscaling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Its Service.
    pub service: GatewayService,
    /// Further ports of a shared gateway, beside 15021, 80, 443 and 15443.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_ports: Vec<GatewayPort>,
    /// Which networks' endpoints it forwards to: its own, which is what an east-west gateway is for, or all, which a
    /// shared gateway may want for users' traffic.
    pub network_view: NetworkView,
}

impl Default for EastWestGateway {
    fn default() -> Self {
        EastWestGateway {
            name: None,
            layout: GatewayLayout::Dedicated,
            address: None,
            public_address: None,
            port: Port::MTLS,
            replicas: None,
            service: GatewayService::default(),
            extra_ports: Vec::new(),
            network_view: NetworkView::Own,
        }
    }
}

/// What traffic a gateway carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatewayLayout {
    /// Traffic between clusters only.
    Dedicated,
    /// Users' traffic too, by one `istio-ingressgateway`.
    Shared,
}

/// Which networks' endpoints a gateway sees (`ISTIO_META_REQUESTED_NETWORK_VIEW`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkView {
    /// Its own network only.
    Own,
    /// All networks.
    All,
}

/// The Service of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GatewayService {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// More annotations, beside the cluster's `loadBalancer.annotations`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// `externalTrafficPolicy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Pinned NodePorts, by port name: `tls: 30443`. A load balancer by hand forwards to them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_ports: BTreeMap<String, Port>,
}

/// Types of a gateway's Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// A load balancer gives the address.
    #[default]
    LoadBalancer,
    /// Reached by the nodes' addresses; `address` and `port` say how peers do.
    NodePort,
    /// Reached by something outside that the intent names with `address`.
    ClusterIP,
}

impl ServiceType {
    /// As Kubernetes spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceType::LoadBalancer => "LoadBalancer",
            ServiceType::NodePort => "NodePort",
            ServiceType::ClusterIP => "ClusterIP",
        }
    }
}

/// `externalTrafficPolicy` of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// Any node forwards.
    Cluster,
    /// Only nodes that run the gateway answer; keeps the client's address.
    Local,
}

impl ExternalTrafficPolicy {
    /// As Kubernetes spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ExternalTrafficPolicy::Cluster => "Cluster",
            ExternalTrafficPolicy::Local => "Local",
        }
    }
}

/// A port of a gateway's Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayPort {
    /// Its name.
    pub name: ObjectName,
    /// The Service's port.
    pub port: Port,
    /// The pod's port. Default: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<Port>,
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

/// Sample applications that show whether clusters reach each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Samples {
    /// Their namespace.
    pub namespace: ObjectName,
    /// Istio's helloworld: answers with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helloworld: Option<SampleVersion>,
    /// Bookinfo's reviews: answers with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<SampleVersion>,
    /// A pod with curl to ask from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SampleSleep>,
}

impl Default for Samples {
    fn default() -> Self {
        Samples {
            namespace: const { ObjectName::known("sample") },
            helloworld: None,
            reviews: None,
            sleep: None,
        }
    }
}

/// Which version of a sample runs in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampleVersion {
    /// The version that it answers with: v1, vc2.
    pub version: ObjectName,
    /// Image. Default: the sample's own for the mesh's Istio version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// The sleep sample.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SampleSleep {
    /// Image. Default: curlimages/curl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
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

/// Values that the webhook still accepts during a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviousValues {
    /// The network ID before the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkId>,
    /// The cluster ID before the change.
    #[serde(rename = "clusterID", skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// East-west gateways as they were before a change of their addresses or ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<PreviousGateway>,
    /// The address at which istiod was reached before the change: this cluster's istiod, by all that it serves, or the one
    /// that serves this cluster. Not needed where it is the address of a gateway that `gateways` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_address: Option<Address>,
    /// The address of the ingress gateway before the change (`loadBalancer.addresses.ingress`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_address: Option<Address>,
    /// MetalLB pools as they were before a change of their addresses, or of how they are announced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<AddressPool>,
    /// The URL at which peers reached the API server before the change: in their remote secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ApiServer>,
}

/// An east-west gateway before a change. The earlier addresses are accepted beside the present ones, of this gateway alone:
/// in its Service, in every cluster's `meshNetworks`, and where remote clusters look for its istiod; what else is said here,
/// in the objects of the gateway itself. What is left out was as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviousGateway {
    /// Its name. Default: the cluster's first east-west gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<ObjectName>,
    /// The address of its Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The address that peers dialled. Default: `address`, unless they dial another one than the Service's now; then that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<Address>,
    /// The port that peers dialled. Default: the one that they dial now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Other addresses that some observing clusters dialled, by cluster name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub address_from: BTreeMap<ClusterName, Address>,
    /// What traffic it carried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<GatewayLayout>,
    /// Its Service.
    #[serde(skip_serializing_if = "PreviousService::is_empty")]
    pub service: PreviousService,
    /// Further ports of its Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_ports: Option<Vec<GatewayPort>>,
    /// Which networks' endpoints it forwarded to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_view: Option<NetworkView>,
}

/// The Service of a gateway before a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PreviousService {
    /// Its type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ServiceType>,
    /// `externalTrafficPolicy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Pinned NodePorts, by port name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_ports: BTreeMap<String, Port>,
}

impl PreviousService {
    fn is_empty(&self) -> bool {
        *self == PreviousService::default()
    }
}

impl PreviousGateway {
    /// The gateway as it was, but for its addresses, which are told apart from it.
    #[must_use]
    pub fn laid_over(&self, now: &EastWestGateway) -> EastWestGateway {
        let mut then = now.clone();
        then.port = self.port.unwrap_or(now.port);
        then.layout = self.layout.unwrap_or(now.layout);
        then.network_view = self.network_view.unwrap_or(now.network_view);
        then.service.kind = self.service.kind.unwrap_or(now.service.kind);
        then.service.external_traffic_policy =
            self.service.external_traffic_policy.or(now.service.external_traffic_policy);
        then.service.node_ports.extend(self.service.node_ports.clone());
        if let Some(ports) = &self.extra_ports {
            then.extra_ports.clone_from(ports);
        }
        // Behind another address the Service keeps 15443.
        if let Some(public) = &self.public_address {
            then.public_address = Some(public.clone()).filter(|_| self.address.as_ref() != Some(public));
        }
        then
    }

    /// What `observer` dialled; what anybody dialled that no `addressFrom` names. `translated` says whether something
    /// stands between the peers and the Service now.
    #[must_use]
    pub fn dialled(&self, observer: Option<&ClusterName>, translated: bool) -> Option<&Address> {
        let seen = observer.and_then(|observer| self.address_from.get(observer));
        seen.or(self.public_address.as_ref()).or(self.address.as_ref().filter(|_| !translated))
    }
}
