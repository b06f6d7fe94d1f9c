//! The Kubernetes below a cluster of the mesh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::ApiServer;
use crate::version::Version;

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
