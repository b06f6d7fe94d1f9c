//! Our charts, rendered by the real Helm for every way of using them.

use std::path::PathBuf;

use clap::Parser;
use meshwright_tests::charts::{CHARTS, OwnChart};
use meshwright_tests::kustomize::has;
use meshwright_tests::schemas::violations;
use serde_json::{Value, json};

/// The API server's version for a rendering, oldest first: those at which a template chooses.
const KUBERNETES: [&str; 4] = ["1.25.0", "1.27.0", "1.30.0", "1.36.0"];

/// Every rendering of a chart, with what it is.
fn renderings(chart: &OwnChart) -> Vec<(String, Vec<Value>)> {
    let of = |values: &PathBuf| {
        let name = values.file_stem().unwrap().to_string_lossy().into_owned();
        let values = values.clone();
        KUBERNETES.map(|version| {
            let objects = chart.objects(&values, &["--kube-version", version, "--include-crds"]);
            (format!("{} {name} {version}", chart.name), objects)
        })
    };
    chart.modes().iter().flat_map(of).collect()
}

fn all() -> Vec<(String, Vec<Value>)> {
    CHARTS.iter().flat_map(renderings).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

#[test]
fn helm_finds_nothing_wrong_with_them() {
    if !has("helm", "version") {
        return;
    }
    for chart in CHARTS {
        for values in chart.modes() {
            let mut helm = std::process::Command::new("helm");
            let output =
                helm.args(["lint", "--strict", "--values"]).arg(&values).arg(chart.directory()).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn every_object_is_one_that_its_api_server_takes() {
    if !has("helm", "version") {
        return;
    }
    for (name, objects) in all() {
        assert!(!objects.is_empty(), "{name} renders nothing");
        for object in &objects {
            // Versions of FlowSchema before v1 are of the same shape.
            let mut object = object.clone();
            if object["kind"] == "FlowSchema" {
                object["apiVersion"] = json!("flowcontrol.apiserver.k8s.io/v1");
            }
            let wrong = violations(&object);
            assert!(
                wrong.is_empty(),
                "{name}: {} {}: {wrong:#?}",
                object["kind"],
                object["metadata"]["name"]
            );
        }
    }
}

#[test]
fn a_namespaced_object_says_its_namespace_and_none_has_istios_revision() {
    if !has("helm", "version") {
        return;
    }
    let cluster_wide = [
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "FlowSchema",
        "ValidatingWebhookConfiguration",
    ];
    for (name, objects) in all() {
        for object in &objects {
            let kind = object["kind"].as_str().unwrap();
            let says = object["metadata"]["namespace"].is_string();
            assert_eq!(says, !cluster_wide.contains(&kind), "{name}: {kind}");
            assert!(object["metadata"]["labels"]["istio.io/rev"].is_null(), "{name}: {kind}");
        }
    }
}

#[test]
fn pods_run_with_no_privilege_at_all() {
    if !has("helm", "version") {
        return;
    }
    for (name, objects) in all() {
        let pods = objects.iter().filter_map(|object| match object["kind"].as_str() {
            Some("Pod") => Some(&object["spec"]),
            Some("Deployment" | "Job") => Some(&object["spec"]["template"]["spec"]),
            _ => None,
        });
        for pod in pods {
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            assert!(pod["hostNetwork"].is_null() && pod["hostPID"].is_null(), "{name}");
            for container in pod["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name}");
            }
        }
    }
}

#[test]
fn no_account_reads_the_secrets_of_the_cluster() {
    if !has("helm", "version") {
        return;
    }
    for (name, objects) in all() {
        for role in of_kind(&objects, "ClusterRole") {
            for rule in role["rules"].as_array().unwrap() {
                let names = |field: &str| rule[field].as_array().cloned().unwrap_or_default();
                let wide = names("resources").iter().any(|one| one == "*" || one == "secrets");
                assert!(!wide || rule["resourceNames"].is_array(), "{name}: {rule}");
                assert!(!names("verbs").contains(&json!("*")), "{name}: {rule}");
            }
        }
        for role in of_kind(&objects, "Role") {
            for rule in role["rules"].as_array().unwrap() {
                assert!(!rule["verbs"].as_array().unwrap().contains(&json!("*")), "{name}: {rule}");
            }
        }
    }
}

#[test]
fn two_renderings_are_the_same_bytes() {
    if !has("helm", "version") {
        return;
    }
    for chart in CHARTS {
        for values in chart.modes() {
            let twice = [chart.template(&values, &[]).stdout, chart.template(&values, &[]).stdout];
            assert!(twice[0] == twice[1], "{} {}", chart.name, values.display());
        }
        for entry in std::fs::read_dir(chart.directory().join("templates")).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for function in [
                "lookup",
                "randAlphaNum",
                "randBytes",
                "genCA",
                "genSelfSigned",
                "genPrivateKey",
                "uuidv4",
                "now",
            ] {
                let used =
                    text.contains(&format!("{{{{ {function} ")) || text.contains(&format!("({function} "));
                assert!(!used, "{} uses {function}", path.display());
            }
        }
    }
}

#[test]
fn values_that_are_not_understood_are_refused() {
    if !has("helm", "version") {
        return;
    }
    for chart in CHARTS {
        let values = chart.modes().remove(0);
        for wrong in
            ["--set=replica=3", "--set=image.repo=x", "--set-string=commonLabels.istio\\.io/rev=default"]
        {
            let output = chart.template(&values, &[wrong]);
            assert!(!output.status.success(), "{} takes {wrong}", chart.name);
        }
    }
}

/// The arguments of the pods of a rendering, each after the program's name.
fn arguments(objects: &[Value]) -> Vec<Vec<String>> {
    let pods = objects.iter().filter_map(|object| match object["kind"].as_str() {
        Some("Pod") => Some(&object["spec"]),
        Some("Deployment" | "Job") => Some(&object["spec"]["template"]["spec"]),
        _ => None,
    });
    let of = |pod: &Value| {
        let given = pod["containers"][0]["args"].as_array().unwrap().iter();
        std::iter::once("program").chain(given.map(|one| one.as_str().unwrap())).map(str::to_owned).collect()
    };
    pods.map(of).collect()
}

#[test]
fn the_programs_take_the_arguments_of_their_charts() {
    if !has("helm", "version") {
        return;
    }
    let [webhook, compiler] = CHARTS;
    for (name, objects) in renderings(&webhook) {
        for line in arguments(&objects) {
            let taken = meshwright_webhook::args::Args::try_parse_from(&line);
            assert!(taken.is_ok(), "{name}: {line:?}: {taken:?}");
        }
    }
    for (name, objects) in renderings(&compiler) {
        for line in arguments(&objects) {
            let taken = meshwright::cli::command().try_get_matches_from(&line);
            assert!(taken.is_ok(), "{name}: {line:?}: {taken:?}");
        }
    }
}

#[test]
fn traces_go_where_they_are_let_out() {
    if !has("helm", "version") {
        return;
    }
    let chart = CHARTS.iter().find(|chart| chart.name == "meshwright-webhook").unwrap();
    let values = chart.modes().into_iter().find(|path| path.ends_with("self.yaml")).unwrap();
    let rendered = |endpoint: &str| {
        let objects = chart.objects(&values, &[&format!("--set=tracing.endpoint={endpoint}")]);
        let deployment = of_kind(&objects, "Deployment").next().unwrap().clone();
        let environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let told = environment.as_array().unwrap().iter();
        let told =
            told.filter(|one| one["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT").map(|one| one["value"].clone());
        let policy = of_kind(&objects, "NetworkPolicy").next().unwrap().clone();
        let rules = policy["spec"]["egress"].as_array().unwrap().clone();
        let ports = rules.get(2).map(|rule| rule["ports"][0]["port"].clone());
        (told.collect::<Vec<_>>(), ports)
    };
    assert_eq!(rendered(""), (vec![], None));
    for (endpoint, port) in [
        ("http://otel.monitoring:4318", 4318),
        ("https://otlp.example.com", 443),
        ("http://otlp.example.com/otlp", 80),
        ("https://[2001:db8::1]:4318", 4318),
        ("https://[2001:db8::1]", 443),
    ] {
        assert_eq!(rendered(endpoint), (vec![json!(endpoint)], Some(json!(port))), "{endpoint}");
    }
    for wrong in ["otel:4318", "grpc://otel:4317", "http://user:secret@otel:4318"] {
        let output = chart.template(&values, &[&format!("--set=tracing.endpoint={wrong}")]);
        assert!(!output.status.success(), "{wrong}");
    }
}
