//! MetalLB's address pools and how they are announced.

mod chart;

use meshwright_policies::intent::{AddressPool, Advertise, Metallb as Declared};
use meshwright_policies::mesh::{Cluster, Mesh};
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::helm::deliver;
use crate::object::Object;

pub use chart::chart;

/// MetalLB's API; the same from 0.13, which brought CRDs, to 0.16.
const API_VERSION: &str = "metallb.io/v1beta1";

/// Renders an `IPAddressPool` per declared pool and the advertisement that announces it. Both are protected: without them
/// the gateways lose their addresses, and the networks each other. Before them MetalLB itself, where it is to be installed:
/// in a wave of its own, since its chart brings the CRDs of the pools.
pub(super) struct Metallb;

impl Artefact for Metallb {
    fn name(&self) -> &'static str {
        "metallb"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(declared) = &cluster.spec.load_balancer.metallb else { return };
        let root = Root::Mesh(cluster.name.clone());
        if let Some(chart) = chart(cluster) {
            // A namespace that the intent lists is rendered from there, with its labels.
            if !cluster.spec.namespaces.iter().any(|namespace| namespace.name == declared.namespace) {
                out.protected(root.clone(), Wave::Platform, chart::namespace(declared));
            }
            deliver(out, mesh, cluster, &chart);
        }
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
    use super::super::testing::{fleet, hosted, render, yaml};
    use super::*;
    use crate::stage::Stage;

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

    /// One cluster's MetalLB, installed, with the intent's other fields of the mesh and of the cluster.
    fn installed(delivery: &str, cluster: &str) -> Output {
        let fleet = fleet(&format!(
            r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: m}}
spec:
  istio: {{version: "1.26.0"}}
  delivery: {{{delivery}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {{name: flat}}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: a}}
spec:
  network: flat
  podCIDRs: [10.1.0.0/16]
  kubernetes: {{version: "1.30", apiServer: "https://10.0.0.1:6443"}}
  {cluster}
"#
        ));
        render(&Metallb, &fleet)
    }

    #[test]
    fn flux_installs_it_in_a_step_before_its_pools() {
        let cluster = r#"registryMirrors: {quay.io: quay.m.daocloud.io}
  loadBalancer: {metallb: {install: true, version: "0.14.8", pools: [{name: pool, addresses: [10.0.0.8/30]}]}}"#;
        let out = installed("flux: {}", cluster);
        let stages: Vec<String> = out
            .objects()
            .values()
            .flatten()
            .map(|one| format!("{:?} {} {}", Stage::of(one), one.protected, one.object.reference()))
            .collect();
        insta::assert_snapshot!(stages.join("\n"), @"
        Platform true Namespace/metallb-system
        Platform false HelmRepository/flux-system/metallb
        Platform true HelmRelease/flux-system/metallb
        Install true IPAddressPool/metallb-system/pool
        Install true L2Advertisement/metallb-system/pool
        ");
        insta::assert_snapshot!(yaml(&out, "a"), @"
        apiVersion: v1
        kind: Namespace
        metadata:
          name: metallb-system
          labels:
            app.kubernetes.io/managed-by: meshwright
            pod-security.kubernetes.io/enforce: privileged
            pod-security.kubernetes.io/audit: privileged
            pod-security.kubernetes.io/warn: privileged
        ---
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata:
          name: metallb
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          url: https://metallb.github.io/metallb
        ---
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata:
          name: metallb
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          timeout: 10m
          releaseName: metallb
          targetNamespace: metallb-system
          storageNamespace: metallb-system
          chart:
            spec:
              chart: metallb
              version: 0.14.8
              sourceRef:
                kind: HelmRepository
                name: metallb
          install:
            crds: CreateReplace
            remediation:
              retries: -1
          upgrade:
            crds: CreateReplace
            remediation:
              retries: 3
              remediateLastFailure: true
          driftDetection:
            mode: enabled
            ignore:
            - paths:
              - /spec/conversion/webhook/clientConfig/caBundle
              target:
                kind: CustomResourceDefinition
          values:
            controller:
              image:
                repository: quay.m.daocloud.io/metallb/controller
            speaker:
              image:
                repository: quay.m.daocloud.io/metallb/speaker
              frr:
                image:
                  repository: quay.m.daocloud.io/frrouting/frr
            frr-k8s:
              frrk8s:
                image:
                  repository: quay.m.daocloud.io/metallb/frr-k8s
                frr:
                  image:
                    repository: quay.m.daocloud.io/frrouting/frr
        ---
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata:
          name: pool
          namespace: metallb-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          addresses:
          - 10.0.0.8/30
          autoAssign: false
        ---
        apiVersion: metallb.io/v1beta1
        kind: L2Advertisement
        metadata:
          name: pool
          namespace: metallb-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          ipAddressPools:
          - pool
        ");
    }

    #[test]
    fn without_an_agent_there_are_values_for_helm() {
        let out = installed("none: {}", "loadBalancer: {metallb: {install: true}}");
        let files: Vec<&str> = out.files().keys().map(String::as_str).collect();
        assert_eq!(files, ["clusters/a/helm/metallb.yaml"]);
        assert!(installed("none: {}", "loadBalancer: {metallb: {}}").files().is_empty());
    }

    #[test]
    fn argo_cd_leaves_the_bundle_that_the_controller_writes() {
        let out = installed(
            "argocd: {repoURL: \"https://git.example.com/mesh\"}",
            "loadBalancer: {metallb: {install: true}}",
        );
        let application = out.objects()[&Root::Argocd][0].object.as_map();
        let ignored = &application["spec"]["ignoreDifferences"];
        assert_eq!(
            *ignored,
            json!([{
                "group": "apiextensions.k8s.io",
                "kind": "CustomResourceDefinition",
                "jqPathExpressions": [".spec.conversion.webhook.clientConfig.caBundle"],
            }])
        );
        assert_eq!(application["spec"]["source"]["targetRevision"], "0.15.3");
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
