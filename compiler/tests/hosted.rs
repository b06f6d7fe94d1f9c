//! A hosted mesh whose control plane runs in a cluster without workloads, from the intent to what is rendered, and back.

#![allow(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

const INTENT: &str = include_str!("fixtures/host-alone.yaml");

fn run(directory: &Path, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let output = command.current_dir(directory).args(arguments.split(' ')).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn read(directory: &Path, path: &str) -> String {
    fs::read_to_string(directory.join(path)).unwrap_or_else(|error| format!("{path}: {error}"))
}

#[test]
fn a_host_without_workloads_is_no_member() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    fs::write(at.join("intent.yaml"), INTENT).unwrap();
    let (code, _, err) = run(at, "render intent.yaml -o out");
    assert_eq!((code, err.contains("warning") || err.contains("error")), (0, false), "{err}");
    let global = "out/clusters/kpanda-global-cluster/mesh/install";
    let mesh = read(at, &format!("{global}/globalmesh-mdemo.yaml"));
    assert!(mesh.contains("ownerCluster: mgmt\n  clusters:\n  - a\n  - b\n  ownerConfig"), "{mesh}");
    assert!(mesh.contains("remotePilotAddress: 10.0.0.1\n"), "{mesh}");
    assert!(at.join(format!("{global}/meshcluster-a.yaml")).is_file());
    assert!(!at.join(format!("{global}/meshcluster-mgmt.yaml")).exists());
    assert!(!at.join("out/clusters/mgmt/mesh/install/istiooperator-eastwest.yaml").exists());
    let plan = read(at, "out/PLAN.md");
    assert!(plan.contains("| `mgmt` | host of the control plane |"), "{plan}");
    assert!(!plan.contains("nodes and pods of `b`, `mgmt`"), "{plan}");
    let (code, _, err) = run(at, "lint out");
    assert_eq!(code, 0, "{err}");
    // Imported, it is the same again.
    let (code, _, err) = run(at, "import out -o again");
    assert_eq!(code, 0, "{err}");
    let again = read(at, "again/mesh.yaml");
    assert!(again.contains("workloads: false"), "{again}");
    let (code, _, err) = run(at, "render again -o second");
    assert_eq!(code, 0, "{err}");
    assert_eq!(read(at, &format!("{}/globalmesh-mdemo.yaml", global.replace("out/", "second/"))), mesh);
}

/// With several meshes too, what is missing is said of the host, and how it need not be a member.
#[test]
fn a_host_without_a_network_is_told_how_to_have_one() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let intent = INTENT.replace("workloads: false, ", "").replace("  network: net-mgmt\n", "");
    let other = "---\napiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: other}\nspec: {istio: {version: \"1.30.3\"}}\n";
    let named = intent.replace("spec: {}", "spec: {mesh: mdemo}");
    for text in [intent, format!("{named}{other}")] {
        fs::write(at.join("intent.yaml"), text).unwrap();
        let (code, _, err) = run(at, "check intent.yaml");
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("error[MW0112]: cluster `mgmt` has no network"), "{err}");
        assert!(err.contains("say `workloads: false` beside `hosted.cluster`"), "{err}");
        assert!(!err.contains("MW0111"), "{err}");
    }
}

/// Beside such a host, clusters of one network are a mesh of one network: nothing between them needs a gateway.
#[test]
fn a_host_without_workloads_makes_no_second_network() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let intent = INTENT
        .replace(
            "metadata: {name: net-a}\nspec: {}",
            "metadata: {name: net-a}\nspec: {podConnectivity: routed}",
        )
        .replace(
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {name: net-b}\nspec: {}\n",
            "",
        )
        .replace("network: net-b", "network: net-a")
        .replace("  loadBalancer: {addresses: {eastWest: 10.1.0.1}}\n", "")
        .replace("  loadBalancer: {addresses: {eastWest: 10.2.0.1}}\n", "");
    fs::write(at.join("intent.yaml"), intent).unwrap();
    let (code, _, err) = run(at, "render intent.yaml -o out");
    assert_eq!((code, err.contains("warning") || err.contains("error")), (0, false), "{err}");
    assert!(!at.join("out/clusters/a/mesh/install/istiooperator-eastwest.yaml").exists());
    let (code, _, err) = run(at, "lint out");
    assert_eq!((code, err.as_str()), (0, "no findings\n"));
}
