//! The address of an east-west gateway changes, which peers dial, and by which remote clusters reach istiod.

use super::{ARGO, Change, FLUX, Words, intent};

const OLD: &str = "10.1.0.10";
const NEW: &str = "10.1.0.11";

/// Two clusters on a network each; the gateway of `east` changes its address.
fn template(plane: &str, install: &str, discovery: &str, delivery: &str) -> String {
    format!(
        r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: demo}}
spec:
  istio: {{version: "1.26.8", install: {install}}}
  controlPlane: {plane}
  gatewayDiscovery: {discovery}
  delivery: {delivery}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: net-east}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: net-west}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: east}}
spec:
  mesh: demo
  network: net-east
  kubernetes: {{version: "1.31", apiServer: "https://10.0.1.1:6443"}}
  loadBalancer: {{addresses: {{eastWest: ADDRESS}}, metallb: {{pools: [{{name: first, addresses: [10.1.0.0/24]}}]}}}}
  PREVIOUS
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: west}}
spec:
  mesh: demo
  network: net-west
  kubernetes: {{version: "1.31", apiServer: "https://10.0.2.1:6443"}}
  loadBalancer: {{addresses: {{eastWest: 10.2.0.10}}, metallb: {{pools: [{{name: first, addresses: [10.2.0.0/24]}}]}}}}
"#
    )
}

async fn change(template: &str, here: &'static [(&'static str, usize)], argo: bool) {
    let of = |address: &str, previous: &str| {
        intent(&template.replace("ADDRESS", address).replace("PREVIOUS", previous))
    };
    let change = Change {
        words: Words { old: OLD, new: NEW, wrong: "10.9.9.9" },
        old: of(OLD, ""),
        both: of(NEW, &format!("previous: {{gateways: [{{address: {OLD}}}]}}")),
        new: of(NEW, ""),
        here,
        argo,
    };
    change.happens().await;
}

const MULTI: &str = "{multiPrimary: {}}";
const REMOTE: &str = "{primaryRemote: {primaries: [east]}}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_mesh_networks() {
    let template = template(MULTI, "Helm", "meshNetworks", FLUX);
    change(&template, &[("east", 2), ("west", 1)], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_sail_and_mesh_networks() {
    let template = template(MULTI, "Sail", "meshNetworks", ARGO);
    change(&template, &[("east", 1), ("west", 1)], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remote_clusters_reach_istiod_by_it() {
    change(&template(REMOTE, "Helm", "meshNetworks", FLUX), &[("east", 2), ("west", 1)], false).await;
}
