//! `meshwright admit`: verdicts, words, formats and exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const DECLARATION: &str = include_str!("../../webhook/tests/declarations/mdemo.yaml");

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("d.yaml"), DECLARATION).unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn run_with(directory: &Path, arguments: &str, stdin: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshwright"))
        .current_dir(directory)
        .arg("admit")
        .args(arguments.split(' '))
        .env_remove("MESHWRIGHT_DECLARATION")
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that ends before it reads is no fault of the test.
    let _unread = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run(directory: &TempDir, arguments: &str) -> Ran {
    run_with(directory.path(), arguments, "")
}

fn namespace(network: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: istio-system\n  labels:\n    topology.istio.io/network: {network}\n  \
         annotations: {{topology.istio.io/controlPlaneClusters: mdemo-cluster1}}\n"
    )
}

#[test]
fn objects_are_judged_as_if_they_were_applied() {
    let wrong = format!(
        "# first\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n---\n{}",
        namespace("network-c9")
    );
    let ran = run(&directory(&[("ns.yaml", &wrong)]), "--declaration d.yaml ns.yaml");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout, @r#"
    allowed: CREATE ConfigMap/a (ns.yaml:2): agrees
    denied: CREATE Namespace/istio-system (ns.yaml:6): contradicts
      this contradicts the declaration of mesh `mdemo` for cluster `mdemo-cluster2`
      MW2101 at `metadata.labels["topology.istio.io/network"]`: network `network-c9` is claimed where cluster `mdemo-cluster2` is declared on `network-c2`
        found `network-c9`; declared `network-c2` in `intent/clusters/cluster2.yaml`, `spec.network`
        accepted: set `metadata.labels["topology.istio.io/network"]` to what is declared, `network-c2`, or change `spec.network` in `intent/clusters/cluster2.yaml` first
    1 allowed, 1 denied
    "#);
    let right = directory(&[("ns.yaml", &namespace("network-c2"))]);
    let ran = run(&right, "--declaration d.yaml ns.yaml");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.stdout,
        "allowed: CREATE Namespace/istio-system (ns.yaml:1): agrees\n1 allowed, 0 denied\n"
    );
}

#[test]
fn an_update_is_judged_by_what_it_changes() {
    let (bad, worse) = (namespace("network-c9"), namespace("network-c8"));
    let touched = bad.replace("  labels:\n", "  labels:\n    team: a\n");
    let files = directory(&[("bad.yaml", &bad), ("worse.yaml", &worse), ("touched.yaml", &touched)]);
    let ran = run(&files, "--declaration d.yaml --old bad.yaml touched.yaml");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with(
        "allowed: UPDATE Namespace/istio-system (touched.yaml:1): warned\n  warning: was so before: "
    ));
    assert_eq!(run(&files, "--declaration d.yaml --old bad.yaml worse.yaml").code, 1);
    let unlabelled = directory(&[
        ("old.yaml", &namespace("network-c2")),
        ("new.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}\n"),
    ]);
    let ran = run(&unlabelled, "--declaration d.yaml --old old.yaml new.yaml");
    assert!(ran.code == 1 && ran.stdout.contains("MW4103"), "{}", ran.stdout);
    let ran = run(&unlabelled, "--declaration d.yaml --operation delete old.yaml");
    assert!(ran.code == 1 && ran.stdout.starts_with("denied: DELETE "), "{}", ran.stdout);
    let ran = run(&unlabelled, "--declaration d.yaml --operation update old.yaml");
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.stderr,
        "error: `Namespace/istio-system` is not among the old objects; an update needs the object as it is\n"
    );
}

#[test]
fn a_namespace_is_taken_from_the_command_line() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: istio-eastwestgateway}\n";
    let files = directory(&[("s.yaml", service)]);
    let delete = "--declaration d.yaml --operation delete s.yaml";
    assert_eq!(run(&files, delete).code, 0, "an unlabelled Service in no namespace is nobody's gateway");
    let ran = run(&files, &format!("{delete} -n istio-system"));
    assert!(
        ran.code == 1 && ran.stdout.contains("Service/istio-system/istio-eastwestgateway"),
        "{}",
        ran.stdout
    );
}

#[test]
fn programs_get_the_answer_that_is_served() {
    let capture = include_str!("../../webhook/tests/reviews/004-ns-dryrun-update-namespace.json");
    let capture: Value = serde_json::from_str(capture).unwrap();
    let files = directory(&[]);
    let ran = run_with(files.path(), "--declaration d.yaml --format json", &capture["review"].to_string());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let out: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(out["summary"], serde_json::json!({"allowed": 0, "denied": 1}));
    let verdict = &out["verdicts"][0];
    assert_eq!((&verdict["file"], &verdict["line"]), (&"<stdin>".into(), &1.into()));
    assert_eq!(verdict["codes"], serde_json::json!(["MW2101"]));
    assert_eq!(verdict["response"]["uid"], capture["review"]["request"]["uid"]);
    assert_eq!(verdict["response"]["status"]["code"], 403);
    // The same review as YAML.
    let yaml = serde_yaml::to_string(&capture["review"]).unwrap();
    let ran = run_with(files.path(), "--declaration d.yaml --format json", &yaml);
    let from_yaml: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(from_yaml["verdicts"][0]["response"], verdict["response"]);
}

#[test]
fn code_hosts_see_the_line_of_the_field() {
    let files = directory(&[("ns.yaml", &namespace("network-c9"))]);
    let ran = run(&files, "--declaration d.yaml --format github ns.yaml");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("::error file=ns.yaml,line=6,"), "{}", ran.stdout);
    let ran = run(&files, "--declaration d.yaml --format sarif ns.yaml");
    let sarif: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "MW2101");
}

#[test]
fn what_cannot_be_asked_is_said_with_another_code() {
    let review = |text: &str| text.to_owned();
    for (files, arguments, stdin, expected) in [
        (vec![], "absent.yaml", review(""), "error: cannot read `absent.yaml`\n  because: No such file"),
        (vec![], "-", review(""), "error: cannot ask about `<stdin>`\n  because: it holds no document\n"),
        (
            vec![],
            "-",
            review("a: 1\n"),
            "because: document 1 is neither an AdmissionReview nor a Kubernetes object",
        ),
        (vec![("x.yaml", "a: [\n")], "x.yaml", review(""), "error[MW0001]"),
        (
            vec![],
            "-",
            review(r#"{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview"}"#),
            "error: no answer to `<stdin>:1`: the body is not an AdmissionReview: it is a `AdmissionReview` of `admission.k8s.io/v2`",
        ),
    ] {
        let files = directory(&files);
        let ran = run_with(files.path(), &format!("--declaration d.yaml {arguments}"), &stdin);
        assert_eq!(ran.code, 2, "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
    }
    let twice = directory(&[("e.yaml", DECLARATION), ("none.yaml", "a: 1\n")]);
    for (arguments, expected) in [
        ("--declaration d.yaml --declaration e.yaml", "`d.yaml` and `e.yaml` both declare mesh `mdemo`"),
        ("--declaration none.yaml", "there is no MeshDeclaration at `none.yaml`"),
        ("--declaration absent.yaml", "absent.yaml"),
    ] {
        let ran = run_with(twice.path(), arguments, &namespace("network-c2"));
        assert!(ran.code == 2 && ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert_eq!(run(&twice, "ns.yaml").code, 2, "a declaration has to be named");
}

#[test]
fn a_namesake_of_a_gateway_in_another_namespace_is_none() {
    let service = |namespace: &str, more: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: istio-eastwestgateway\n  namespace: {namespace}\n{more}\
             spec: {{type: ClusterIP, ports: [{{port: 80}}]}}\n"
        )
    };
    let files = directory(&[
        ("own.yaml", &service("istio-system", "")),
        ("other.yaml", &service("shop", "")),
        (
            "thief.yaml",
            &service("shop", "  annotations: {metallb.universe.tf/loadBalancerIPs: 10.6.136.29}\n"),
        ),
    ]);
    let code = |file: &str| run(&files, &format!("--declaration d.yaml {file}")).code;
    assert_eq!([code("own.yaml"), code("other.yaml"), code("thief.yaml")], [1, 0, 1]);
}
