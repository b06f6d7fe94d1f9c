//! MetalLB's address pools and how they are announced.

use meshwright_policies::intent::{AddressPool, Advertise, Metallb as Declared};
use meshwright_policies::mesh::{Cluster, Mesh};
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::object::Object;

/// MetalLB's API; the same from 0.13, which brought CRDs, to 0.16.
const API_VERSION: &str = "metallb.io/v1beta1";

/// Renders an `IPAddressPool` per declared pool and the advertisement that announces it. Both are protected: without them
/// the gateways lose their addresses, and the networks each other.
pub(super) struct Metallb;

impl Artefact for Metallb {
    fn name(&self) -> &'static str {
        "metallb"
    }

    fn render_cluster(&self, _mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(declared) = &cluster.spec.load_balancer.metallb else { return };
        let root = Root::Mesh(cluster.name.clone());
        for pool in &declared.pools {
            out.protected(root.clone(), Wave::Namespace, address_pool(declared, pool));
            if let Some(advertisement) = advertisement(declared, pool) {
                out.protected(root.clone(), Wave::Namespace, advertisement);
            }
        }
    }
}

fn object(declared: &Declared, pool: &AddressPool, kind: &str) -> Object {
    Object::new(API_VERSION, kind, pool.name.as_str())
        .namespace(declared.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
}

fn address_pool(declared: &Declared, pool: &AddressPool) -> Object {
    let addresses: Vec<String> = pool.addresses.iter().map(ToString::to_string).collect();
    let mut spec = Map::new();
    spec.insert("addresses".into(), addresses.into());
    // Said in both cases: MetalLB's own default is true, and takes planned addresses for whoever comes first.
    spec.insert("autoAssign".into(), pool.auto_assign.into());
    if pool.avoid_buggy_ips {
        spec.insert("avoidBuggyIPs".into(), true.into());
    }
    object(declared, pool, "IPAddressPool").spec(Value::Object(spec))
}

/// The advertisement, unless something outside brings the traffic.
fn advertisement(declared: &Declared, pool: &AddressPool) -> Option<Object> {
    let pools = json!([pool.name.as_str()]);
    match pool.advertise {
        Advertise::L2 if pool.interfaces.is_empty() => {
            Some(object(declared, pool, "L2Advertisement").spec(json!({"ipAddressPools": pools})))
        }
        Advertise::L2 => Some(
            object(declared, pool, "L2Advertisement")
                .spec(json!({"ipAddressPools": pools, "interfaces": pool.interfaces})),
        ),
        Advertise::Bgp => {
            Some(object(declared, pool, "BGPAdvertisement").spec(json!({"ipAddressPools": pools})))
        }
        Advertise::StatusOnly => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hosted, render, yaml};
    use super::*;

    #[test]
    fn pools_are_announced_on_their_interfaces_and_give_nothing_unasked() {
        let out = render(&Metallb, &hosted());
        assert!(out.objects().values().flatten().all(|object| object.protected));
        insta::assert_snapshot!(yaml(&out, "mdemo-cluster2"), @"
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata:
          name: first-pool
          namespace: metallb-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          addresses:
          - 10.6.136.25-10.6.136.29
          autoAssign: false
        ---
        apiVersion: metallb.io/v1beta1
        kind: L2Advertisement
        metadata:
          name: first-pool
          namespace: metallb-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          ipAddressPools:
          - first-pool
          interfaces:
          - enp1s0
        ");
    }

    #[test]
    fn bgp_is_announced_by_bgp_and_status_only_not_at_all() {
        let mut fleet = hosted();
        for cluster in fleet.meshes.values_mut().flat_map(|mesh| mesh.clusters.values_mut()) {
            cluster.spec.load_balancer.metallb = serde_json::from_value(json!({"namespace": "lb", "pools": [
                {"name": "a", "addresses": ["203.0.113.7/32"], "advertise": "bgp", "autoAssign": true, "avoidBuggyIPs": true},
                {"name": "b", "addresses": ["210.0.0.1/32"], "advertise": "statusOnly"},
                {"name": "c", "addresses": ["2001:db8::/120"]},
            ]}))
            .unwrap();
        }
        insta::assert_snapshot!(yaml(&render(&Metallb, &fleet), "mdemo-cluster1"), @"
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata:
          name: a
          namespace: lb
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          addresses:
          - 203.0.113.7/32
          autoAssign: true
          avoidBuggyIPs: true
        ---
        apiVersion: metallb.io/v1beta1
        kind: BGPAdvertisement
        metadata:
          name: a
          namespace: lb
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          ipAddressPools:
          - a
        ---
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata:
          name: b
          namespace: lb
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          addresses:
          - 210.0.0.1/32
          autoAssign: false
        ---
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata:
          name: c
          namespace: lb
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          addresses:
          - 2001:db8::/120
          autoAssign: false
        ---
        apiVersion: metallb.io/v1beta1
        kind: L2Advertisement
        metadata:
          name: c
          namespace: lb
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          ipAddressPools:
          - c
        ");
    }
}
