//! The real kubectl, and `meshwright audit` by it, against the API server over TLS.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests, outside the test functions"
)]

use std::path::Path;
use std::process::{Command, Output};

use meshwright::audit::{Kubectl, audit};
use meshwright_policies::finding::Findings;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::rbac::Grant;
use crate::api_server::asking;
use crate::life::{declaration, definition};
use crate::support::{Options, Running};

/// Whether kubectl is there. Without it the caller skips, and says so, unless `MESHWRIGHT_REQUIRE_TOOLS=1`.
fn has_kubectl() -> bool {
    let there =
        Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|o| o.status.success());
    let required = std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(there || !required, "kubectl is needed: run tests/run.sh");
    if !there {
        eprintln!("skipped: there is no kubectl");
    }
    there
}

fn system_namespace(network: &str) -> Value {
    let labels = json!({"topology.istio.io/network": network});
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    let metadata = json!({"name": "istio-system", "labels": labels, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

/// A cluster that contradicts its declaration in the last of more namespaces than a page has.
async fn cluster() -> ApiServer {
    let server = ApiServer::over_tls().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    server.put(system_namespace("network-c9"));
    for number in 0..if server.is_real() { 20 } else { 1100 } {
        let name = format!("a{number}");
        server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    server
}

/// kubectl is a process that blocks: it must not take the place of those who answer it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn codes(findings: &Findings) -> Vec<String> {
    let text = |finding: &meshwright_policies::finding::Finding| {
        format!("{} {}", finding.rule.code, finding.object.clone().unwrap_or_default())
    };
    findings.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_audited_by_what_its_user_may_read() {
    if !has_kubectl() {
        return;
    }
    let server = cluster().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    std::fs::write(&path, server.kubeconfig("east", None)).unwrap();
    let kubectl = |context: &str| Kubectl {
        program: "kubectl".into(),
        kubeconfig: Some(path.clone()),
        context: context.to_owned(),
        timeout: "20s".to_owned(),
    };
    let today = || "2026-01-01".to_owned().try_into().unwrap();
    let east = kubectl("east");
    let audited = blocking(move || audit(&east, None, today())).await.unwrap();
    assert_eq!(audited.unread, Vec::<String>::new());
    assert_eq!(audited.declarations, ["mesh `mdemo` as cluster `mdemo-cluster2`, generation 1"]);
    assert_eq!(codes(&audited.findings), ["MW2101 Namespace/istio-system"]);
    assert!(audited.objects > if server.is_real() { 20 } else { 1100 }, "every page: {}", audited.objects);

    let nowhere = kubectl("nowhere");
    let error = blocking(move || audit(&nowhere, None, today())).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "kubectl's own words: {error}");

    // Who may read some kinds is told which could not be read.
    let rules = vec![
        json!({"apiGroups": ["meshwright.dev"], "resources": ["meshdeclarations"], "verbs": ["list"]}),
        json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]}),
    ];
    server.config_as("reader", vec![Grant { namespace: None, rules }]);
    std::fs::write(&path, server.kubeconfig("east", Some("reader"))).unwrap();
    let east = kubectl("east");
    let audited = blocking(move || audit(&east, None, today())).await.unwrap();
    assert_eq!(codes(&audited.findings), ["MW2101 Namespace/istio-system"]);
    assert!(audited.unread.iter().any(|text| text.starts_with("services: ") && text.contains("forbidden")));
}

fn kubectl(kubeconfig: &Path, arguments: &[&str], stdin: &Value) -> Output {
    use std::io::Write;
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(arguments).env("HOME", kubeconfig.parent().unwrap());
    let piped = std::process::Stdio::piped;
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    let _unread = child.stdin.take().unwrap().write_all(stdin.to_string().as_bytes());
    child.wait_with_output().unwrap()
}

/// What a person sees: the table of declarations, a denial with its fix, and what is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_told_by_kubectl_what_to_do() {
    if !has_kubectl() {
        return;
    }
    let server = ApiServer::over_tls().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    server.put(system_namespace("network-c2"));
    let running = Running::start(Options::default()).await;
    server.put(asking(&running, "Fail"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    std::fs::write(&path, server.kubeconfig("east", None)).unwrap();
    let run = async |arguments: &'static [&'static str], stdin: Value| {
        let path = path.clone();
        let output = blocking(move || kubectl(&path, arguments, &stdin)).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (good, stdout, stderr) = run(&["get", "meshdeclarations", "-o", "name"], Value::Null).await;
    assert!(good, "{stderr}");
    assert_eq!(stdout.trim(), "meshdeclaration.meshwright.dev/mdemo");
    let apply = &["apply", "--server-side", "--force-conflicts", "--validate=false", "--filename=-"];
    let (good, _, stderr) = run(apply, system_namespace("network-c9")).await;
    assert!(!good);
    for words in [
        "admission webhook \"mesh.meshwright.dev\" denied the request",
        "MW2101 at `metadata.labels[\"topology.istio.io/network\"]`",
        "declared `network-c2` in `intent/clusters/cluster2.yaml`, `spec.network`",
        "accepted: set",
    ] {
        assert!(stderr.contains(words), "`{words}` is not in\n{stderr}");
    }
    let (good, stdout, stderr) = run(apply, system_namespace("network-c2")).await;
    assert!(good, "{stderr}");
    assert_eq!(stdout.trim(), "namespace/istio-system serverside-applied");
    let (good, _, stderr) = run(&["delete", "namespace", "istio-system", "--wait=false"], Value::Null).await;
    assert!(!good && stderr.contains("MW4103"), "{stderr}");
}
