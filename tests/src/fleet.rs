//! Fleets of any size for benchmarks: intent as people write it, the same on every run.
//!
//! Meshes `fleet-01` and on of 50 networks each; networks `network-0001` and on, whose pods are routed; clusters
//! `cluster-00001` and on, dealt round over the networks. The first cluster of a network is its primary and carries its
//! east-west gateway, the others are its remotes. Nothing in it is a finding.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::intent::Intent;

/// Clusters for which the address plan below has room.
pub const MOST_CLUSTERS: u32 = 5_000;

/// Networks of one mesh: with ten clusters each, 500 clusters, which is a large mesh.
const NETWORKS_PER_MESH: u32 = 50;

/// First address of all pods: a /21 per cluster, to 10.156.63.255.
const PODS: u32 = u32::from_be_bytes([10, 0, 0, 0]);
/// First address of all Services: a /22 per cluster, from above the pods to 10.179.135.255.
const SERVICES: u32 = u32::from_be_bytes([10, 160, 0, 0]);
/// First address of all nodes and load balancers: a /25 per cluster, to 172.25.195.255.
const NODES: u32 = u32::from_be_bytes([172, 16, 0, 0]);

/// The intent of `clusters` clusters on `networks` networks.
///
/// # Panics
/// With more clusters than [`MOST_CLUSTERS`], or with fewer clusters than networks.
#[must_use]
pub fn fleet(clusters: u32, networks: u32) -> Intent {
    assert!(networks > 0 && networks <= clusters && clusters <= MOST_CLUSTERS, "{clusters} on {networks}");
    let mut files = BTreeMap::from([
        ("meshes.yaml".to_owned(), all_meshes(networks).into_bytes()),
        ("networks.yaml".to_owned(), all_networks(networks).into_bytes()),
    ]);
    for index in 0..clusters {
        files.insert(cluster_file(index), cluster(index, networks).into_bytes());
    }
    Intent { files }
}

/// Path of a cluster's file.
#[must_use]
pub fn cluster_file(index: u32) -> String {
    format!("clusters/{}.yaml", cluster_name(index))
}

/// Writes intent to a directory.
///
/// # Panics
/// When a file cannot be written.
pub fn write(intent: &Intent, root: &Path) {
    for (path, bytes) in &intent.files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn cluster_name(index: u32) -> String {
    format!("cluster-{:05}", index + 1)
}

fn network_name(index: u32) -> String {
    format!("network-{:04}", index + 1)
}

fn mesh_name(network: u32) -> String {
    format!("fleet-{:02}", network / NETWORKS_PER_MESH + 1)
}

fn all_meshes(networks: u32) -> String {
    let firsts = (0..networks).step_by(NETWORKS_PER_MESH as usize);
    let meshes: Vec<String> =
        firsts.map(|first| mesh(first, networks.min(first + NETWORKS_PER_MESH))).collect();
    meshes.join("---\n")
}

/// The mesh of the networks from `first` to before `end`.
fn mesh(first: u32, end: u32) -> String {
    let name = mesh_name(first);
    let mut text = format!(
        "\
# Every network has a primary cluster.
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata:
  name: {name}
spec:
  meshID: {name}
  trustDomain: {name}.example.com
  istio:
    version: \"1.30.2\"
    hub: registry.example.com/istio
    install: Helm
  gatewayDiscovery: labels
  ca:
    provider: certManager
    rootLifetime: 87600h
    intermediateLifetime: 8760h
  delivery:
    flux:
      source: {{kind: GitRepository, name: meshes}}
      path: ./rendered
  clusterDefaults:
    kubernetes: {{version: \"1.35\", distribution: kubeadm, cni: calico}}
    gatewayAPI: {{version: \"1.5.0\"}}
    metricsServer: true
    namespaces:
      - {{name: shop, injection: enabled, labels: {{team: shop}}}}
      - {{name: payments, injection: enabled, labels: {{team: payments}}}}
  controlPlane:
    primaryRemote:
      primaries:
",
    );
    for network in first..end {
        writeln!(text, "        - {}", cluster_name(network)).unwrap();
    }
    text
}

fn all_networks(networks: u32) -> String {
    let documents: Vec<String> = (0..networks)
        .map(|index| {
            format!(
                "\
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata:
  name: {}
spec:
  mesh: {}
  podConnectivity: routed
  gateways:
    - cluster: {}
  clusterDefaults:
    locality: region-{}/zone-{}
",
                network_name(index),
                mesh_name(index),
                cluster_name(index),
                index / 10 + 1,
                index % 10 + 1
            )
        })
        .collect();
    documents.join("---\n")
}

fn cluster(index: u32, networks: u32) -> String {
    let at = |first: u32, size: u32, offset: u32| Ipv4Addr::from(first + index * size + offset);
    let mut text = format!(
        "\
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata:
  name: {}
spec:
  network: {}
",
        cluster_name(index),
        network_name(index % networks)
    );
    if index >= networks {
        writeln!(text, "  primary: {}", cluster_name(index % networks)).unwrap();
    }
    write!(
        text,
        "  kubernetes:
    apiServer: https://{}:6443
  podCIDRs: [{}/21]
  serviceCIDRs: [{}/22]
  nodes:
    - {{name: node-1}}
    - {{name: node-2}}
    - {{name: node-3}}
  loadBalancer:
    metallb:
      version: \"0.15.2\"
      pools:
        - name: mesh
          addresses: [{}-{}]
    addresses:
      eastWest: {}
  eastWestGateways:
    - replicas: 2
",
        at(NODES, 128, 10),
        at(PODS, 2_048, 0),
        at(SERVICES, 1_024, 0),
        at(NODES, 128, 64),
        at(NODES, 128, 79),
        at(NODES, 128, 64),
    )
    .unwrap();
    text
}
