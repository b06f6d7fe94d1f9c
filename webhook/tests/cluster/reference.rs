//! Every condition of the generated configuration, by an implementation of CEL that is not ours (the Python package
//! `common-expression-language`, which `tests/run.sh` installs).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests, outside the test functions"
)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::api::cel;
use crate::matching::configuration;

const PROGRAM: &str = r"
import cel, json, sys
for case in json.load(sys.stdin):
    try:
        print(json.dumps(cel.evaluate(case['expression'], case['scope'])))
    except Exception as error:
        print(json.dumps(repr(error)))
";

/// Objects with every mark, almost with one, and with nothing where something is expected.
fn scopes() -> Vec<Value> {
    let mut scopes = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reviews")).unwrap() {
        let capture: Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        let request = capture["review"]["request"].clone();
        scopes.push(
            json!({"object": request["object"], "oldObject": request["oldObject"], "request": request}),
        );
    }
    let metadata = |extra: Value| {
        let mut metadata = json!({"name": "a", "namespace": "b"});
        metadata.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        metadata
    };
    let mut objects = vec![json!({"metadata": {}}), json!({"metadata": metadata(json!({})), "spec": {}})];
    for key in ["labels", "annotations"] {
        for name in
            ["topology.istio.io/network", "networking.istio.io/gatewayPort", "istio/multiCluster", "other"]
        {
            let metadata = metadata(json!({key: {name: "x"}}));
            objects.push(json!({"metadata": metadata}));
            objects.push(
                json!({"metadata": {"name": "t"}, "spec": {"template": {"metadata": metadata, "spec": {}}}}),
            );
        }
    }
    for labels in [
        json!({"kubernetes.io/service-name": "istiod"}),
        json!({"kubernetes.io/service-name": "web"}),
        json!({"kubernetes.io/service-name": "istiod-x", "endpointslice.kubernetes.io/managed-by": "Helm"}),
        json!({"kubernetes.io/service-name": "istiod",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io"}),
    ] {
        for endpoints in [json!([]), json!([{"addresses": ["10.2.0.21"]}]), json!([{"targetRef": {}}])] {
            objects.push(json!({"metadata": {"name": "istiod", "labels": labels}, "endpoints": endpoints}));
        }
    }
    for addresses in [json!([]), json!([{"ip": "10.2.0.21"}]), json!([{"targetRef": {}}])] {
        objects.push(json!({"metadata": {"name": "istiod"}, "subsets": [{"addresses": addresses}, {}]}));
    }
    objects.push(json!({"metadata": {"name": "istiod"}, "spec": {"type": "ExternalName"}}));
    for (name, namespace) in [
        ("istio-eastwestgateway", "shop"),
        ("istio", "istio-system"),
        ("istio-canary", "istio-system"),
        ("istio", "shop"),
        ("istiod", "istio-system"),
        ("cacerts", "istio-system"),
    ] {
        objects.push(json!({"metadata": {"name": name, "namespace": namespace}}));
    }
    for chart in ["istiod", "charts/gateway", "gateway-api", "meshwright-webhook", ""] {
        objects.push(json!({"metadata": {"name": "r"}, "spec": {"chart": {"spec": {"chart": chart}}}}));
        objects.push(json!({"metadata": {"name": "r"}, "spec": {"chartRef": {"kind": "OCIRepository", "name": chart}}}));
        objects.push(json!({"metadata": {"name": "r"}, "spec": {"source": {"chart": chart}}}));
        objects
            .push(json!({"metadata": {"name": "r"}, "spec": {"sources": [{"path": "p"}, {"chart": chart}]}}));
    }
    objects.push(json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.0.0.0/24"}}));
    objects.push(
        json!({"metadata": {"name": "e"}, "spec": {"endpoints": [{"address": "1.1.1.1"}, {"network": "n"}]}}),
    );
    for object in &objects {
        scopes.push(json!({"object": object, "oldObject": null, "request": {"operation": "CREATE"}}));
        scopes.push(json!({"object": null, "oldObject": object, "request": {"operation": "DELETE"}}));
        for old in &objects[..6] {
            let request = json!({"operation": "UPDATE", "subResource": "status"});
            scopes.push(json!({"object": object, "oldObject": old, "request": request}));
        }
    }
    scopes
}

#[test]
fn conditions_mean_the_same_to_another_implementation_and_never_fail() {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let there = Command::new(&python).args(["-c", "import cel"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        let required = std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "`cel` is not in .venv: run tests/run.sh");
        eprintln!("skipped: there is no .venv with `cel`; tests/run.sh makes it");
        return;
    }
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    let all = configuration(true);
    let scopes = scopes();
    for webhook in all["webhooks"].as_array().unwrap() {
        for condition in webhook["matchConditions"].as_array().into_iter().flatten() {
            let expression = condition["expression"].as_str().unwrap();
            for scope in &scopes {
                let seen = cel::Scope {
                    object: &scope["object"],
                    old_object: &scope["oldObject"],
                    request: &scope["request"],
                };
                expected.push(
                    cel::condition(expression, &seen)
                        .unwrap_or_else(|e| panic!("{e} in {expression}: {scope}")),
                );
                cases.push(json!({"expression": expression, "scope": scope}));
            }
        }
    }
    assert!(cases.len() > 2_000 && expected.contains(&true) && expected.contains(&false));
    let mut child = Command::new(&python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = Value::Array(cases.clone()).to_string();
    let mut stdin = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), cases.len());
    for ((case, answer), expected) in cases.iter().zip(answers).zip(expected) {
        assert_eq!(answer, expected.to_string(), "{case}");
    }
}
