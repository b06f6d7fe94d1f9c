//! What an API server asks about with the generated configuration: rules, selectors and conditions, tried on requests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::BTreeSet;

use meshwright_policies::declaration::MeshDeclaration;
use meshwright_policies::kinds::{KINDS, Reach, kind_of};
use meshwright_webhook::configuration::{
    FailurePolicy, MESH_WEBHOOK, Options, Scope, Target, build, knows_conditions,
};
use serde_json::{Value, json};

use crate::api::cel;
use crate::support::DECLARATION;

fn options(conditions: bool) -> Options {
    Options {
        name: "meshwright-webhook".to_owned(),
        target: Target::Service { namespace: "mw".to_owned(), name: "hook".to_owned(), port: 443 },
        authorities: b"PEM".to_vec(),
        failure_policy: FailurePolicy::Fail,
        conditions,
        excluded_namespaces: Vec::new(),
        timeout_seconds: 3,
        owner: None,
    }
}

fn declaration() -> MeshDeclaration {
    serde_yaml::from_str(DECLARATION).unwrap()
}

pub(crate) fn configuration(conditions: bool) -> Value {
    serde_json::to_value(build(&options(conditions), &Scope::of([&declaration().spec]))).unwrap()
}

/// A request, as an API server matches it.
#[derive(Clone, Debug)]
struct Request {
    operation: &'static str,
    group: &'static str,
    resource: &'static str,
    /// Of the object, or of the Namespace itself.
    namespace: String,
    object: Value,
    old: Value,
}

fn holds(list: &Value, item: &str) -> bool {
    list.as_array().unwrap().iter().any(|known| known == item || known == "*")
}

/// The webhooks that are asked, each with its `failurePolicy`.
fn asked(configuration: &Value, request: &Request) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for webhook in configuration["webhooks"].as_array().unwrap() {
        let rule = |rule: &Value| {
            holds(&rule["apiGroups"], request.group)
                && holds(&rule["resources"], request.resource)
                && holds(&rule["operations"], request.operation)
        };
        if !webhook["rules"].as_array().unwrap().iter().any(rule) {
            continue;
        }
        let requirements = webhook["namespaceSelector"]["matchExpressions"].as_array();
        let selected = requirements.into_iter().flatten().all(|requirement| {
            assert_eq!(requirement["key"], "kubernetes.io/metadata.name");
            let named = holds(&requirement["values"], &request.namespace);
            request.namespace.is_empty() || named == (requirement["operator"] == "In")
        });
        let part = request.resource.split('/').nth(1);
        let asked_about = part.map_or(json!({}), |part| json!({"subResource": part}));
        let scope = cel::Scope { object: &request.object, old_object: &request.old, request: &asked_about };
        let met = webhook["matchConditions"].as_array().into_iter().flatten().all(|condition| {
            let expression = condition["expression"].as_str().unwrap();
            cel::condition(expression, &scope)
                .unwrap_or_else(|error| panic!("{error} in {expression}: {request:?}"))
        });
        if selected && met {
            let text = |key: &str| webhook[key].as_str().unwrap().to_owned();
            found.push((text("name"), text("failurePolicy")));
        }
    }
    found
}

fn create(group: &'static str, resource: &'static str, object: Value) -> Request {
    let namespace = match resource {
        "namespaces" => object["metadata"]["name"].as_str(),
        _ => object["metadata"]["namespace"].as_str(),
    };
    let namespace = namespace.unwrap_or_default().to_owned();
    Request { operation: "CREATE", group, resource, namespace, object, old: Value::Null }
}

fn policies(configuration: &Value, request: &Request) -> Vec<String> {
    asked(configuration, request).into_iter().map(|(_, policy)| policy).collect()
}

fn labelled(name: &str, namespace: Option<&str>, labels: Value) -> Value {
    let mut metadata = json!({"name": name, "labels": labels});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({"metadata": metadata})
}

/// A slice of the endpoints of a Service.
fn slice(service: &str, keeper: Option<&str>, endpoint: Value) -> Value {
    let mut labels = json!({"kubernetes.io/service-name": service});
    if let Some(keeper) = keeper {
        labels["endpointslice.kubernetes.io/managed-by"] = keeper.into();
    }
    let mut object = labelled("istiod-x7k2p", Some("istio-system"), labels);
    object["endpoints"] = json!([endpoint]);
    object
}

fn endpoints(name: &str, address: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "istio-system"}, "subsets": [{"addresses": [address]}]})
}

#[test]
fn the_configuration_is_the_published_one() {
    let text = serde_yaml::to_string(&build(&options(true), &Scope::of([&declaration().spec]))).unwrap();
    insta::assert_snapshot!("configuration", text);
    assert_eq!(configuration(true)["metadata"]["labels"]["istio.io/rev"], Value::Null);
}

/// Where a network identity can enter a cluster, and who has to be asked about it.
#[test]
fn every_way_in_is_asked_about() {
    let all = configuration(true);
    let network = || json!({"topology.istio.io/network": "network-x"});
    let system = Some("istio-system");
    let closed = ["Fail"];
    let open = ["Ignore"];
    let release = json!({"metadata": {"name": "istiod", "namespace": "flux-system"},
        "spec": {"chart": {"spec": {"chart": "istiod"}}, "values": {}}});
    let application = json!({"metadata": {"name": "istiod", "namespace": "argocd"},
        "spec": {"sources": [{"repoURL": "x"}, {"chart": "charts/gateway"}]}});
    for (request, expected) in [
        // 1: the system namespace's label.
        (create("", "namespaces", labelled("istio-system", None, network())), &["Fail", "Ignore"][..]),
        (create("", "namespaces", labelled("istio-system", None, json!({}))), &closed),
        (create("", "namespaces", labelled("shop", None, network())), &open),
        // 4: an east-west gateway's Service, by its label and by its name.
        (create("", "services", labelled("any", Some("shop"), network())), &open),
        (create("", "services", labelled("istio-eastwestgateway", system, json!({}))), &open),
        // 6: what a gateway lets in, in every version.
        (
            create(
                "networking.istio.io",
                "gateways",
                json!({"metadata": {"name": "g", "namespace": "shop"}}),
            ),
            &closed,
        ),
        // 7, 8, 10, 11: whoever installs Istio.
        (create("sailoperator.io", "istios", labelled("default", None, json!({}))), &closed),
        (create("helm.toolkit.fluxcd.io", "helmreleases", release), &closed),
        (create("argoproj.io", "applications", application), &closed),
        (create("install.istio.io", "istiooperators", labelled("i", system, json!({}))), &closed),
        (
            create("discovery.mspider.io", "globalmeshes", labelled("m", Some("mspider-system"), json!({}))),
            &closed,
        ),
        (
            create("discovery.mspider.io", "meshclusters", labelled("m", Some("mspider-system"), json!({}))),
            &closed,
        ),
        // 2, 3, 9: what istiod and proxies are told.
        (create("", "configmaps", labelled("istio", system, json!({}))), &open),
        (create("", "configmaps", labelled("istio-canary", system, json!({}))), &open),
        (create("", "pods", labelled("p", Some("shop"), network())), &open),
        (create("networking.istio.io", "workloadentries", labelled("w", Some("shop"), json!({}))), &closed),
        (create("networking.istio.io", "workloadgroups", labelled("w", Some("shop"), json!({}))), &closed),
        (create("", "secrets", labelled("any", system, json!({"istio/multiCluster": "true"}))), &open),
        (
            create(
                "apps",
                "deployments",
                json!({"metadata": {"name": "a", "namespace": "shop"},
            "spec": {"template": {"metadata": {"labels": network()}}}}),
            ),
            &open,
        ),
        // Where a remote cluster's istiod is, written by hand.
        (create("discovery.k8s.io", "endpointslices", slice("istiod", None, json!({}))), &open),
        (create("discovery.k8s.io", "endpointslices", slice("istiod-1-30", Some("Helm"), json!({}))), &open),
        (create("", "endpoints", endpoints("istiod", json!({"ip": "10.2.0.21"}))), &open),
        (
            create(
                "",
                "services",
                json!({"metadata": {"name": "istiod", "namespace": "istio-system"},
                    "spec": {"type": "ExternalName", "externalName": "istiod.example.com"}}),
            ),
            &open,
        ),
        // Addresses of gateways, and what is declared.
        (create("metallb.io", "ipaddresspools", labelled("p", Some("metallb-system"), json!({}))), &closed),
        (create("meshwright.dev", "meshdeclarations", labelled("mdemo", None, json!({}))), &closed),
    ] {
        assert_eq!(policies(&all, &request), expected, "{request:?}");
    }
    // 5: a gateway of the Gateway API that is deleted.
    let gone = labelled("istio-eastwestgateway", system, network());
    let gone = Request {
        operation: "DELETE",
        object: Value::Null,
        old: gone.clone(),
        ..create("gateway.networking.k8s.io", "gateways", gone)
    };
    assert_eq!(policies(&all, &gone), closed);
    // A label that is taken away is asked about like one that is set.
    let unlabelled = create("", "services", labelled("any", Some("shop"), json!({})));
    assert_eq!(policies(&all, &unlabelled), [] as [&str; 0]);
    let taken = Request { operation: "UPDATE", old: labelled("any", Some("shop"), network()), ..unlabelled };
    assert_eq!(policies(&all, &taken), open);
    // A namespace's status takes labels as well.
    let status = Request {
        operation: "UPDATE",
        resource: "namespaces/status",
        ..create("", "namespaces", labelled("istio-system", None, network()))
    };
    assert_eq!(policies(&all, &status), open);
}

#[test]
fn what_a_cluster_lives_by_is_left_alone() {
    let (all, without) = (configuration(true), configuration(false));
    let plain = |name: &str, namespace: &str| labelled(name, Some(namespace), json!({"app": "a"}));
    let release = |chart: Value| json!({"metadata": {"name": "r", "namespace": "flux-system"}, "spec": {"chart": {"spec": {"chart": chart}}}});
    for request in [
        create("", "namespaces", labelled("shop", None, json!({"app": "a"}))),
        create("", "services", plain("kubernetes", "default")),
        create("", "services", json!({"metadata": {"name": "bare", "namespace": "default"}})),
        create("", "secrets", plain("s", "default")),
        create("", "configmaps", plain("c", "kube-system")),
        create("", "pods", plain("p", "kube-system")),
        create("", "nodes", labelled("n", None, json!({"kubernetes.io/hostname": "n"}))),
        create("", "secrets", labelled("istio-ca-secret", Some("shop"), json!({}))),
        create("", "configmaps", labelled("istio-ca-root-cert", Some("shop"), json!({}))),
        create("coordination.k8s.io", "leases", plain("l", "kube-node-lease")),
        // The endpoints that Kubernetes keeps.
        create(
            "discovery.k8s.io",
            "endpointslices",
            slice("istiod", Some("endpointslice-controller.k8s.io"), json!({"targetRef": {"kind": "Pod"}})),
        ),
        create(
            "discovery.k8s.io",
            "endpointslices",
            slice("istiod", Some("endpointslicemirroring-controller.k8s.io"), json!({})),
        ),
        create("discovery.k8s.io", "endpointslices", slice("web", None, json!({}))),
        create("discovery.k8s.io", "endpointslices", plain("unlabelled", "shop")),
        create("", "endpoints", endpoints("istiod", json!({"targetRef": {"kind": "Pod"}}))),
        create("", "endpoints", endpoints("kubernetes", json!({"ip": "10.1.0.10"}))),
        create(
            "",
            "services",
            json!({"metadata": {"name": "istiod", "namespace": "istio-system"}, "spec": {"type": "ClusterIP"}}),
        ),
        create("apps", "deployments", plain("coredns", "kube-system")),
        create("helm.toolkit.fluxcd.io", "helmreleases", release("meshwright-webhook".into())),
        create("helm.toolkit.fluxcd.io", "helmreleases", release("oci/cert-manager".into())),
        create(
            "helm.toolkit.fluxcd.io",
            "helmreleases",
            json!({"metadata": {"name": "r"}, "spec": {"chartRef": {}}}),
        ),
        create(
            "argoproj.io",
            "applications",
            json!({"metadata": {"name": "a"}, "spec": {"source": {"path": "x"}}}),
        ),
        create("argoproj.io", "applications", json!({"metadata": {"name": "a"}})),
        create(
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations",
            labelled("meshwright-webhook", None, json!({})),
        ),
    ] {
        assert_eq!(asked(&all, &request), [], "{request:?}");
    }
    // The program's own namespace, whatever is in it.
    let own = create("", "services", labelled("any", Some("mw"), json!({"topology.istio.io/network": "x"})));
    assert_eq!(asked(&all, &own), []);
    // Without conditions nothing of it is asked about, and nothing else that mends this program can be stopped.
    for request in [
        create("", "services", labelled("any", Some("shop"), json!({"topology.istio.io/network": "x"}))),
        create("", "namespaces", labelled("shop", None, json!({"topology.istio.io/network": "x"}))),
    ] {
        assert_eq!(asked(&without, &request), [], "{request:?}");
    }
    let own = create("helm.toolkit.fluxcd.io", "helmreleases", release("meshwright-webhook".into()));
    assert_eq!(policies(&without, &own), ["Ignore"]);
    let system = create("", "namespaces", labelled("istio-system", None, json!({})));
    assert_eq!(policies(&without, &system), ["Fail"]);
}

/// Every kind that is judged is asked about, by a rule of its own; and nothing that is not.
#[test]
fn rules_and_registry_name_the_same_kinds() {
    let mut named = BTreeSet::new();
    for webhook in configuration(true)["webhooks"].as_array().unwrap() {
        assert_eq!((&webhook["matchPolicy"], &webhook["timeoutSeconds"]), (&"Equivalent".into(), &3.into()));
        assert_eq!(webhook["sideEffects"], "NoneOnDryRun");
        for rule in webhook["rules"].as_array().unwrap() {
            assert_eq!(rule["apiVersions"], json!(["*"]));
            let groups = rule["apiGroups"].as_array().unwrap();
            for (group, resource) in groups.iter().zip(std::iter::repeat(&rule["resources"])) {
                for resource in resource.as_array().unwrap() {
                    let resource = resource.as_str().unwrap();
                    assert!(!resource.contains('*') && group != "*");
                    let plural = resource.split('/').next().unwrap();
                    named.insert((group.as_str().unwrap().to_owned(), plural.to_owned()));
                }
            }
        }
    }
    let mut known: BTreeSet<(String, String)> =
        KINDS.iter().map(|kind| (kind.group().to_owned(), kind.plural().to_owned())).collect();
    known.insert(("meshwright.dev".to_owned(), "meshdeclarations".to_owned()));
    assert_eq!(named, known);
}

/// A review that is denied was asked about; one that arrives without being asked about would be a hole in the rules.
#[test]
fn what_is_refused_is_asked_about() {
    let all = configuration(true);
    let declaration = declaration();
    let mut denied = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reviews")).unwrap() {
        let path = entry.unwrap().path();
        let capture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let asked_about = &capture["review"]["request"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let basis = meshwright_policies::admission::Basis {
            declarations: vec![&declaration],
            unreadable: false,
            without: Default::default(),
            today: "2026-01-01".to_owned().try_into().unwrap(),
        };
        let verdict =
            meshwright_policies::admission::review(capture["review"].to_string().as_bytes(), &basis);
        let resource = match text(&asked_about["subResource"]) {
            part if part.is_empty() => text(&asked_about["resource"]["resource"]),
            part => format!("{}/{part}", text(&asked_about["resource"]["resource"])),
        };
        let request = Request {
            operation: text(&asked_about["operation"]).leak(),
            group: text(&asked_about["resource"]["group"]).leak(),
            resource: resource.leak(),
            namespace: text(&asked_about["namespace"]),
            object: asked_about["object"].clone(),
            old: asked_about["oldObject"].clone(),
        };
        let asked = asked(&all, &request);
        if verdict.decision == "denied" {
            assert!(!asked.is_empty(), "{}", path.display());
            denied += 1;
        }
    }
    assert!(denied >= 5, "{denied}");
}

/// istiod creates it as a dry run to see whether its own webhook answers (istio/istio:
/// `pkg/webhooks/validation/controller/controller.go`): this webhook is asked, supports dry runs, and lets it pass.
#[test]
fn istiod_s_self_test_is_asked_about_and_passes() {
    let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {
        "name": "invalid-gateway", "namespace": "istio-system", "annotations": {"istio.io/always-reject": "true"}},
        "spec": {}});
    let request = create("networking.istio.io", "gateways", object);
    assert_eq!(asked(&configuration(true), &request), [(MESH_WEBHOOK.to_owned(), "Fail".to_owned())]);
}

#[test]
fn conditions_are_used_from_the_release_that_has_them_on() {
    assert!(
        !knows_conditions(1, 27)
            && knows_conditions(1, 28)
            && knows_conditions(1, 36)
            && knows_conditions(2, 0)
    );
    for webhook in configuration(false)["webhooks"].as_array().unwrap() {
        assert_eq!(webhook["matchConditions"], Value::Null);
    }
    for kind in KINDS {
        let known = kind_of(format!("{}/v1", kind.group()).trim_start_matches('/'), kind.kind());
        assert!(known.is_some());
        if let Reach::Lifeline(_) = kind.reach() {
            let name = format!("{}.core.meshwright.dev", kind.plural());
            let asked = |configuration: &Value| {
                configuration["webhooks"].as_array().unwrap().iter().any(|webhook| webhook["name"] == name)
            };
            assert!(!asked(&configuration(false)), "{name}");
        }
    }
}
