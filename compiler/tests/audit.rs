//! `meshwright audit`: several clusters, read by a program that stands for kubectl.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const DECLARATION: &str = include_str!("../../webhook/tests/declarations/mdemo.yaml");

/// Answers `--context C get --raw PATH` from the file `C/PATH`, with `_` for what a file name cannot hold.
const KUBECTL: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --context) context=$2; shift ;;
        --raw) path=$2; shift ;;
    esac
    shift
done
root=$(dirname "$0")
echo "$context $path" >> "$root/log"
file="$root/$context/$(printf %s "$path" | tr '/?&=' '____')"
if [ -e "$file.error" ]; then cat "$file.error" >&2; exit 1; fi
if [ -e "$file" ]; then cat "$file"; exit 0; fi
echo 'Error from server (NotFound): the server could not find the requested resource' >&2
exit 1
"#;

struct Clusters(TempDir);

impl Clusters {
    fn new(contexts: &[&str]) -> Clusters {
        let clusters = Clusters(tempfile::tempdir().unwrap());
        let kubectl = clusters.0.path().join("kubectl");
        fs::write(&kubectl, KUBECTL).unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        for context in contexts {
            fs::create_dir(clusters.0.path().join(context)).unwrap();
            let groups = json!({"groups": [
                {"name": "networking.istio.io", "preferredVersion": {"version": "v1"}},
                {"name": "meshwright.dev", "preferredVersion": {"version": "v1alpha1"}},
            ]});
            clusters.answer(context, "/apis", &groups);
        }
        clusters
    }

    fn file(&self, context: &str, path: &str) -> std::path::PathBuf {
        self.0.path().join(context).join(path.replace(['/', '?', '&', '='], "_"))
    }

    fn answer(&self, context: &str, path: &str, answer: &Value) {
        fs::write(self.file(context, path), answer.to_string()).unwrap();
    }

    fn declare(&self, context: &str) {
        let declaration: Value = serde_yaml::from_str(DECLARATION).unwrap();
        self.answer(
            context,
            "/apis/meshwright.dev/v1alpha1/meshdeclarations",
            &json!({"items": [declaration]}),
        );
    }

    /// Namespaces, in one page.
    fn namespaces(&self, context: &str, network: &str) {
        self.answer(
            context,
            "/api/v1/namespaces?limit=500&continue=",
            &json!({"items": [namespace(network)]}),
        );
    }

    fn run(&self, arguments: &str, stdin: &str) -> (i32, String, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshwright"))
            .current_dir(self.0.path())
            .args(["audit", "--date", "2026-01-01"])
            .env("MESHWRIGHT_KUBECTL", "./kubectl")
            .args(arguments.split(' '))
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _unread = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

fn namespace(network: &str) -> Value {
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    let labels = json!({"topology.istio.io/network": network});
    json!({"metadata": {"name": "istio-system", "labels": labels, "annotations": annotations}})
}

#[test]
fn several_clusters_are_judged_by_what_they_hold() {
    let clusters = Clusters::new(&["good", "bad"]);
    for (context, network) in [("good", "network-c2"), ("bad", "network-c9")] {
        clusters.declare(context);
        clusters.namespaces(context, network);
    }
    let (code, stdout, stderr) = clusters.run("--context good", "");
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    let (code, _, stderr) = clusters.run("--context good --context bad", "");
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @r#"
    error[MW2101]: network `network-c9` is claimed where cluster `mdemo-cluster2` is declared on `network-c2`
     |
     = note: declared `network-c2`: declared in `intent/clusters/cluster2.yaml`, `spec.network`, found `network-c9`
     = note: field `metadata.labels["topology.istio.io/network"]`, object `Namespace/istio-system`, cluster `mdemo-cluster2`
     = help: set `metadata.labels["topology.istio.io/network"]` to what is declared, `network-c2`, or change `spec.network` in `intent/clusters/cluster2.yaml` first

    1 error
    `good`, mesh `mdemo` as cluster `mdemo-cluster2`, generation 7: 1 object, no findings
    `bad`, mesh `mdemo` as cluster `mdemo-cluster2`, generation 7: 1 object, 1 error
    "#);
    let (code, stdout, _) = clusters.run("--context bad --format json", "");
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 1);
    let finding = &found["findings"][0];
    assert_eq!((&finding["code"], &finding["cluster"]), (&json!("MW2101"), &json!("mdemo-cluster2")));
    assert_eq!(finding["object"], "Namespace/istio-system");
    let log = fs::read_to_string(clusters.0.path().join("log")).unwrap();
    assert!(log.contains("bad /apis/networking.istio.io/v1/gateways?limit=500&continue=\n"), "{log}");
    assert!(!log.contains("helm.toolkit"), "a group that is not there is not asked for: {log}");
}

#[test]
fn pages_are_followed_to_the_last() {
    let clusters = Clusters::new(&["c"]);
    clusters.declare("c");
    let first = json!({"metadata": {"continue": "a b"}, "items": [{"metadata": {"name": "x"}}]});
    clusters.answer("c", "/api/v1/namespaces?limit=500&continue=", &first);
    clusters.answer(
        "c",
        "/api/v1/namespaces?limit=500&continue=a%20b",
        &json!({"items": [namespace("wrong")]}),
    );
    let (code, _, stderr) = clusters.run("--context c", "");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("2 objects, 1 error"), "{stderr}");
}

#[test]
fn the_declaration_may_come_from_elsewhere() {
    let clusters = Clusters::new(&["c", "d"]);
    clusters.namespaces("c", "wrong");
    clusters.namespaces("d", "network-c2");
    let (code, _, stderr) = clusters.run("--context c", "");
    assert_eq!(code, 2);
    assert!(
        stderr.contains("`c`: the cluster holds no MeshDeclaration; name one with `--declaration`"),
        "{stderr}"
    );
    assert_eq!(clusters.run("--context c --declaration -", DECLARATION).0, 1);
    let tree = clusters.0.path().join("rendered/clusters/mdemo-cluster2/declaration");
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("meshdeclaration-mdemo.yaml"), DECLARATION).unwrap();
    let (code, _, stderr) = clusters.run("--context d=mdemo-cluster2 --declaration rendered", "");
    assert_eq!(code, 0, "{stderr}");
    let both = "--context c=mdemo-cluster2 --context d=mdemo-cluster2 --declaration rendered";
    assert_eq!(clusters.run(both, "").0, 1);
    let file = "--context c --context d --declaration rendered/clusters/mdemo-cluster2/declaration";
    let (code, _, stderr) = clusters.run(file, "");
    assert!(code == 2 && stderr.contains("is no rendered tree"), "{stderr}");
}

#[test]
fn what_cannot_be_read_is_said_beside_what_was_found() {
    let clusters = Clusters::new(&["c"]);
    clusters.declare("c");
    clusters.namespaces("c", "wrong");
    let services = clusters.file("c", "/api/v1/services?limit=500&continue=.error");
    fs::write(services, "Error from server (Forbidden): services is forbidden\n").unwrap();
    let (code, _, stderr) = clusters.run("--context c --context gone", "");
    assert_eq!(code, 2);
    assert!(stderr.contains("error[MW2101]"), "{stderr}");
    assert!(stderr.contains("`c`: services: Error from server (Forbidden)"), "{stderr}");
    assert!(stderr.contains("`gone`: "), "{stderr}");
    let (code, _, stderr) = clusters.run("--context c --kubectl ./none", "");
    assert!(code == 2 && stderr.contains("`./none` cannot be started: there is no such program"), "{stderr}");
}

/// What lies in Git has no bundle, and rightly: istiod fills it in.
#[test]
fn an_injection_webhook_that_no_istiod_filled_in_is_found_where_it_runs() {
    let clusters = Clusters::new(&["led", "lost"]);
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations?limit=500&continue=";
    let injector = |bundle: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "istio-sidecar-injector", "labels": {"istio.io/rev": "default"}},
            "webhooks": [{
                "name": "rev.namespace.sidecar-injector.istio.io",
                "clientConfig": {"caBundle": bundle, "service": {
                    "name": "istiod", "namespace": "istio-system",
                    "path": "/inject/cluster/mdemo-cluster2/net/network-c2",
                }},
            }],
        })
    };
    for (context, bundle) in [("led", "LS0tLS1CRUdJTg=="), ("lost", "")] {
        clusters.declare(context);
        let groups = json!({"groups": [
            {"name": "admissionregistration.k8s.io", "preferredVersion": {"version": "v1"}},
            {"name": "meshwright.dev", "preferredVersion": {"version": "v1alpha1"}},
        ]});
        clusters.answer(context, "/apis", &groups);
        // Lists of built-in kinds do not repeat what they are lists of.
        let mut item = injector(bundle);
        item.as_object_mut().unwrap().retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
        clusters.answer(context, path, &json!({"items": [item]}));
    }
    let (code, _, stderr) = clusters.run("--context led --context lost", "");
    assert_eq!(code, 0, "a warning: {stderr}");
    insta::assert_snapshot!(stderr);
    // The same object as a manifest.
    for arguments in [&["lint", "-"][..], &["admit", "--declaration", "declaration.yaml", "-"]] {
        fs::write(clusters.0.path().join("declaration.yaml"), DECLARATION).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshwright"))
            .current_dir(clusters.0.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(injector("").to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success() && !said.contains("MW7116"), "{arguments:?}: {said}");
    }
}
