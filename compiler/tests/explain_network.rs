//! `meshwright explain network`, as a person runs it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn run(directory: &Path, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let output = command.current_dir(directory).args(arguments.split(' ')).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn told(directory: &Path, arguments: &str) -> String {
    let (code, out, err) = run(directory, arguments);
    assert_eq!(code, 0, "{err}");
    out
}

#[track_caller]
fn json(directory: &Path, arguments: &str) -> Value {
    serde_json::from_str(&told(directory, &format!("{arguments} --format json"))).unwrap()
}

fn with(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

const INTENT: &str = r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: shop}
spec:
  istio: {version: "1.15.3", install: IstioOperator}
  controlPlane: {primaryRemote: {primaries: [east]}}
  clusterDefaults:
    namespaces: [{name: cart, injection: enabled}, {name: batch, injection: disabled}]
    kubernetes: {apiServer: "https://10.9.0.1:6443"}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: net-east}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: net-west}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: east}
spec: {network: net-east, loadBalancer: {addresses: {eastWest: 10.9.1.1}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: west}
spec:
  network: net-west
  kubernetes: {apiServer: "https://10.9.0.2:6443"}
  loadBalancer: {addresses: {eastWest: 10.9.1.2}}
"#;

#[test]
fn a_remote_cluster_of_an_old_release_is_explained_source_by_source() {
    let directory = with(&[("intent/all.yaml", INTENT)]);
    let command = "explain network --cluster west --namespace cart \
                   --pod-labels app=x,topology.istio.io/network=net-typo intent";
    insta::assert_snapshot!(told(directory.path(), command));
}

#[test]
fn the_namespace_says_whether_there_is_a_sidecar() {
    let directory = with(&[("intent/all.yaml", INTENT)]);
    let questions = |arguments: &str| {
        let answer =
            json(directory.path(), format!("explain network --cluster east intent {arguments}").trim());
        let answers = answer["answers"].as_array().unwrap().clone();
        answers
            .iter()
            .map(|asked| {
                format!("{} {} {}", asked["question"].as_str().unwrap(), asked["sidecar"], asked["network"])
            })
            .collect::<Vec<_>>()
    };
    let own = "\"net-east\"";
    let with_sidecar = [format!("sidecar true {own}"), format!("endpoint true {own}")];
    assert_eq!(questions("--namespace cart"), with_sidecar);
    assert_eq!(questions("--namespace batch"), [format!("endpoint false {own}")]);
    assert_eq!(questions("--namespace cart --pod-labels sidecar.istio.io/inject=false").len(), 1);
    assert_eq!(questions("").len(), 3);
    assert_eq!(questions("--namespace elsewhere").len(), 3);
}

const VALUES: &str = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: istio, namespace: istio-system}
spec:
  tag: 1.26.0
  values:
    global:
      meshID: shop
      network: net-b
      multiCluster: {clusterName: c1}
      meshNetworks:
        net-wide: {endpoints: [{fromCidr: 10.0.0.0/8}], gateways: [{address: 10.9.1.1, port: 15443}]}
        net-narrow: {endpoints: [{fromCidr: 10.1.0.0/24}, {fromCidr: 10.1.0.5}], gateways: [{address: 10.9.1.2, port: 15443}]}
";

const OTHER: &str = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: istio, namespace: istio-system}
spec:
  tag: 1.26.0
  values:
    global:
      meshID: shop
      network: net-c
      multiCluster: {clusterName: c2}
      meshNetworks:
        one: {endpoints: [{fromRegistry: c1}], gateways: [{address: 10.9.1.1, port: 15443}]}
        two: {endpoints: [{fromRegistry: c1}], gateways: [{address: 10.9.1.2, port: 15443}]}
";

#[test]
fn manifests_are_asked_as_each_istiod_reads_them() {
    let directory = with(&[("clusters/c1/istio.yaml", VALUES), ("clusters/c2/istio.yaml", OTHER)]);
    insta::assert_snapshot!(told(
        directory.path(),
        "explain network --cluster c1 --pod-labels sidecar.istio.io/inject=false --ip 10.1.0.5 --manifests clusters"
    ));
    let by_address = json(
        directory.path(),
        "explain network --cluster c1 --pod-labels sidecar.istio.io/inject=false --manifests clusters",
    );
    assert_eq!(by_address["answers"][0]["network"], Value::Null);
    assert_eq!(by_address["answers"][0]["sources"][1]["state"], "dependsOnAddress");
    let ambient =
        json(directory.path(), "explain network --cluster c1 --data-plane ambient --manifests clusters");
    assert_eq!(ambient["answers"][0]["order"], serde_json::json!(["systemNamespaceLabel"]));
    assert_eq!(ambient["answers"][0]["network"], Value::Null);
}

#[test]
fn what_cannot_be_answered_says_why() {
    let directory = with(&[("intent/all.yaml", INTENT), ("clusters/c1/istio.yaml", VALUES)]);
    let refused = |arguments: &str| {
        let (code, _, err) = run(directory.path(), arguments);
        assert_eq!(code, 2, "{err}");
        err
    };
    assert!(refused("explain network intent").contains("--cluster NAME"));
    assert!(refused("explain network --cluster wset intent").contains("did you mean `west`?"));
    assert!(refused("explain network --cluster c9 --manifests clusters").contains("did you mean"));
    assert!(refused("explain network --cluster west --format sarif intent").contains("--format json"));
    assert!(refused("explain network --cluster west --pod-labels x intent").contains("KEY=VALUE"));
    let mute = VALUES.replace("  tag: 1.26.0\n", "");
    fs::write(directory.path().join("clusters/c1/istio.yaml"), mute).unwrap();
    assert!(refused("explain network --cluster c1 --manifests clusters").contains("--istio 1.26.0"));
}

/// Of an installation that was rendered, the image of istiod says which release it is, and endpoints say whose it is.
#[test]
fn a_rendered_installation_says_its_release() {
    let istiod = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system}
data: {values: '{"global": {"network": "net-east", "multiCluster": {"clusterName": "east"}}}'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system}
spec: {template: {spec: {containers: [{name: discovery, image: "docker.io/istio/pilot:1.27.1-distroless"}]}}}
"#;
    let remote = r#"
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: istiod, namespace: istio-system, labels: {kubernetes.io/service-name: istiod}}
endpoints: [{addresses: [10.1.1.1]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector}
webhooks: [{name: a, clientConfig: {service: {name: istiod, namespace: istio-system, path: /inject/cluster/west/net/net-west}}}]
"#;
    let directory = with(&[("in/clusters/east/all.yaml", istiod), ("in/clusters/west/all.yaml", remote)]);
    let east = told(directory.path(), "explain network --cluster east --manifests in");
    assert!(east.contains("Istio 1.27.1-distroless") && east.contains("net-east"), "{east}");
    let west = told(directory.path(), "explain network --cluster west --istio 1.27.1 --manifests in");
    assert!(west.contains("takes for its own: net-west"), "{west}");
}
