//! `meshwright import`: what is written for existing manifests, and that it renders what they claim.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let output = command.current_dir(directory).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
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

/// Every file below a directory, by path.
fn files(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

fn operator(cluster: &str, network: &str) -> String {
    format!(
        "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: istio, namespace: istio-system}}
spec:
  tag: 1.22.3
  meshConfig:
    accessLogFile: /dev/stdout
  values:
    pilot: {{traceSampling: 1}}
    global:
      meshID: shop
      multiCluster: {{clusterName: {cluster}}}
      network: {network}
"
    )
}

fn gateway(network: &str, address: &str) -> String {
    format!(
        "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: eastwest, namespace: istio-system}}
spec:
  profile: empty
  tag: 1.22.3
  components:
    ingressGateways:
    - name: istio-eastwestgateway
      enabled: true
      label: {{istio: eastwestgateway, app: istio-eastwestgateway, topology.istio.io/network: {network}}}
      k8s:
        env: [{{name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: {network}}}]
        service:
          loadBalancerIP: {address}
          ports:
          - {{name: status-port, port: 15021, targetPort: 15021}}
          - {{name: tls, port: 15443, targetPort: 15443}}
  values:
    global: {{meshID: shop, network: {network}}}
"
    )
}

fn namespace(network: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: istio-system, labels: {{topology.istio.io/network: {network}}}}}}}\n"
    )
}

const EXPOSE: &str = "\
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: cross-network-gateway, namespace: istio-system}
spec:
  selector: {istio: eastwestgateway}
  servers:
  - port: {number: 15443, name: tls, protocol: TLS}
    tls: {mode: AUTO_PASSTHROUGH}
    hosts: ['*.local']
---
apiVersion: v1
kind: Secret
metadata: {name: istio-remote-secret-east, namespace: istio-system, labels: {istio/multiCluster: 'true'}}
stringData:
  east: |
    clusters: [{cluster: {server: 'https://10.1.0.10:6443'}, name: east}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dashboards, namespace: monitoring}
data: {mesh.json: '{\"a\": \"${x}\"}'}
";

/// Two clusters after Istio's guide; the control plane of the second was copied from the first.
fn guide() -> TempDir {
    with(&[
        ("in/clusters/east/istio.yaml", &operator("east", "network-east")),
        ("in/clusters/east/eastwest.yaml", &gateway("network-east", "10.1.1.1")),
        ("in/clusters/east/namespace.yaml", &namespace("network-east")),
        ("in/clusters/east/expose.yaml", EXPOSE),
        ("in/clusters/west/istio.yaml", &operator("west", "network-east")),
        ("in/clusters/west/eastwest.yaml", &gateway("network-west", "10.2.1.1")),
        ("in/clusters/west/namespace.yaml", &namespace("network-west")),
        ("in/clusters/west/expose.yaml", EXPOSE),
    ])
}

#[test]
fn a_small_repository_becomes_a_small_intent() {
    let directory = guide();
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 0, "{err}");
    let mut shown = String::new();
    for (path, text) in files(&directory.path().join("mesh")) {
        shown.push_str(&format!("=== {path}\n{text}"));
    }
    insta::assert_snapshot!("small_files", shown);
    insta::assert_snapshot!("small_said", err);
    let (code, _, err) = run(directory.path(), &["render", "mesh", "-o", "out"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(directory.path(), &["lint", "out"]);
    assert_eq!(code, 0, "{err}");
}

/// What `helm template` makes of a primary with its gateway, as far as it matters here.
const RENDERED_PRIMARY: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector, namespace: istio-system, labels: {release: istiod, helm.sh/chart: istiod-1.30.1}}
data:
  values: '{"global": {"meshID": "shop", "network": "network-east", "multiCluster": {"clusterName": "east"}, "externalIstiod": true}}'
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, release: istiod, helm.sh/chart: istiod-1.30.1}}
---
apiVersion: v1
kind: Service
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, release: istiod, helm.sh/chart: istiod-1.30.1}}
spec: {selector: {app: istiod}, ports: [{name: https-dns, port: 15012}, {name: https-webhook, port: 443, targetPort: 15017}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, release: istiod, helm.sh/chart: istiod-1.30.1}}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod}}
    spec: {containers: [{name: discovery, image: "docker.io/istio/pilot:1.30.1", env: [{name: EXTERNAL_ISTIOD, value: "true"}]}]}
---
apiVersion: v1
kind: Service
metadata:
  name: istio-eastwestgateway
  namespace: istio-system
  labels: {istio: eastwestgateway, topology.istio.io/network: network-east, helm.sh/chart: gateway-1.30.1}
spec:
  type: LoadBalancer
  loadBalancerIP: 10.1.1.1
  selector: {istio: eastwestgateway}
  ports:
  - {name: status-port, port: 15021, targetPort: 15021}
  - {name: tls, port: 15443, targetPort: 15443}
  - {name: tls-istiod, port: 15012, targetPort: 15012}
  - {name: tls-webhook, port: 15017, targetPort: 15017}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-eastwestgateway, namespace: istio-system, labels: {helm.sh/chart: gateway-1.30.1}}
spec:
  selector: {matchLabels: {istio: eastwestgateway}}
  template:
    metadata: {labels: {istio: eastwestgateway, topology.istio.io/network: network-east}}
    spec: {containers: [{name: istio-proxy, image: auto, env: [{name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: network-east}]}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: istio-eastwestgateway, namespace: istio-system, labels: {helm.sh/chart: gateway-1.30.1}}
"#;

/// The name of another revision's istiod, which leads out of a cluster that runs its own.
const CANARY: &str = "---
apiVersion: v1
kind: Service
metadata: {name: istiod-canary, namespace: istio-system}
spec: {type: ExternalName, externalName: istiod.canary.example.com}
";

/// The same of a remote: nothing but a webhook and the endpoints of the Service that leads to the primary says what it is.
const RENDERED_REMOTE: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: istiod, namespace: istio-system, labels: {app.kubernetes.io/version: 1.30.1, helm.sh/chart: istiod-1.30.1}}
spec: {ports: [{port: 15012, name: tcp-istiod}, {port: 443, targetPort: 15017, name: tcp-webhook}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: istiod, namespace: istio-system, labels: {kubernetes.io/service-name: istiod, helm.sh/chart: istiod-1.30.1}}
addressType: IPv4
endpoints: [{addresses: [10.1.1.1]}]
ports: [{port: 15012, name: tcp-istiod}, {port: 15017, name: tcp-webhook}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector, labels: {app: sidecar-injector, helm.sh/chart: istiod-1.30.1}}
webhooks:
- {name: namespace.sidecar-injector.istio.io, clientConfig: {service: {name: istiod, namespace: istio-system, path: /inject/cluster/west/net/PATH}}}
- {name: object.sidecar-injector.istio.io, clientConfig: {service: {name: istiod, namespace: istio-system, path: /inject/cluster/west/net/PATH}}}
---
apiVersion: v1
kind: Namespace
metadata:
  name: istio-system
  labels: {topology.istio.io/network: network-west}
  annotations: {topology.istio.io/controlPlaneClusters: east}
"#;

/// The values are gone, the claims are there.
#[test]
fn rendered_installations_are_imported_as_what_they_were_made_of() {
    for (network, contradiction) in
        [("network-west", None), ("network-x", Some("`network-west`; also claimed: network-x"))]
    {
        let directory = with(&[
            ("in/clusters/east/all.yaml", &format!("{RENDERED_PRIMARY}{CANARY}")),
            ("in/clusters/east/namespace.yaml", &namespace("network-east")),
            ("in/clusters/west/all.yaml", &RENDERED_REMOTE.replace("PATH", network)),
        ]);
        let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
        assert_eq!(code, 0, "{err}");
        let told: Vec<&str> =
            err.lines().filter(|line| line.contains("claimed") || line.contains("not rendered")).collect();
        assert_eq!(told.len(), usize::from(contradiction.is_some()), "{err}");
        assert!(contradiction.is_none_or(|text| told[0].contains(text)), "{err}");
        let intent = files(&directory.path().join("mesh"));
        assert!(intent["mesh.yaml"].contains("primaries:\n      - east"), "{intent:#?}");
        assert!(intent["clusters/west.yaml"].contains("network: network-west"), "{intent:#?}");
        assert!(intent["clusters/east.yaml"].contains("eastWest: 10.1.1.1"), "{intent:#?}");
        assert!(intent.values().any(|text| text.contains("version: 1.30.1")), "{intent:#?}");
        let carried: Vec<&String> = intent.keys().filter(|path| path.contains("manifests")).collect();
        assert_eq!(carried, ["manifests/east/service-istio-system-istiod-canary.yaml"]);
        let (code, _, err) = run(directory.path(), &["render", "mesh", "-o", "out"]);
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = run(directory.path(), &["lint", "out"]);
        assert!(code == 0 && err.contains("no findings"), "{err}");
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_found_is_said() {
    let directory = guide();
    fs::create_dir(directory.path().join("mesh")).unwrap();
    fs::write(directory.path().join("mesh/mine"), "x").unwrap();
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert!(code == 2 && err.contains("is not empty"), "{err}");
    assert_eq!(files(&directory.path().join("mesh")).len(), 1);
    let empty = with(&[("in/a.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n")]);
    let (code, _, err) = run(empty.path(), &["import", "in", "-o", "mesh"]);
    assert!(code == 2 && err.contains("no cluster"), "{err}");
    assert!(!empty.path().join("mesh").exists());
}

/// Two meshes that lie side by side, whose remotes do not name their mesh.
#[test]
fn the_rendered_example_is_imported_without_a_contradiction() {
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-repo/rendered").canonicalize().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (code, _, err) = run(directory.path(), &["import", example.to_str().unwrap(), "-o", "mesh"]);
    assert!(code == 0 && !err.contains("What contradicts"), "{err}");
    for path in ["atlas/mesh.yaml", "atlas/clusters/seoul-2.yaml", "usmesh/clusters/kt-k2p.yaml"] {
        assert!(directory.path().join("mesh").join(path).is_file(), "{path}: {err}");
    }
    let (code, _, err) = run(directory.path(), &["render", "mesh", "-o", "out"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(directory.path(), &["lint", "out"]);
    assert_eq!(code, 0, "{err}");
}

fn corpus() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lint").canonicalize().unwrap();
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    cases
}

/// The mesh with answers to the questions that `check` insists on.
fn answered(mesh: &str) -> String {
    let mut text = mesh.to_owned();
    if text.contains("which release of Istio?") {
        text = if text.contains("\n  istio:\n") {
            text.replacen("\n  istio:\n", "\n  istio:\n    version: \"1.26.0\"\n", 1)
        } else if text.contains("spec:\n") {
            text.replacen("spec:\n", "spec:\n  istio: {version: \"1.26.0\", install: Helm}\n", 1)
        } else {
            format!("{text}spec:\n  istio: {{version: \"1.26.0\", install: Helm}}\n")
        };
    }
    // Releases whose gateway chart the agents' Helm refuses: `check` says to take a later one.
    for refused in ["1.26.0", "1.26.2"] {
        text = text.replace(&format!("version: \"{refused}\""), "version: \"1.26.8\"");
        text = text.replace(&format!("version: {refused}\n"), "version: 1.26.8\n");
    }
    text.replace("argocd: {}", "argocd: {repoURL: \"https://git.example.com/mesh.git\"}")
}

/// A cluster with the answer to where its hosted istiod is reached: an address of its first pool.
fn with_control_plane(cluster: &str) -> String {
    let asked = "# loadBalancer.addresses.controlPlane: where do the other clusters reach the hosted istiod?";
    let pool = cluster.split_once("addresses:\n").and_then(|(_, rest)| rest.split('"').nth(1));
    let first = pool.and_then(|range| range.split('-').next()).unwrap_or("192.0.2.1");
    let alone = format!("\n  {asked}");
    if cluster.contains(&alone) {
        return cluster
            .replace(&alone, &format!("\n  loadBalancer: {{addresses: {{controlPlane: {first}}}}}"));
    }
    cluster.replace(asked, &format!("controlPlane: {first}"))
}

/// The directories of the intents that were written, as the program says them.
fn intents(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.trim().strip_prefix("judge it:  meshwright check ")).collect()
}

/// Every finding of lint in a repository is told by the import, where it stands and with what became of it.
#[test]
fn whatever_lint_finds_is_told() {
    let mut told = 0;
    let mut silent = Vec::new();
    for case in corpus() {
        let path = case.to_str().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (_, linted, _) = run(directory.path(), &["lint", path, "--format", "json"]);
        let linted: serde_json::Value = serde_json::from_str(&linted).unwrap();
        let (_, _, said) = run(directory.path(), &["import", path, "-o", "mesh"]);
        for finding in linted["findings"].as_array().unwrap() {
            let place = format!("{}:{}", finding["file"].as_str().unwrap(), finding["line"]);
            told += 1;
            if !said.contains(&place) {
                silent.push(format!("{place}: {} {}", finding["code"], finding["message"]));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(told > 60, "{told}");
}

/// Whatever a repository says, what is imported of it is judged without error once the release of Istio is filled in,
/// and what that renders has no contradiction.
#[test]
fn what_is_imported_of_the_corpus_renders_and_lints_clean() {
    let mut imported = 0;
    let mut wrong = Vec::new();
    for case in corpus() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let directory = tempfile::tempdir().unwrap();
        let (code, _, err) = run(directory.path(), &["import", case.to_str().unwrap(), "-o", "mesh"]);
        // Values of gateways that no cluster is named for.
        if name == "clean-gateway-values" {
            assert_eq!(code, 2, "{err}");
            assert!(err.contains("no cluster with a control plane or an east-west gateway"), "{err}");
            assert!(err.contains("eastwest` says something about a mesh, but not which cluster"), "{err}");
            continue;
        }
        assert_eq!(code, 0, "{name}: {err}");
        imported += 1;
        for (path, text) in files(&directory.path().join("mesh")) {
            let file = directory.path().join("mesh").join(&path);
            if path.ends_with("mesh.yaml") {
                fs::write(file, answered(&text)).unwrap();
            } else if path.contains("clusters/") {
                fs::write(file, with_control_plane(&text)).unwrap();
            }
        }
        for (number, intent) in intents(&err).into_iter().enumerate() {
            let out = format!("out-{number}");
            let (code, _, err) = run(directory.path(), &["render", intent, "-o", &out]);
            if code != 0 {
                wrong.push(format!("{name}: {intent} does not render:\n{err}"));
                continue;
            }
            let (code, _, err) = run(directory.path(), &["lint", &out]);
            if code != 0 {
                wrong.push(format!("{name}: {intent} is not clean:\n{err}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(imported >= 30, "{imported}");
}

fn release(namespace: &str, name: &str, values: &str) -> String {
    format!(
        "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  interval: 1h
  chart: {{spec: {{chart: istiod, version: 1.30.1, sourceRef: {{kind: HelmRepository, name: istio, namespace: istio-system}}}}}}
  values:
{values}"
    )
}

const SERVED: &str = "    profile: remote
    global:
      configCluster: true
      istioNamespace: external-istiod
      network: network1
      multiCluster: {clusterName: served}
    istiodRemote: {injectionURL: 'https://istiod.example.com:15017/inject/cluster/served/net/network1'}
";

/// What is not an external control plane is imported beside it, and what is says so.
#[test]
fn an_external_control_plane_is_left_as_it_is() {
    let own = "    global: {meshID: own, network: network-x, multiCluster: {clusterName: hub}}\n";
    let of_served = "    global: {istioNamespace: external-istiod, meshID: mesh1, network: network1, multiCluster: {clusterName: served}}\n";
    let directory = with(&[
        ("in/clusters/hub/istiod.yaml", &release("istio-system", "istiod", own)),
        ("in/clusters/hub/external.yaml", &release("external-istiod", "istiod-external", of_served)),
        (
            "in/clusters/hub/config.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: dns, namespace: external-istiod}, data: {a: b}}\n",
        ),
        ("in/clusters/served/istiod.yaml", &release("external-istiod", "istiod-remote", SERVED)),
    ]);
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("cluster `served` has an external control plane, the istiod in namespace `external-istiod` of cluster `hub`"), "{err}");
    assert!(!err.contains("What contradicts"), "{err}");
    let written = files(&directory.path().join("mesh"));
    assert!(
        written.contains_key("clusters/hub.yaml") && !written.contains_key("clusters/served.yaml"),
        "{written:#?}"
    );
    assert!(
        err.contains(
            "istiod-external in in/clusters/hub/external.yaml:1: it is part of an external control plane"
        ),
        "{err}"
    );
    // What is there beside it is not Istio's.
    assert!(
        written.keys().any(|path| path.contains("config") && path.starts_with("manifests/hub/")),
        "{written:#?}"
    );
    let (code, _, err) = run(directory.path(), &["check", "mesh"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(directory.path(), &["render", "mesh", "-o", "out"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = run(directory.path(), &["lint", "out"]);
    assert_eq!(code, 0, "{err}");
    fs::write(directory.path().join("in/clusters/hub/broken.yaml"), "a: b\n  c: d\n").unwrap();
    let (_, _, err) = run(directory.path(), &["import", "in", "-o", "again"]);
    assert!(err.contains("in in/clusters/hub/broken.yaml:2: what cannot be read is not here"), "{err}");
    fs::remove_file(directory.path().join("in/clusters/hub/istiod.yaml")).unwrap();
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "nothing"]);
    assert!(
        code == 2 && err.contains("there is nothing to import: cluster `served` has an external"),
        "{err}"
    );
}

const EXTERNAL: &str = "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: external, namespace: istio-system}
spec:
  profile: empty
  tag: 1.20.3
  meshConfig: {rootNamespace: istio-system, defaultConfig: {discoveryAddress: 'istiod.example.com:15012'}}
  components:
    pilot:
      enabled: true
      k8s:
        env:
          - {name: INJECTION_WEBHOOK_CONFIG_NAME, value: ''}
          - {name: EXTERNAL_ISTIOD, value: 'true'}
          - {name: LOCAL_CLUSTER_SECRET_WATCHER, value: 'true'}
          - {name: CLUSTER_ID, value: served}
          - {name: SHARED_MESH_CONFIG, value: istio}
  values: {global: {caAddress: 'istiod.example.com:15012', operatorManageWebhooks: true, meshID: mesh1}}
";

fn remote(name: &str, injection: &str, annotation: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Namespace
metadata: {{name: istio-system, labels: {{topology.istio.io/network: network-{name}}}, annotations: {{{annotation}}}}}
---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: remote, namespace: istio-system}}
spec:
  profile: remote
  tag: 1.20.3
  values:
    global: {{configCluster: true, meshID: mesh1, network: network-{name}, multiCluster: {{clusterName: {name}}}}}
    istiodRemote: {{injectionURL: '{injection}/inject/cluster/{name}/net/network-{name}'}}
"
    )
}

/// In the usual namespace an external control plane looks like a primary, but for what its guide has it not do.
#[test]
fn an_external_control_plane_in_the_usual_namespace_is_told_from_a_primary() {
    let url = "https://istiod.example.com:15017";
    let files_of = |hub: &str| {
        with(&[
            ("in/clusters/hub/istiod.yaml", hub),
            ("in/clusters/served/istio.yaml", &remote("served", url, "")),
            (
                "in/clusters/further/istio.yaml",
                &remote(
                    "further",
                    "https://other.example.com:15017",
                    "topology.istio.io/controlPlaneClusters: served",
                ),
            ),
            ("in/clusters/beside/istio.yaml", &remote("beside", url, "")),
        ])
    };
    let directory = files_of(EXTERNAL);
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 2, "{err}");
    for cluster in ["served", "further", "beside"] {
        let said = format!(
            "cluster `{cluster}` has an external control plane, the istiod in namespace `istio-system` of cluster `hub`"
        );
        assert!(err.contains(&said), "{err}");
    }
    // With an istiod that has its own ID and injects where it runs: a primary, and its remotes.
    let primary = EXTERNAL
        .replace("          - {name: INJECTION_WEBHOOK_CONFIG_NAME, value: ''}\n", "")
        .replace("value: served", "value: hub")
        .replace("meshID: mesh1", "meshID: mesh1, network: network-hub, multiCluster: {clusterName: hub}")
        .replace("profile: empty", "profile: default");
    let directory = files_of(&primary);
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("external control plane"), "{err}");
    let mesh = &files(&directory.path().join("mesh"))["mesh.yaml"];
    assert!(mesh.contains("primaryRemote:") && mesh.contains("- hub"), "{mesh}");
    // One that serves a cluster of another repository.
    let directory = with(&[
        ("in/clusters/hub/istiod.yaml", &EXTERNAL.replace("value: served", "value: stranger")),
        (
            "in/clusters/alone/istio.yaml",
            &release(
                "istio-system",
                "istiod",
                "    global: {meshID: own, network: network-x, multiCluster: {clusterName: alone}}\n",
            ),
        ),
    ]);
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("cluster `hub` runs an external control plane"), "{err}");
    let written = files(&directory.path().join("mesh"));
    assert!(
        written.contains_key("clusters/alone.yaml") && !written.contains_key("clusters/hub.yaml"),
        "{written:#?}"
    );
}

/// A gateway is enough to know a cluster's network by.
#[test]
fn clusters_of_which_only_the_gateways_are_known_are_imported() {
    let values = |network: &str, address: &str| {
        format!(
            "name: istio-eastwestgateway\nnetworkGateway: {network}\nservice: {{type: LoadBalancer, loadBalancerIP: {address}}}\n"
        )
    };
    let directory = with(&[
        ("in/clusters/a/eastwest.yaml", &values("net-a", "10.0.1.20")),
        ("in/clusters/b/eastwest.yaml", &values("net-b", "10.0.2.20")),
    ]);
    let (code, _, err) = run(directory.path(), &["import", "in", "-o", "mesh"]);
    assert_eq!(code, 0, "{err}");
    let mesh = directory.path().join("mesh");
    let text = fs::read_to_string(mesh.join("mesh.yaml")).unwrap();
    fs::write(mesh.join("mesh.yaml"), answered(&text)).unwrap();
    let (code, _, err) = run(directory.path(), &["render", "mesh", "-o", "out"]);
    assert_eq!(code, 0, "{err}");
    let plan = fs::read_to_string(directory.path().join("out/PLAN.md")).unwrap();
    assert!(plan.contains("`10.0.1.20:15443`") && plan.contains("`net-b`"), "{plan}");
    let (code, _, err) = run(directory.path(), &["lint", "out"]);
    assert_eq!(code, 0, "{err}");
}
