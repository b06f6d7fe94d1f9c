//! The registry of kinds: object -> claims. One file per kind, one line here.

mod gateway;
mod global_mesh;
mod helm;
mod ip_address_pool;
mod istio_operator;
mod mesh_cluster;
mod mesh_networks;
mod namespace;
mod sail;
mod service;
mod values;

use serde_json::{Map, Value};

use crate::claim::{At, Claims};

/// A kind of Kubernetes object that asserts something about the mesh.
pub trait Kind: Sync {
    /// API group; empty for the core group.
    fn group(&self) -> &'static str;

    /// Kind.
    fn kind(&self) -> &'static str;

    /// The plural by which admission rules name it.
    fn plural(&self) -> &'static str;

    /// What an object of this kind asserts. Never fails: what is malformed asserts nothing, and its own API server
    /// refuses it.
    fn claims(&self, object: &At<'_>, claims: &mut Claims);
}

/// Every kind, by group and kind.
pub const KINDS: &[&dyn Kind] = &[
    &namespace::Namespace,
    &service::Service,
    &helm::Application,
    &mesh_cluster::MeshCluster,
    &global_mesh::GlobalMesh,
    &helm::HelmRelease,
    &istio_operator::IstioOperator,
    &ip_address_pool::IpAddressPool,
    &gateway::Gateway,
    &sail::Istio,
];

/// The kind of an `apiVersion` and `kind`.
#[must_use]
pub fn kind_of(api_version: &str, kind: &str) -> Option<&'static dyn Kind> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    KINDS.iter().copied().find(|known| known.kind() == kind && known.group() == group)
}

/// What an object asserts; nothing for a kind that is not in the registry.
#[must_use]
pub fn claims_of(object: &Map<String, Value>) -> Claims {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = kind_of(text("apiVersion"), text("kind")) else { return Claims::default() };
    let metadata = |key: &str| object.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str);
    let name = metadata("name").unwrap_or_default();
    let reference = match metadata("namespace") {
        Some(namespace) => format!("{}/{namespace}/{name}", kind.kind()),
        None => format!("{}/{name}", kind.kind()),
    };
    let mut claims = Claims { object: reference, list: Vec::new() };
    kind.claims(&At::root(object), &mut claims);
    claims
}

/// Label of network membership.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";
/// Label of a Service with the port at which peers enter.
pub const GATEWAY_PORT_LABEL: &str = "networking.istio.io/gatewayPort";
/// Variable that limits a gateway to the endpoints of the networks it names.
pub const NETWORK_VIEW: &str = "ISTIO_META_REQUESTED_NETWORK_VIEW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_order_and_has_no_kind_twice() {
        let keys: Vec<_> = KINDS.iter().map(|kind| (kind.group(), kind.kind())).collect();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
    }

    #[test]
    fn hostile_objects_assert_nothing_and_end() {
        for kind in KINDS {
            for spec in [
                serde_json::json!(null),
                serde_json::json!([[{}]]),
                serde_json::json!({"values": [], "servers": {"a": 1}, "components": "x", "meshedParams": [1, {}]}),
                serde_json::json!({"values": {"global": {"meshNetworks": [1], "multiCluster": 3}}, "ports": [{}, 1]}),
            ] {
                let group =
                    if kind.group().is_empty() { String::new() } else { format!("{}/", kind.group()) };
                let object = serde_json::json!({
                    "apiVersion": format!("{group}v1"), "kind": kind.kind(), "metadata": 7, "spec": spec,
                });
                let Value::Object(object) = object else { unreachable!() };
                assert_eq!(claims_of(&object).list, [], "{object:?}");
            }
        }
    }
}
