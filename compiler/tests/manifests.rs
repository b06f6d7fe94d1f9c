//! Objects that a cluster carries over as they are, from the files to what a person sees.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

fn run(directory: &Path, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let output = command.current_dir(directory).args(arguments.split(' ')).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn write(directory: &TempDir, path: &str, text: &str) {
    let path = directory.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// What `init` writes, with `manifests` in the cluster east, and these files.
fn with(manifests: &str, files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), "init repo").0, 0);
    let east = fs::read_to_string(directory.path().join("repo/clusters/east.yaml")).unwrap();
    write(&directory, "repo/clusters/east.yaml", &format!("{east}  manifests: {manifests}\n"));
    files.iter().for_each(|(path, text)| write(&directory, path, text));
    directory
}

const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec: {hosts: [shop.example.com], http: [{route: [{destination: {host: shop}}]}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {group: example.com}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: dash, namespace: shop}, data: {a: '{{ $labels.pod }} ${X} $(Y)'}}
";

#[test]
fn objects_are_rendered_in_the_part_of_their_kind() {
    let directory = with("[legacy]", &[("repo/legacy/deep/all.yaml", OBJECTS)]);
    let (code, _, err) = run(directory.path(), "render repo -o out");
    assert_eq!(code, 0, "{err}");
    let mesh = directory.path().join("out/clusters/east/mesh");
    for path in [
        "install/namespace-shop.yaml",
        "traffic/virtualservice-shop.yaml",
        "platform/customresourcedefinition-things.example.com.yaml",
        "install/configmap-dash.yaml",
    ] {
        assert!(
            mesh.join(path).is_file(),
            "{path}: {:?}",
            fs::read_dir(mesh.join("install")).unwrap().collect::<Vec<_>>()
        );
    }
    let text = fs::read_to_string(mesh.join("install/configmap-dash.yaml")).unwrap();
    assert!(text.contains("{{ $labels.pod }} ${X} $(Y)") && !text.contains("managed-by"), "{text}");
    assert!(!directory.path().join("out/clusters/west/mesh/platform").exists());
    assert_eq!(run(directory.path(), "render repo -o out --check").0, 0);
    let (code, _, err) = run(directory.path(), "lint out");
    assert_eq!(code, 0, "{err}");
}

#[test]
fn an_object_that_contradicts_the_declaration_is_refused_at_its_own_line() {
    let service = "\
apiVersion: v1
kind: Service
metadata:
  name: istio-eastwestgateway-old
  namespace: istio-system
  labels: {topology.istio.io/network: network-west}
spec: {type: LoadBalancer, ports: [{name: tls, port: 15443}]}
---
apiVersion: v1
kind: Namespace
metadata:
  name: istio-system
  labels: {topology.istio.io/network: network-west}
";
    let directory = with("[legacy.yaml]", &[("repo/legacy.yaml", service)]);
    let (code, _, err) = run(directory.path(), "check repo");
    assert_eq!(code, 1, "{err}");
    insta::assert_snapshot!(err);
    let twice = with(
        "[legacy.yaml]",
        &[("repo/legacy.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}\n")],
    );
    let (code, _, err) = run(twice.path(), "check repo");
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("MW8009") && err.contains("repo/legacy.yaml:1:"), "{err}");
}

/// What admission says of an object beside its claims is said here, too.
#[test]
fn a_carried_object_is_judged_as_at_admission() {
    let gateway = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: own, namespace: shop}
spec:
  selector: {istio: eastwestgateway}
  servers:
    - {port: {number: 15443, name: a, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ['*.local']}
    - {port: {number: 15443, name: b, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ['*.svc.cluster.local']}
";
    let directory = with("[legacy.yaml]", &[("repo/legacy.yaml", gateway)]);
    let (code, _, err) = run(directory.path(), "check repo");
    assert!(code == 1 && err.contains("error[MW4250]") && err.contains("repo/legacy.yaml:8:"), "{err}");
}

#[test]
fn what_cannot_be_carried_over_is_said() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: YQ==}}\n";
    let directory = with(
        "[legcy, a, b]",
        &[
            ("repo/legacy/x.yaml", OBJECTS),
            ("repo/a/kustomization.yaml", "resources: [x.yaml]\n"),
            ("repo/b/s.yaml", secret),
        ],
    );
    let (code, _, err) = run(directory.path(), "check repo");
    assert_eq!(code, 1, "{err}");
    for expected in ["MW8050", "did you mean `legacy`?", "MW8051", "MW8052"] {
        assert!(err.contains(expected), "{expected}: {err}");
    }
    let outside = with("[../elsewhere]", &[]);
    let (code, _, err) = run(outside.path(), "check repo");
    assert!(code == 1 && err.contains("below the intent root"), "{err}");
}

#[test]
fn a_commit_holds_them_too() {
    let directory = with("[legacy]", &[("repo/legacy/all.yaml", OBJECTS)]);
    let git = |arguments: &str| {
        let status = Command::new("git")
            .current_dir(directory.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    git("init -q");
    git("add repo");
    git("commit -qm first");
    fs::remove_dir_all(directory.path().join("repo/legacy")).unwrap();
    assert_eq!(run(directory.path(), "check repo").0, 1);
    let (code, _, err) = run(directory.path(), "render repo --rev HEAD -o out");
    assert_eq!(code, 0, "{err}");
    assert!(directory.path().join("out/clusters/east/mesh/traffic/virtualservice-shop.yaml").is_file());
}

/// A carried object may be doubtful without being refused: it is rendered, and whoever renders it is told.
#[test]
fn a_warning_about_a_carried_object_is_said_where_it_is_written() {
    let rule = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop, namespace: shop}
spec:
  host: shop.shop.svc.cluster.local
  trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: true, failover: [{from: a, to: b}]}}}
";
    let directory = with("[legacy]", &[("repo/legacy/rule.yaml", rule)]);
    for command in ["check repo", "render repo -o out"] {
        let (code, out, err) = run(directory.path(), command);
        let said = format!("{out}{err}");
        assert_eq!(code, 0, "{command}: {said}");
        assert!(said.contains("warning[MW9151]") && said.contains("legacy/rule.yaml:6"), "{command}: {said}");
    }
    assert!(directory.path().join("out/clusters/east/mesh/traffic/destinationrule-shop.yaml").is_file());
    // What is remembered of a run is said again.
    let (_, out, err) = run(directory.path(), "render repo -o out");
    assert!(format!("{out}{err}").contains("warning[MW9151]"), "{out}{err}");
}

fn service(port: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: shop, namespace: shop}}\nspec:\n  selector: {{app: shop}}\n  ports: [{port}]\n"
    )
}

/// Two clusters carry over a Service of one name.
fn two_services(west: &str, mesh: &str) -> TempDir {
    let directory = with(
        "[east]",
        &[("repo/east/s.yaml", &service("{name: http, port: 80}")), ("repo/west/s.yaml", west)],
    );
    let at = |path: &str| directory.path().join("repo").join(path);
    let cluster = fs::read_to_string(at("clusters/west.yaml")).unwrap();
    write(&directory, "repo/clusters/west.yaml", &format!("{cluster}  manifests: [west]\n"));
    let text = fs::read_to_string(at("mesh.yaml")).unwrap();
    write(&directory, "repo/mesh.yaml", &format!("{text}{mesh}"));
    directory
}

#[test]
fn services_that_clusters_carry_over_are_compared() {
    let differs = two_services(&service("{name: tcp, port: 80}"), "");
    let (code, _, err) = run(differs.path(), "check repo");
    assert_eq!(code, 1, "{err}");
    for said in ["error[MW9251]", "repo/west/s.yaml:6", "repo/east/s.yaml:6"] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let same = two_services(&service("{name: http, port: 80}"), "");
    assert_eq!(run(same.path(), "check repo").0, 0);
}

/// Whoever asks only what a change means, or where a pod is, hears what is wrong with an object all the same.
#[test]
fn warnings_about_carried_objects_are_said_by_every_command() {
    let wide = service("{name: http, port: 80}, {name: admin, port: 81}");
    let directory = two_services(&service("{name: http, port: 80}"), "");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(directory.path().join("repo"));
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]);
        assert!(command.args(arguments).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    write(&directory, "repo/west/s.yaml", &wide);
    for command in ["check repo", "explain network --cluster east repo", "diff repo --base HEAD"] {
        let (_, _, err) = run(directory.path(), command);
        assert!(err.contains("warning[MW9251]"), "{command}: {err}");
    }
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "two"]);
    // No news.
    let (code, _, err) = run(directory.path(), "diff repo --base HEAD");
    assert_eq!((code, err.as_str()), (0, ""));
}
