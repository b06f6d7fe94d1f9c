//! What was so before a change that is being rolled out, and is still accepted, of a cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AddressPool, EastWestGateway, ExternalTrafficPolicy, GatewayLayout, GatewayPort, NetworkView, ServiceType,
};
use crate::address::{Address, ApiServer, Port};
use crate::names::{ClusterId, ClusterName, NetworkId, ObjectName};

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
