//! Repositories of manifests that nobody declared, of any size, for benchmarks of `meshwright lint`: as Flux users write
//! them, the same on every run, without a finding.
//!
//! Meshes `mesh-001` and on of ten clusters each, two clusters to a network. Ten manifests per cluster, its
//! `kustomization.yaml` not counted: namespaces, releases of istiod and of an east-west gateway, the pool that the gateway's
//! address is from, remote secrets of two neighbours, an application. A base with the cross-network `Gateway` is shared.

use std::net::Ipv4Addr;
use std::path::Path;

/// Manifests of one cluster.
pub const MANIFESTS: u32 = 10;

/// First address of the gateways: a /28 per cluster.
const FIRST: u32 = u32::from_be_bytes([10, 0, 0, 0]);
const MESH: u32 = 10;

/// Files by their path, of so many clusters.
#[must_use]
pub fn repository(clusters: u32) -> Vec<(String, String)> {
    let mut files = vec![
        ("base/kustomization.yaml".to_owned(), "resources: [gateway.yaml]\n".to_owned()),
        ("base/gateway.yaml".to_owned(), GATEWAY.to_owned()),
    ];
    for index in 0..clusters {
        let directory = format!("clusters/{}", cluster(index));
        let own = cluster_files(index, clusters);
        files.extend(own.into_iter().map(|(name, text)| (format!("{directory}/{name}"), text)));
    }
    files
}

/// Writes it to a directory.
///
/// # Panics
/// When a file cannot be written.
pub fn write(files: &[(String, String)], root: &Path) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn cluster(index: u32) -> String {
    format!("cluster-{:05}", index + 1)
}

fn network(index: u32) -> String {
    format!("network-{:05}", index / 2 + 1)
}

fn address(index: u32, offset: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST + index * 16 + offset)
}

const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: cross-network-gateway, namespace: istio-system}
spec:
  selector: {istio: eastwestgateway}
  servers:
    - port: {number: 15443, name: tls, protocol: TLS}
      tls: {mode: AUTO_PASSTHROUGH}
      hosts: ['*.local']
";

fn cluster_files(index: u32, clusters: u32) -> Vec<(&'static str, String)> {
    let first = index / MESH * MESH;
    let peers: Vec<u32> = (first..(first + MESH).min(clusters)).collect();
    let neighbour = |step: u32| {
        let at = (index - first + step) as usize % peers.len();
        secret(peers[at])
    };
    vec![
        ("kustomization.yaml", kustomization()),
        ("namespace.yaml", namespace(index)),
        ("istiod.yaml", istiod(index, &peers)),
        ("eastwest.yaml", east_west(index)),
        ("pool.yaml", pool(index)),
        ("remote-secret-1.yaml", neighbour(1)),
        ("remote-secret-2.yaml", neighbour(peers.len() as u32 - 1)),
        ("shop.yaml", SHOP.to_owned()),
        ("shop-service.yaml", SHOP_SERVICE.to_owned()),
        ("shop-deployment.yaml", SHOP_DEPLOYMENT.to_owned()),
        ("advertisement.yaml", ADVERTISEMENT.to_owned()),
    ]
}

fn kustomization() -> String {
    "\
resources:
  - ../../base
  - namespace.yaml
  - istiod.yaml
  - eastwest.yaml
  - pool.yaml
  - remote-secret-1.yaml
  - remote-secret-2.yaml
  - shop.yaml
  - shop-service.yaml
  - shop-deployment.yaml
  - advertisement.yaml
patches:
  - target: {kind: Gateway, name: cross-network-gateway}
    patch: |-
      - op: add
        path: /metadata/labels
        value: {team: mesh}
"
    .to_owned()
}

fn namespace(index: u32) -> String {
    format!(
        "\
apiVersion: v1
kind: Namespace
metadata:
  name: istio-system
  labels:
    topology.istio.io/network: {}
",
        network(index)
    )
}

fn istiod(index: u32, peers: &[u32]) -> String {
    let mut networks = String::new();
    for peer in peers.iter().filter(|peer| *peer % 2 == 0) {
        networks.push_str(&format!(
            "        {}:
          endpoints:
            - fromRegistry: {}
            - fromRegistry: {}
          gateways:
            - {{address: {}, port: 15443}}
",
            network(*peer),
            cluster(*peer),
            cluster(peer + 1),
            address(*peer, 2),
        ));
    }
    format!(
        "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: istiod
  namespace: istio-system
spec:
  interval: 10m
  chart:
    spec:
      chart: istiod
      version: 1.26.2
      sourceRef: {{kind: HelmRepository, name: istio, namespace: flux-system}}
  install: {{crds: CreateReplace, remediation: {{retries: 3}}}}
  upgrade: {{crds: CreateReplace, remediation: {{retries: 3}}}}
  values:
    pilot:
      autoscaleMin: 2
      resources: {{requests: {{cpu: 100m, memory: 512Mi}}}}
    meshConfig:
      accessLogFile: /dev/stdout
      trustDomain: mesh.example.com
      defaultConfig:
        holdApplicationUntilProxyStarts: true
    global:
      meshID: mesh-{:03}
      network: {}
      multiCluster:
        clusterName: {}
      meshNetworks:
{networks}",
        index / MESH + 1,
        network(index),
        cluster(index),
    )
}

fn east_west(index: u32) -> String {
    format!(
        "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: istio-eastwestgateway
  namespace: istio-system
spec:
  interval: 10m
  dependsOn: [{{name: istiod}}]
  chart:
    spec:
      chart: gateway
      version: 1.26.2
      sourceRef: {{kind: HelmRepository, name: istio, namespace: flux-system}}
  values:
    networkGateway: {}
    labels:
      istio: eastwestgateway
    service:
      loadBalancerIP: {}
      ports:
        - {{name: status-port, port: 15021, targetPort: 15021}}
        - {{name: tls, port: 15443, targetPort: 15443}}
        - {{name: tls-istiod, port: 15012, targetPort: 15012}}
        - {{name: tls-webhook, port: 15017, targetPort: 15017}}
",
        network(index),
        address(index, 2),
    )
}

fn pool(index: u32) -> String {
    format!(
        "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {{name: mesh, namespace: metallb-system}}
spec:
  addresses: [{}-{}]
",
        address(index, 1),
        address(index, 14),
    )
}

fn secret(index: u32) -> String {
    let name = cluster(index);
    format!(
        "\
apiVersion: v1
kind: Secret
metadata:
  name: istio-remote-secret-{name}
  namespace: istio-system
  annotations: {{networking.istio.io/cluster: {name}}}
  labels: {{istio/multiCluster: \"true\"}}
stringData:
  {name}: |
    apiVersion: v1
    kind: Config
    clusters:
      - name: {name}
        cluster: {{server: \"https://{}:6443\"}}
",
        address(index, 0)
    )
}

const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {istio-injection: enabled, team: shop}
";

const SHOP_SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 8080}]
";

const SHOP_DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop, version: v1}}
    spec:
      containers:
        - name: shop
          image: registry.example.com/shop:1.4.2
          ports: [{containerPort: 8080}]
          env: [{name: LEVEL, value: info}]
          resources: {requests: {cpu: 100m, memory: 128Mi}}
";

const ADVERTISEMENT: &str = "\
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: mesh, namespace: metallb-system}
spec: {ipAddressPools: [mesh]}
";
