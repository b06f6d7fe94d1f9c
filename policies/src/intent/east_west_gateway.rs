//! East-west gateways and their Services.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Port};
use crate::names::ObjectName;

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
