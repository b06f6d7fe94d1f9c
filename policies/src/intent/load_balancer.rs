//! Load balancers of a cluster and their addresses.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressRange, Cidr};
use crate::names::ObjectName;
use crate::version::Version;

/// How Services of type LoadBalancer get their addresses, and which addresses are planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// Who gives addresses. Default: `metallb` when pools are declared, `cloud` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<LoadBalancerProvider>,
    /// MetalLB's pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metallb: Option<Metallb>,
    /// Planned addresses, by what answers there.
    pub addresses: PlannedAddresses,
    /// Annotations of every Service of type LoadBalancer that is rendered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Clients that the load balancer lets in. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ranges: Vec<Cidr>,
    /// `loadBalancerClass` of the Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

impl LoadBalancer {
    /// Who gives addresses, the default applied.
    #[must_use]
    pub fn effective_provider(&self) -> LoadBalancerProvider {
        self.provider.unwrap_or(if self.metallb.is_some() {
            LoadBalancerProvider::Metallb
        } else {
            LoadBalancerProvider::Cloud
        })
    }
}

/// Who gives a Service of type LoadBalancer its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoadBalancerProvider {
    /// MetalLB, from the declared pools.
    Metallb,
    /// The cloud's own controller.
    Cloud,
    /// A person, by the plan document: a load balancer outside the cluster in front of NodePorts, an address by NAT.
    Manual,
    /// Nobody.
    None,
}

/// Addresses planned for the cluster's load balancers. Each belongs to exactly one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PlannedAddresses {
    /// The hosted or exposed istiod (`istiod-<mesh>-hosted-lb` with Mspider).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<Address>,
    /// The ingress gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Address>,
    /// The first east-west gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub east_west: Option<Address>,
}

/// MetalLB in this cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metallb {
    /// MetalLB's version, such as "0.14.8".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether to install MetalLB's Helm chart too. Default: it is there already.
    #[serde(default)]
    pub install: bool,
    /// MetalLB's namespace.
    #[serde(default = "metallb_system")]
    pub namespace: ObjectName,
    /// Address pools.
    #[serde(default)]
    pub pools: Vec<AddressPool>,
}

fn metallb_system() -> ObjectName {
    const { ObjectName::known("metallb-system") }
}

/// A MetalLB `IPAddressPool` and how it is announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressPool {
    /// Name of the pool.
    pub name: ObjectName,
    /// Its addresses.
    pub addresses: Vec<AddressRange>,
    /// Whether MetalLB may give its addresses to Services that ask for none. Default: false, so that a planned address
    /// cannot be taken by whichever Service comes first.
    #[serde(default)]
    pub auto_assign: bool,
    /// Whether to leave out addresses ending in .0 and .255.
    #[serde(default, rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,
    /// How the addresses are announced.
    #[serde(default)]
    pub advertise: Advertise,
    /// Network interfaces to announce on, with `l2`. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

/// How a pool's addresses are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Advertise {
    /// ARP and NDP, `L2Advertisement`.
    #[default]
    L2,
    /// `BGPAdvertisement`.
    Bgp,
    /// Not at all: MetalLB only writes the Service's status, and something outside (static NAT) brings the traffic.
    StatusOnly,
}
