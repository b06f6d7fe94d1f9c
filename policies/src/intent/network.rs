//! A `Network` document.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClusterSpec, GatewayDiscovery};
use crate::address::{Address, Port};
use crate::names::{ClusterName, MeshName, ObjectName};

/// One network of a mesh: the clusters whose pods reach each other directly. Its name is the network ID.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NetworkSpec {
    /// The mesh. Default: the only one in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshName>,
    /// Whether the pods of its clusters reach each other without a gateway. A network of two clusters or more has to say
    /// so: a network ID copied from a neighbour loses traffic in silence.
    pub pod_connectivity: PodConnectivity,
    /// Where the network is entered. Default: every east-west gateway of its clusters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<NetworkGateway>,
    /// Where istiod learns this network's gateway addresses. Default: as the mesh says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_discovery: Option<GatewayDiscovery>,
    /// What the clusters of this network share; beats the mesh's `clusterDefaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_defaults: Option<Box<ClusterSpec>>,
}

/// Whether pods of different clusters in one network reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodConnectivity {
    /// They do not: the network has one cluster.
    #[default]
    None,
    /// Every pod reaches every pod: peered VPCs, BGP, a flat network.
    Routed,
}

/// An entry point of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkGateway {
    /// The cluster whose east-west gateway it is.
    pub cluster: ClusterName,
    /// Which of that cluster's east-west gateways. Default: its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<ObjectName>,
    /// The address that peers dial. Default: the gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The port that peers dial. Default: the gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Other addresses for some observing clusters, by cluster name: a tunnel, a NAT. Needs
    /// `gatewayDiscovery: meshNetworks`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub address_from: BTreeMap<ClusterName, Address>,
}
