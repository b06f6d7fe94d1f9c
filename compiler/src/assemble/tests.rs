use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;

use serde_json::{Map, Value};

use super::*;
use crate::artefact::Wave;
use crate::artefacts::testing_delivery::{deliver, fleet, mesh_objects, name, output};

const FLUX: &str = "  delivery: {flux: {}}\n";
const ARGOCD: &str = "  delivery: {argocd: {repoURL: 'https://git.example/mesh.git'}}\n";

fn mixed() -> Tree {
    let fleet = fleet(FLUX, "", ARGOCD);
    let mut out = output(&["c1", "c2"]);
    out.file("PLAN.md", "# Plan\n");
    let values = Object::new("install.istio.io/v1alpha1", "IstioOperator", "istiocontrolplane");
    out.object(Root::Istioctl(name("c1")), Wave::ControlPlane, values);
    deliver(&fleet, &mut out);
    assemble(&fleet, out).unwrap()
}

fn text(tree: &Tree, path: &str) -> String {
    String::from_utf8(tree.get(path).unwrap_or_else(|| panic!("{path} is missing")).to_vec()).unwrap()
}

fn read(bytes: &[u8]) -> Value {
    serde_yaml::from_slice(bytes).unwrap()
}

#[test]
fn a_tree_has_one_object_per_file_and_a_kustomization_per_root() {
    let tree = mixed();
    let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
    insta::assert_snapshot!(paths.join("\n"), @"
    .gitattributes
    PLAN.md
    argocd/applicationset-shop.yaml
    argocd/kustomization.yaml
    clusters/c1/declaration/kustomization.yaml
    clusters/c1/declaration/meshdeclaration-mesh.yaml
    clusters/c1/istioctl/istiooperator-istiocontrolplane.yaml
    clusters/c1/kustomization-c1-crds.yaml
    clusters/c1/kustomization-c1-declaration.yaml
    clusters/c1/kustomization-c1-install.yaml
    clusters/c1/kustomization-c1-traffic.yaml
    clusters/c1/kustomization.yaml
    clusters/c1/mesh/install/configmap-istio.yaml
    clusters/c1/mesh/install/kustomization.yaml
    clusters/c1/mesh/install/namespace-istio-system.yaml
    clusters/c1/mesh/kustomization.yaml
    clusters/c1/mesh/traffic/gateway-cross-network-gateway.yaml
    clusters/c1/mesh/traffic/kustomization.yaml
    clusters/c2/declaration/kustomization.yaml
    clusters/c2/declaration/meshdeclaration-mesh.yaml
    clusters/c2/mesh/install/configmap-istio.yaml
    clusters/c2/mesh/install/kustomization.yaml
    clusters/c2/mesh/install/namespace-istio-system.yaml
    clusters/c2/mesh/kustomization.yaml
    clusters/c2/mesh/traffic/gateway-cross-network-gateway.yaml
    clusters/c2/mesh/traffic/kustomization.yaml
    crds/customresourcedefinition-meshdeclarations.meshwright.dev.yaml
    crds/kustomization.yaml
    ");
    insta::assert_snapshot!(text(&tree, "clusters/c1/mesh/kustomization.yaml"), @"
    # Rendered by meshwright from the declared intent: change the intent, not this file.
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources:
    - install
    - traffic
    ");
    insta::assert_snapshot!(text(&tree, "clusters/c1/kustomization.yaml"), @"
    # Rendered by meshwright from the declared intent: change the intent, not this file.
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources:
    - kustomization-c1-crds.yaml
    - kustomization-c1-declaration.yaml
    - kustomization-c1-install.yaml
    - kustomization-c1-traffic.yaml
    ");
    insta::assert_snapshot!(text(&tree, "clusters/c1/mesh/install/configmap-istio.yaml"), @r#"
    # Rendered by meshwright from the declared intent: change the intent, not this file.
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: istio
      namespace: istio-system
      annotations:
        kustomize.toolkit.fluxcd.io/substitute: disabled
    data:
      mesh: |
        a: 1
        b: ${x}
      "yes": "0755"
    "#);
    insta::assert_snapshot!(text(&tree, "clusters/c2/mesh/traffic/gateway-cross-network-gateway.yaml"), @r#"
    # Rendered by meshwright from the declared intent: change the intent, not this file.
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata:
      name: cross-network-gateway
      namespace: istio-system
      annotations:
        argocd.argoproj.io/sync-wave: "5"
        argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm,SkipDryRunOnMissingResource=true
    spec:
      selector:
        istio: eastwestgateway
    "#);
    insta::assert_snapshot!(text(&tree, "crds/customresourcedefinition-meshdeclarations.meshwright.dev.yaml"), @r#"
    # Rendered by meshwright from the declared intent: change the intent, not this file.
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata:
      name: meshdeclarations.meshwright.dev
      annotations:
        kustomize.toolkit.fluxcd.io/prune: disabled
        argocd.argoproj.io/sync-wave: "-20"
        argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm
    spec:
      group: meshwright.dev
    "#);
}

/// Every directory that Flux or Argo CD is told to apply.
fn applied(tree: &Tree) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".yaml")) {
        let object = read(bytes);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        match object.get("kind").and_then(Value::as_str) {
            Some("Kustomization") if !path.as_str().ends_with("/kustomization.yaml") => {
                paths.insert(text(object.pointer("/spec/path")).trim_start_matches("./").to_owned());
            }
            Some("ApplicationSet") => {
                for element in object.pointer("/spec/generators/0/list/elements").unwrap().as_array().unwrap()
                {
                    let cluster = text(element.get("cluster"));
                    for source in object.pointer("/spec/template/spec/sources").unwrap().as_array().unwrap() {
                        paths.insert(text(source.get("path")).replace("{{ .cluster }}", &cluster));
                    }
                }
            }
            _ => {}
        }
    }
    paths
}

#[test]
fn every_directory_that_an_agent_applies_is_there() {
    let tree = mixed();
    let applied = applied(&tree);
    assert_eq!(applied.len(), 6, "{applied:?}");
    for path in applied {
        assert!(tree.get(&format!("{path}/kustomization.yaml")).is_some(), "{path}");
    }
}

/// The objects below a directory, by `apiVersion kind namespace name`.
fn by_identity(objects: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    let text =
        |object: &Value, pointer: &str| object.pointer(pointer).map(Value::to_string).unwrap_or_default();
    let identity = |object: &Value| {
        ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"].map(|at| text(object, at)).join(" ")
    };
    objects.into_iter().map(|object| (identity(&object), object)).collect()
}

fn written(tree: &Tree, root: &str) -> BTreeMap<String, Value> {
    let kustomization = read(tree.get(&format!("{root}/kustomization.yaml")).unwrap());
    let resources = kustomization.get("resources").unwrap().as_array().unwrap().clone();
    resources
        .iter()
        .flat_map(|resource| {
            let path = format!("{root}/{}", resource.as_str().unwrap());
            match tree.get(&path) {
                Some(bytes) => by_identity([read(bytes)]),
                None => written(tree, &path),
            }
        })
        .collect()
}

/// What `kubectl kustomize` makes of every root must be what the files say.
fn assert_kustomize_builds(tree: &Tree) {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "skipped: roots are not built with kustomize: no kubectl").unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (path, bytes) in tree.iter() {
        let path = path.under(directory.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let roots: Vec<_> =
        tree.iter().filter_map(|(path, _)| path.as_str().strip_suffix("/kustomization.yaml")).collect();
    assert!(roots.len() >= 8, "{roots:?}");
    for root in roots {
        let built =
            Command::new("kubectl").arg("kustomize").arg(directory.path().join(root)).output().unwrap();
        assert!(built.status.success(), "{root}: {}", String::from_utf8_lossy(&built.stderr));
        let built = String::from_utf8(built.stdout).unwrap();
        let objects = built.split("\n---\n").map(|document| read(document.as_bytes()));
        assert_eq!(by_identity(objects), written(tree, root), "{root}");
    }
}

#[test]
fn kustomize_builds_every_root_to_the_same_objects() {
    assert_kustomize_builds(&mixed());
}

#[test]
fn a_whole_mesh_can_be_delivered() {
    let sail = "  istio: {install: Sail}\n  kubernetes: {version: '1.33'}\n";
    let fleet = fleet(FLUX, "  kubernetes: {version: '1.33'}\n", &format!("{sail}{ARGOCD}"));
    let tree = assemble(&fleet, crate::compile::render(&fleet)).unwrap();
    let stages: BTreeSet<_> = applied(&tree);
    for path in ["clusters/c1/mesh/install", "clusters/c1/mesh/traffic", "clusters/c2/mesh"] {
        assert!(stages.contains(path), "{path} in {stages:?}");
    }
    for path in &stages {
        assert!(tree.get(&format!("{path}/kustomization.yaml")).is_some(), "{path}");
    }
    assert_kustomize_builds(&tree);
}

/// The deadlock that the stages exist for: Flux would dry-run a resource whose CRD comes with a release of the same step.
#[test]
fn nothing_is_installed_beside_what_needs_it() {
    let fleet = fleet(FLUX, "", "");
    let tree = assemble(&fleet, crate::compile::render(&fleet)).unwrap();
    let install: Vec<_> =
        tree.iter().filter(|(path, _)| path.as_str().starts_with("clusters/c1/mesh/install/")).collect();
    assert!(install.iter().any(|(path, _)| path.as_str().contains("/helmrelease-")));
    for (path, bytes) in install {
        let api = read(bytes).get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(!crate::stage::is_istio_api(crate::stage::group(&api)), "{path}");
    }
}

#[test]
fn an_object_has_one_owner() {
    let fleet = fleet(FLUX, "", "");
    let mut out = output(&["c1", "c2"]);
    out.begin("samples");
    out.object(Root::Mesh(name("c1")), Wave::Traffic, Object::new("v1", "Namespace", "istio-system"));
    let beta = Object::new("meshwright.dev/v1beta1", "MeshDeclaration", "mesh");
    out.object(Root::Mesh(name("c2")), Wave::Traffic, beta);
    deliver(&fleet, &mut out);
    let errors = assemble(&fleet, out).unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    `Namespace/istio-system` is rendered twice for one API server: by `test` in `clusters/c1/mesh/`, and by `samples` in `clusters/c1/mesh/`
    `MeshDeclaration/mesh` of meshwright.dev is rendered twice for one API server: by `test` in `clusters/c2/declaration/`, and by `samples` in `clusters/c2/mesh/`
    ");
    let finding = errors[0].finding();
    assert_eq!((finding.rule.code, finding.cluster.as_deref()), ("MW8009", Some("c1")));
    assert_eq!(finding.place.path.to_string(), "metadata.name");
    assert!(finding.place.span.is_written());
}

#[test]
fn an_empty_tree_stays_empty() {
    assert!(assemble(&Fleet::default(), Output::default()).unwrap().is_empty());
}

#[test]
fn one_name_in_two_clusters_is_two_objects() {
    let fleet = fleet(
        FLUX,
        "  delivery: {flux: {kubeConfigSecret: c1}}\n",
        "  delivery: {flux: {kubeConfigSecret: c2}}\n",
    );
    let mut out = output(&["c1", "c2"]);
    deliver(&fleet, &mut out);
    let clean = out.objects().clone();
    assert!(identity::rendered_twice(&fleet, &clean, &destinations(&fleet), None).is_empty());
    // Flux reaches both from one cluster, in which their objects must differ.
    let release =
        || Object::new("helm.toolkit.fluxcd.io/v2", "HelmRelease", "istiod").namespace("flux-system");
    out.object(Root::Flux(name("c1")), Wave::ControlPlane, release());
    out.object(Root::Flux(name("c2")), Wave::ControlPlane, release());
    assert_eq!(identity::rendered_twice(&fleet, out.objects(), &destinations(&fleet), None).len(), 1);
}

#[test]
fn a_crd_is_applied_to_every_cluster() {
    let fleet = fleet(FLUX, "", "");
    let mut out = output(&["c1", "c2"]);
    let crd =
        Object::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "meshdeclarations.meshwright.dev");
    out.object(Root::Mesh(name("c2")), Wave::Namespace, crd);
    assert_eq!(assemble(&fleet, out).unwrap_err().len(), 1);
}

/// A fleet of many clusters, each with about twelve files.
fn many(clusters: usize) -> Output {
    let mut out = Output::default();
    for number in 0..clusters {
        let cluster = name(&format!("c{number}"));
        mesh_objects(&cluster, &mut out);
        for service in 0..8 {
            let mut map = Map::new();
            map.insert(
                "ports".into(),
                json!([{"name": "status-port", "port": 15021}, {"name": "tls", "port": 15443}]),
            );
            let object = Object::new("v1", "Service", format!("s{service}")).namespace("istio-system");
            out.object(Root::Mesh(cluster.clone()), Wave::Gateway, object.spec(Value::Object(map)));
        }
    }
    out
}

#[test]
fn threads_do_not_show_in_the_result() {
    let fleet = Fleet::default();
    let tree = assemble(&fleet, many(100)).unwrap();
    assert_eq!(tree.len(), 100 * 14 + 1);
    for (root, rendered) in many(100).into_parts().0 {
        let alone = write_root(&root, rendered, Agents::default(), &mut Vec::new());
        for (path, content) in alone.files {
            assert_eq!(tree.get(path.as_str()), Some(content.bytes()), "{path}");
        }
    }
}

#[test]
fn a_comment_in_the_intent_changes_no_file() {
    let tree = |fleet: Fleet| assemble(&fleet, crate::compile::render(&fleet)).unwrap();
    let plain = tree(fleet(FLUX, "", ARGOCD));
    let commented =
        tree(fleet(&format!("  # One.\n\n{FLUX}"), "  # Two.\n", &format!("  # Three.\n{ARGOCD}")));
    assert!(plain.iter().eq(commented.iter()));
    assert!(!plain.iter().eq(tree(fleet(FLUX, "", FLUX)).iter()));
}
