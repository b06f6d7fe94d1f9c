//! What is refused, at the line that caused it, with the other line that is involved.

use meshwright_tests::intent::Intent;

const CLUSTER1: &str = "mdemo/clusters/mdemo-cluster1.yaml";
const CLUSTER2: &str = "mdemo/clusters/mdemo-cluster2.yaml";

/// What an edit of the example earns; what is said of the example anyway is left out. Nothing is rendered.
fn refused(intent: &Intent) -> String {
    let anyway: Vec<String> =
        Intent::example().load().findings.into_iter().map(|finding| finding.message).collect();
    let mut findings = intent.load().findings;
    findings.retain_mut(|finding| !anyway.contains(&finding.message));
    assert!(findings.has_errors(), "{}", intent.human(&findings));
    assert!(intent.try_build().is_err());
    intent.human(&findings)
}

#[test]
fn the_ingress_address_is_not_the_control_planes() {
    let intent = Intent::example().edit(CLUSTER1, "controlPlane: 10.64.30.71", "controlPlane: 10.64.30.72");
    insta::assert_snapshot!(refused(&intent), @"
    error[MW3002]: `10.64.30.72` is declared for the hosted istiod of cluster `mdemo-cluster1`, but it is the address of its own ingress gateway
      --> mdemo/clusters/mdemo-cluster1.yaml:21:21
       |
    21 |       controlPlane: 10.64.30.72
       |                     ^^^^^^^^^^^
    22 |       ingress: 10.64.30.72
       |                ----------- `10.64.30.72` is planned for the ingress gateway of `mdemo-cluster1`
       |
       = note: cluster `mdemo-cluster1`
       = help: `10.64.30.71` of `mdemo-cluster1`'s pool `first-pool` is planned for nothing else

    1 error
    ");
}

#[test]
fn a_planned_address_is_in_the_pool() {
    let intent = Intent::example().edit(CLUSTER2, "eastWest: 10.6.136.29", "eastWest: 10.6.136.30");
    insta::assert_snapshot!(refused(&intent), @"
    error[MW3003]: `10.6.136.30`, planned for the east-west gateway `istio-eastwestgateway` of cluster `mdemo-cluster2`, lies in none of the cluster's pools
      --> mdemo/clusters/mdemo-cluster2.yaml:21:17
       |
    17 |         - name: first-pool
       |         ------------------ the pools of `mdemo-cluster2`
    ...
    21 |       eastWest: 10.6.136.30
       |                 ^^^^^^^^^^^
       |
       = note: cluster `mdemo-cluster2`
       = help: use an address of `mdemo-cluster2`, such as `10.6.136.25` of pool `first-pool`

    1 error
    ");
}

#[test]
fn two_clusters_share_a_network_only_where_pods_reach_each_other() {
    let intent = Intent::example().edit(CLUSTER2, "network: network-c2", "network: network-c1");
    insta::assert_snapshot!(refused(&intent), @"
    error[MW2002]: clusters `mdemo-cluster1` and `mdemo-cluster2` are both on network `network-c1`, which does not say that their pods reach each other
     --> mdemo/clusters/mdemo-cluster2.yaml:7:12
      |
    7 |   network: network-c1
      |            ^^^^^^^^^^
      |
     ::: mdemo/clusters/mdemo-cluster1.yaml:7:12
      |
    7 |   network: network-c1
      |            ---------- cluster `mdemo-cluster1` is on it here
      |
     ::: mdemo/networks.yaml:8:3
      |
    8 |   mesh: mdemo-mesh
      |   ---------------- the network is declared here
      |
      = note: cluster `mdemo-cluster2`
      = help: give `mdemo-cluster2` a network of its own, or declare `podConnectivity: routed` in Network `network-c1` if every pod reaches every pod

    warning[MW1006]: no cluster of mesh `mdemo-mesh` is on network `network-c2`
      --> mdemo/networks.yaml:14:9
       |
    14 |   name: network-c2
       |         ^^^^^^^^^^
       |
       = help: remove the Network, or name it in the `network` of the clusters that it was meant for

    1 error, 1 warning
    ");
}

#[test]
fn pods_of_one_network_have_addresses_of_their_own() {
    let path = "atlas/clusters/frankfurt-2.yaml";
    let intent = Intent::example().edit(path, "podCIDRs: [10.43.0.0/16]", "podCIDRs: [10.41.128.0/17]");
    insta::assert_snapshot!(refused(&intent), @"
    error[MW2004]: pod CIDR `10.41.128.0/17` of cluster `frankfurt-2` overlaps `10.41.0.0/16` of cluster `frankfurt-1` on the same network `frankfurt`
      --> atlas/clusters/frankfurt-2.yaml:11:14
       |
    11 |   podCIDRs: [10.41.128.0/17]
       |              ^^^^^^^^^^^^^^
       |
      ::: atlas/clusters/frankfurt-1.yaml:10:14
       |
    10 |   podCIDRs: [10.41.0.0/16]
       |              ------------ cluster `frankfurt-1` has `10.41.0.0/16`
       |
       = note: declared `10.41.0.0/16` at atlas/clusters/frankfurt-1.yaml:10, found `10.41.128.0/17`
       = note: cluster `frankfurt-2`
       = help: give `frankfurt-2` pod addresses that no cluster of `frankfurt` uses, or a network of its own

    1 error
    ");
}

#[test]
fn kubernetes_is_one_that_istio_supports() {
    let intent =
        Intent::example().edit("kpaas/clusters/ncloud-nks.yaml", "version: \"1.29\"", "version: \"1.28\"");
    insta::assert_snapshot!(refused(&intent), @r#"
    error[MW6001]: Kubernetes 1.28 is too old for Istio 1.26.8, which needs 1.29 or later
      --> kpaas/clusters/ncloud-nks.yaml:11:14
       |
    11 |     version: "1.28"
       |              ^^^^^^
       |
      ::: kpaas/mesh.yaml:11:14
       |
    11 |     version: "1.26.8"
       |              -------- Istio 1.26.8 is declared here
       |
       = note: declared `1.26.8` at kpaas/mesh.yaml:11, found `1.28`
       = note: cluster `ncloud-nks`
       = help: upgrade Kubernetes to 1.29 or later (Istio 1.26 supports 1.29 to 1.33), or take Istio 1.24, the last that supports 1.28

    warning[MW6005]: kubectl 1.30.4 is more than one minor away from Kubernetes 1.28
      --> kpaas/mesh.yaml:26:20
       |
    26 |   tools: {kubectl: "1.30.4", helm: "3.16.4", step: "0.24.4"}
       |                    ^^^^^^^^
       |
      ::: kpaas/clusters/ncloud-nks.yaml:11:14
       |
    11 |     version: "1.28"
       |              ------ cluster `ncloud-nks` runs it
       |
       = note: declared `1.28` at kpaas/clusters/ncloud-nks.yaml:11, found `1.30.4`
       = help: use kubectl 1.27 to 1.29

    1 error, 1 warning
    "#);
}

#[test]
fn a_cluster_name_has_no_underscore() {
    let intent = Intent::example().edit(CLUSTER2, "name: mdemo-cluster2", "name: mdemo_cluster2");
    insta::assert_snapshot!(refused(&intent), @"
    error[MW0105]: `mdemo_cluster2` is not a cluster name: at most 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit
     --> mdemo/clusters/mdemo-cluster2.yaml:5:9
      |
    5 |   name: mdemo_cluster2
      |         ^^^^^^^^^^^^^^
      |
      = help: `mdemo-cluster2` would be one

    1 error
    ");
}

#[test]
fn an_operator_that_is_gone_gets_no_object() {
    let intent = Intent::example().edit("kpaas/mesh.yaml", "install: Helm", "install: IstioOperator");
    insta::assert_snapshot!(refused(&intent), @r#"
    error[MW5004]: nobody reads IstioOperator objects in a cluster with Istio 1.26.8
      --> kpaas/mesh.yaml:12:14
       |
    11 |     version: "1.26.8"
       |              -------- the operator is gone since 1.24
    12 |     install: IstioOperator
       |              ^^^^^^^^^^^^^
       |
       = note: declared `1.26.8` at kpaas/mesh.yaml:11, found `IstioOperator`
       = help: set `appliedBy: istioctl` and run the plan's command, or set `install: Helm` or `install: Sail`

    1 error
    "#);
}

#[test]
fn two_clusters_with_one_cluster_id_are_refused() {
    let intent = Intent::example().edit(
        CLUSTER2,
        "  network: network-c2",
        "  network: network-c2\n  clusterID: mdemo-cluster1",
    );
    insta::assert_snapshot!(refused(&intent), @"
    error[MW1002]: clusters `mdemo-cluster1` and `mdemo-cluster2` of mesh `mdemo-mesh` both have the cluster ID `mdemo-cluster1`
     --> mdemo/clusters/mdemo-cluster2.yaml:8:14
      |
    8 |   clusterID: mdemo-cluster1
      |              ^^^^^^^^^^^^^^
      |
     ::: mdemo/clusters/mdemo-cluster1.yaml:5:9
      |
    5 |   name: mdemo-cluster1
      |         -------------- cluster `mdemo-cluster1`
      |
      = note: cluster `mdemo-cluster2`
      = help: leave out `clusterID` of `mdemo-cluster2`: its name is the default

    1 error
    ");
}

/// What several layers find is said in one run.
#[test]
fn everything_is_said_at_once() {
    let intent = Intent::example()
        .edit(CLUSTER1, "controlPlane: 10.64.30.71", "controlPlane: 10.64.30.72")
        .edit(CLUSTER2, "eastWest: 10.6.136.29", "eastWest: 10.6.136.30")
        .edit("kpaas/clusters/ncloud-nks.yaml", "version: \"1.29\"", "version: \"1.28\"")
        .edit(
            "atlas/networks.yaml",
            "podConnectivity: routed\n  gateways:\n    - cluster: seoul-1",
            "podConectivity: routed\n  gateways:\n    - cluster: seoul-1",
        );
    let refused = refused(&intent);
    for code in ["MW3002", "MW3003", "MW6001", "MW0103"] {
        assert!(refused.contains(&format!("error[{code}]")), "{code}:\n{refused}");
    }
}
