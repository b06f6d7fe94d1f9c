//! What was declared until a change that is being rolled out, and what is accepted because of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DeclarationSpec, DeclaredControlPlane, DeclaredEntry, DeclaredGateway, DeclaredNetwork, DeclaredPool,
};
use crate::address::{Address, Port};
use crate::names::{ClusterId, MeshId, NetworkId, TrustDomain};

/// What was declared before a change that is being rolled out, as far as `spec` itself does not say it beside the present
/// values. Each is accepted wherever the present one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DeclaredPrevious {
    /// The network ID before the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkId>,
    /// The cluster ID before the change.
    #[serde(rename = "clusterID", skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// The mesh ID before the change.
    #[serde(rename = "meshID", skip_serializing_if = "Option::is_none")]
    pub mesh_id: Option<MeshId>,
    /// The trust domain before the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<TrustDomain>,
    /// SHA-256 fingerprint of the root certificate before the change, in lower-case hex.
    #[serde(rename = "rootCertificateSHA256", skip_serializing_if = "Option::is_none")]
    pub root_certificate_sha256: Option<String>,
    /// The ID, before the change, of the cluster whose istiod serves this one.
    #[serde(rename = "primaryID", skip_serializing_if = "Option::is_none")]
    pub primary_id: Option<ClusterId>,
    /// The address of the ingress gateway before the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Address>,
    /// East-west gateways whose Service was another, with their present addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<DeclaredGateway>,
    /// MetalLB pools before the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<DeclaredPool>,
    /// URLs of API servers before the change, by the present cluster ID.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub remote_secrets: BTreeMap<ClusterId, String>,
}

/// What was dialled for an entry point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DialledBefore {
    /// The address.
    pub address: Address,
    /// The port.
    pub port: Port,
}

impl DeclarationSpec {
    /// Whether a network ID is this cluster's, or was until the change that is being rolled out.
    #[must_use]
    pub fn accepts_network(&self, network: &str) -> bool {
        self.network.as_str() == network
            || self.previous.network.as_ref().is_some_and(|previous| previous.as_str() == network)
    }

    /// The networks that an ID may mean: the one that is declared under it, then those with a member that was under it
    /// until the change that is being rolled out. More than one when clusters leave a network that stays, or part.
    pub fn networks_named(&self, id: &str) -> impl Iterator<Item = (&NetworkId, &DeclaredNetwork)> {
        let now = self.networks.iter().filter(move |(known, _)| known.as_str() == id);
        let before = self.networks.iter().filter(move |(known, network)| {
            known.as_str() != id && network.previous.iter().any(|previous| previous.as_str() == id)
        });
        now.chain(before)
    }

    /// Whether a cluster ID is this cluster's, or was until the change that is being rolled out.
    #[must_use]
    pub fn accepts_cluster_id(&self, id: &str) -> bool {
        self.cluster.id.as_str() == id
            || self.previous.cluster_id.as_ref().is_some_and(|previous| previous.as_str() == id)
    }

    /// The ID that a cluster of the mesh has now, by that one or by its ID until the change that is being rolled out.
    #[must_use]
    pub fn cluster_id_now<'a>(&'a self, id: &'a str) -> &'a str {
        let mut known = self.networks.values().flat_map(|network| &network.previous_clusters);
        known.find(|(before, _)| before.as_str() == id).map_or(id, |(_, now)| now.as_str())
    }
}

impl DeclaredControlPlane {
    /// Whether it is declared to be there, or was until the change that is being rolled out.
    #[must_use]
    pub fn is_at(&self, address: &str) -> bool {
        self.address.iter().chain(&self.previous_addresses).any(|known| known.is(address))
    }
}

impl DeclaredEntry {
    /// Whether it is entered at that address, or was until the change that is being rolled out.
    #[must_use]
    pub fn is_at(&self, address: &str) -> bool {
        self.ports_at(address).next().is_some()
    }

    /// The ports at which it is entered at that address.
    pub fn ports_at(&self, address: &str) -> impl Iterator<Item = Port> {
        let now = self.address.iter().map(|known| (known, self.port));
        let all = now.chain(self.previous.iter().map(|before| (&before.address, before.port)));
        all.filter(move |(known, _)| known.is(address)).map(|(_, port)| port)
    }
}

impl DeclaredGateway {
    /// Whether its Service may ask for that address: for its own, for the one that peers dial, or for those before the change
    /// that is being rolled out.
    #[must_use]
    pub fn may_ask_for(&self, address: &str) -> bool {
        let now = self.address.iter().chain(&self.public_address);
        now.chain(&self.previous_addresses).any(|known| known.is(address))
    }
}
