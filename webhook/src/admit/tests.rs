use std::sync::Arc;
use std::time::UNIX_EPOCH;

use meshwright_policies::declaration::MeshDeclaration;
use serde_json::{Value, json};

use super::*;
use crate::store::Declared;

const DECLARATION: &str = include_str!("../../tests/declarations/mdemo.yaml");

macro_rules! captured {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/reviews/", $name, ".json"))).unwrap()
            ["review"]
            .take()
    };
}

/// The declaration, with a change.
fn declared(change: impl FnOnce(&mut Value)) -> Arc<Declared> {
    let mut value: Value = serde_yaml::from_str(DECLARATION).unwrap();
    change(&mut value);
    let declaration: MeshDeclaration = serde_json::from_value(value).unwrap();
    Arc::new(Declared { declaration, since: UNIX_EPOCH })
}

fn snapshot(declared: Vec<Arc<Declared>>) -> Snapshot {
    Snapshot { declared, synced: true, refused: Vec::new() }
}

/// The verdict, with the response.
fn ask_of(snapshot: &Snapshot, review: &Value) -> (Verdict, Value) {
    let verdict = super::review(review.to_string().as_bytes(), snapshot, WithoutDeclaration::Allow);
    let mut body: Value = serde_json::from_slice(&verdict.body().unwrap()).unwrap();
    assert_eq!(body["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(body["kind"], "AdmissionReview");
    assert_eq!(body["response"]["uid"], review["request"]["uid"]);
    (verdict, body["response"].take())
}

fn ask(review: &Value) -> (Verdict, Value) {
    ask_of(&snapshot(vec![declared(|_| {})]), review)
}

fn reason(review: &Value) -> (bool, &'static str) {
    let (verdict, response) = ask(review);
    (response["allowed"] == true, verdict.reason)
}

fn message(response: &Value) -> &str {
    response["status"]["message"].as_str().unwrap()
}

fn request(operation: &str, kind: (&str, &str, &str), object: &Value, old: &Value) -> Value {
    let either = if object.is_null() { old } else { object };
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": operation, "object": object, "oldObject": old,
        "kind": {"group": kind.0, "version": kind.1, "kind": kind.2},
        "resource": {"group": kind.0, "version": kind.1, "resource": format!("{}s", kind.2.to_lowercase())},
        "name": either["metadata"]["name"], "namespace": either["metadata"]["namespace"],
    }})
}

const NAMESPACE: (&str, &str, &str) = ("", "v1", "Namespace");
const GATEWAY: (&str, &str, &str) = ("networking.istio.io", "v1", "Gateway");

fn namespace(network: &str) -> Value {
    let labels = json!({"topology.istio.io/network": network});
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    json!({"metadata": {"name": "istio-system", "labels": labels, "annotations": annotations}})
}

#[test]
fn a_denial_says_what_where_against_what_and_what_to_do() {
    let (verdict, response) = ask(&captured!("004-ns-dryrun-update-namespace"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&response).unwrap(), @r#"
    {
      "uid": "7c0547d1-0a05-4b4c-a7d2-8b11fd486f54",
      "allowed": false,
      "status": {
        "status": "Failure",
        "message": "this contradicts the declaration of mesh `mdemo` for cluster `mdemo-cluster2`\nMW2101 at `metadata.labels[\"topology.istio.io/network\"]`: network `network-c3` is claimed where cluster `mdemo-cluster2` is declared on `network-c2`\n  found `network-c3`; declared `network-c2` in `intent/clusters/cluster2.yaml`, `spec.network`\n  accepted: set `metadata.labels[\"topology.istio.io/network\"]` to what is declared, `network-c2`, or change `spec.network` in `intent/clusters/cluster2.yaml` first",
        "reason": "Forbidden",
        "details": {
          "name": "istio-system",
          "kind": "namespaces",
          "causes": [
            {
              "reason": "FieldValueInvalid",
              "message": "MW2101: network `network-c3` is claimed where cluster `mdemo-cluster2` is declared on `network-c2`",
              "field": "metadata.labels[\"topology.istio.io/network\"]"
            }
          ]
        },
        "code": 403
      },
      "auditAnnotations": {
        "decision": "denied",
        "declaration": "mdemo@7",
        "policies": "MW2101"
      }
    }
    "#);
    assert_eq!((verdict.decision, verdict.reason, verdict.dry_run), ("denied", "contradicts", true));
    assert_eq!(verdict.object, "Namespace/istio-system");
    insta::assert_snapshot!(message(&response), @r#"
    this contradicts the declaration of mesh `mdemo` for cluster `mdemo-cluster2`
    MW2101 at `metadata.labels["topology.istio.io/network"]`: network `network-c3` is claimed where cluster `mdemo-cluster2` is declared on `network-c2`
      found `network-c3`; declared `network-c2` in `intent/clusters/cluster2.yaml`, `spec.network`
      accepted: set `metadata.labels["topology.istio.io/network"]` to what is declared, `network-c2`, or change `spec.network` in `intent/clusters/cluster2.yaml` first
    "#);
}

#[test]
fn a_dry_run_is_answered_alike() {
    let mut review = captured!("004-ns-dryrun-update-namespace");
    let dry = ask(&review).1;
    review["request"]["dryRun"] = false.into();
    assert_eq!(ask(&review).1, dry);
}

#[test]
fn what_a_cluster_sends_is_decided() {
    let mut wrong = Vec::new();
    for (name, review, expected) in [
        ("001", captured!("001-ns-create-create-namespace"), (true, "agrees")),
        ("002", captured!("002-ns-label-kubectl-update-namespace"), (false, "contradicts")),
        ("003", captured!("003-ns-ssa-flux-update-namespace"), (true, "agrees")),
        ("005", captured!("005-ns-label-remove-update-namespace"), (false, "removes")),
        ("006", captured!("006-iop-create-create-istiooperator"), (false, "contradicts")),
        ("007", captured!("007-iop-update-update-istiooperator"), (true, "warned")),
        ("008", captured!("008-gw-create-create-gateway"), (true, "warned")),
        ("009", captured!("009-gw-update-v1alpha3-update-gateway"), (false, "contradicts")),
        ("010", captured!("010-gw-delete-delete-gateway"), (true, "agrees")),
        ("011", captured!("011-svc-create-create-ipaddress"), (true, "unknown-kind")),
        ("012", captured!("012-svc-create-create-service"), (true, "agrees")),
        ("013", captured!("013-svc-status-update-service-status"), (true, "subresource")),
        ("014", captured!("014-cm-update-update-configmap"), (false, "contradicts")),
        ("015", captured!("015-secret-create-create-secret"), (true, "warned")),
        ("016", captured!("016-gwapi-create-create-gateway"), (true, "agrees")),
        ("017", captured!("017-pool-create-namespace"), (true, "agrees")),
        ("018", captured!("018-pool-create-ipaddresspool"), (true, "warned")),
        ("019", captured!("019-helmrelease-create-helmrelease"), (false, "contradicts")),
        ("020", captured!("020-sail-create-istio"), (false, "contradicts")),
        ("021", captured!("021-node-create-node"), (true, "agrees")),
        ("022", captured!("022-node-status-update-node-status"), (true, "subresource")),
        ("023", captured!("023-deploy-scale-create-deployment"), (true, "agrees")),
        ("024", captured!("024-deploy-scale-update-scale-scale"), (true, "unknown-kind")),
        ("025", captured!("025-ns-delete-delete-namespace"), (true, "agrees")),
        ("026", captured!("026-ns-finalize-update-namespace-finalize"), (true, "subresource")),
        ("027", captured!("027-gwcoll-delete-gateway"), (false, "removes")),
    ] {
        if reason(&review) != expected {
            wrong.push(format!("{name}: {:?}, not {expected:?}: {}", reason(&review), ask(&review).1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_served_version_is_judged() {
    for version in ["v1alpha3", "v1beta1", "v1", "v2"] {
        let object = json!({"metadata": {"name": "g", "namespace": "istio-system"}, "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [{"port": {"number": 15444}, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]}]}});
        let review = request("CREATE", ("networking.istio.io", version, "Gateway"), &object, &Value::Null);
        assert_eq!(reason(&review), (false, "contradicts"), "{version}");
    }
}

#[test]
fn an_old_fault_that_an_update_does_not_touch_is_a_warning() {
    let (old, mut new) = (namespace("network-c9"), namespace("network-c9"));
    new["metadata"]["labels"]["team"] = "a".into();
    let (verdict, response) = ask(&request("UPDATE", NAMESPACE, &new, &old));
    assert_eq!(verdict.reason, "warned");
    insta::assert_snapshot!(response["warnings"][0].as_str().unwrap(), @r#"was so before: MW2101 at `metadata.labels["topology.istio.io/network"]`: network `network-c9` is claimed where cluster …"#);
    assert!(response["warnings"][0].as_str().unwrap().chars().count() <= 120);
    assert_eq!(reason(&request("UPDATE", NAMESPACE, &namespace("network-c8"), &old)), (false, "contradicts"));
    assert_eq!(reason(&request("UPDATE", NAMESPACE, &namespace("network-c2"), &old)), (true, "agrees"));
}

#[test]
fn an_old_fault_is_known_again_where_a_list_grew() {
    let bad = json!({"port": {"number": 15444}, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]});
    let good = json!({"port": {"number": 15443}, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]});
    let gateway = |servers: Value| {
        json!({"metadata": {"name": "g", "namespace": "istio-system"},
            "spec": {"selector": {"istio": "eastwestgateway"}, "servers": servers}})
    };
    let (old, new) = (gateway(json!([bad])), gateway(json!([good, bad])));
    assert_eq!(reason(&request("UPDATE", GATEWAY, &new, &old)), (true, "warned"));
}

#[test]
fn what_partitions_the_mesh_is_not_deleted() {
    let service =
        |namespace: &str| json!({"metadata": {"name": "istio-eastwestgateway", "namespace": namespace}});
    let delete = |kind, object: &Value| ask(&request("DELETE", kind, &Value::Null, object));
    let (verdict, response) = delete(NAMESPACE, &namespace("network-c2"));
    assert_eq!(verdict.reason, "removes");
    insta::assert_snapshot!(message(&response), @"
    this contradicts the declaration of mesh `mdemo` for cluster `mdemo-cluster2`
    MW4103 at `metadata.name`: deleting `istio-system` takes cluster `mdemo-cluster2` out of mesh `mdemo`
      declared in `intent/mesh.yaml`, `spec.istio.namespace`
      accepted: change `spec.istio.namespace` in `intent/mesh.yaml` first: what is no longer declared may go
    ");
    let (verdict, response) = delete(("", "v1", "Service"), &service("istio-system"));
    assert_eq!(verdict.reason, "removes");
    insta::assert_snapshot!(message(&response), @"
    this contradicts the declaration of mesh `mdemo` for cluster `mdemo-cluster2`
    MW4103 at `metadata.name`: deleting Service `istio-eastwestgateway` closes the gateway by which other networks reach cluster `mdemo-cluster2`
      declared in `intent/clusters/cluster2.yaml`, `spec.gateways[0]`
      accepted: change `spec.gateways[0]` in `intent/clusters/cluster2.yaml` first: what is no longer declared may go
    ");
    assert_eq!(delete(("", "v1", "Service"), &service("shop")).0.decision, "allowed");
    let mut review = captured!("008-gw-create-create-gateway");
    review["request"]["oldObject"] = review["request"]["object"].take();
    review["request"]["operation"] = "DELETE".into();
    assert_eq!(reason(&review), (false, "removes"));
}

#[test]
fn what_gives_a_gateway_its_address_stays() {
    let delete = |kind: &'static str, name: &str, spec: Value| {
        let object = json!({"metadata": {"name": name, "namespace": "metallb-system"}, "spec": spec});
        reason(&request("DELETE", ("metallb.io", "v1beta1", kind), &Value::Null, &object))
    };
    let pool = || json!({"addresses": ["10.6.136.25-10.6.136.29"]});
    let announced = || json!({"ipAddressPools": ["first-pool"]});
    assert_eq!(delete("IPAddressPool", "first-pool", pool()), (false, "removes"));
    assert_eq!(delete("IPAddressPool", "web", json!({"addresses": ["10.6.136.60/32"]})), (true, "agrees"));
    assert_eq!(delete("L2Advertisement", "first-pool", announced()), (false, "removes"));
    assert_eq!(delete("L2Advertisement", "all", json!({})), (true, "agrees"));
    assert_eq!(delete("BGPAdvertisement", "first-pool", announced()), (true, "agrees"));
}

#[test]
fn clusters_that_istiod_serves_are_not_locked_out() {
    let serving = snapshot(vec![declared(|d| d["spec"]["controlPlane"]["servesOthers"] = true.into())]);
    let server =
        |number: u32| json!({"port": {"number": number}, "tls": {"mode": "PASSTHROUGH"}, "hosts": ["*"]});
    let gateway = |servers: Value| {
        json!({"metadata": {"name": "istiod-gateway", "namespace": "istio-system"},
            "spec": {"selector": {"istio": "eastwestgateway"}, "servers": servers}})
    };
    let both = gateway(json!([server(15012), server(15017)]));
    let asked = |operation, new: &Value| ask_of(&serving, &request(operation, GATEWAY, new, &both)).0.reason;
    assert_eq!(asked("DELETE", &Value::Null), "removes");
    assert_eq!(asked("UPDATE", &gateway(json!([server(15012)]))), "removes");
    assert_eq!(asked("UPDATE", &gateway(json!([server(15017), server(15012)]))), "agrees");
    assert_eq!(reason(&request("DELETE", GATEWAY, &Value::Null, &both)), (true, "agrees"));
}

#[test]
fn what_is_no_longer_declared_may_go() {
    let gone = snapshot(vec![declared(|d| d["spec"]["gateways"] = json!([]))]);
    let object = json!({"metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system"}});
    let review = request("DELETE", ("", "v1", "Service"), &Value::Null, &object);
    assert_eq!(ask_of(&gone, &review).0.decision, "allowed");
}

#[test]
fn an_exception_lowers_a_denial_until_it_expires() {
    let excused = |expires: &str| {
        snapshot(vec![declared(|d| {
            d["spec"]["exceptions"] = json!([{"code": "MW4103", "severity": "warning", "expires": expires,
                "objects": ["Service/istio-system/istio-eastwestgateway"], "reason": "moved by hand"}]);
        })])
    };
    let object = json!({"metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system"}});
    let review = request("DELETE", ("", "v1", "Service"), &Value::Null, &object);
    assert_eq!(ask_of(&excused("9999-12-31"), &review).0.reason, "warned");
    assert_eq!(ask_of(&excused("2020-01-01"), &review).0.reason, "removes");
}

#[test]
fn both_sides_of_a_transition_are_right_and_nothing_else_is() {
    let both = snapshot(vec![declared(|d| d["spec"]["previous"] = json!({"network": "network-old"}))]);
    for (network, right) in [("network-c2", true), ("network-old", true), ("network-c9", false)] {
        let review = request("CREATE", NAMESPACE, &namespace(network), &Value::Null);
        assert_eq!(ask_of(&both, &review).1["allowed"], right, "{network}");
    }
}

#[test]
fn a_status_is_judged_where_it_changes_a_claim() {
    let mut review = request("UPDATE", NAMESPACE, &namespace("network-c9"), &namespace("network-c2"));
    review["request"]["subResource"] = "status".into();
    assert_eq!(reason(&review), (false, "contradicts"));
    review["request"]["oldObject"] = review["request"]["object"].clone();
    assert_eq!(reason(&review), (true, "subresource"));
}

#[test]
fn istiod_s_self_test_passes() {
    // istio/istio: pkg/webhooks/validation/controller/controller.go, `invalid-gateway`.
    let object = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {
        "name": "invalid-gateway", "namespace": "istio-system", "labels": {"istio.io/rev": "default"},
        "annotations": {"istio.io/always-reject": "true"}}, "spec": {}});
    let mut review = request("CREATE", GATEWAY, &object, &Value::Null);
    review["request"]["dryRun"] = true.into();
    assert_eq!(reason(&review), (true, "agrees"));
    assert_eq!(ask(&review).1["warnings"], Value::Null);
}

#[test]
fn several_meshes_are_told_apart() {
    let other = declared(|d| {
        d["metadata"]["name"] = "other".into();
        d["spec"]["mesh"]["name"] = "other".into();
        d["spec"]["network"] = "network-other".into();
        d["spec"]["istio"]["namespace"] = "istio-other".into();
        d["spec"]["istio"]["revision"] = "other".into();
    });
    let both = snapshot(vec![declared(|_| {}), other]);
    let answer = |name: &str, network: &str| {
        let mut object = namespace(network);
        object["metadata"]["name"] = name.into();
        ask_of(&both, &request("CREATE", NAMESPACE, &object, &Value::Null)).1["allowed"].clone()
    };
    assert_eq!(answer("istio-system", "network-c2"), true);
    assert_eq!(answer("istio-system", "network-other"), false);
    assert_eq!(answer("istio-other", "network-other"), true);
    assert_eq!(answer("istio-other", "network-c2"), false);
    let values = |network: &str, namespace: &str| {
        let object = json!({"metadata": {"name": "i", "namespace": namespace, "labels": {"istio.io/rev": "other"}},
            "spec": {"values": {"global": {"network": network}}}});
        let kind = ("install.istio.io", "v1alpha1", "IstioOperator");
        ask_of(&both, &request("CREATE", kind, &object, &Value::Null)).1["allowed"].clone()
    };
    assert_eq!(values("network-other", "flux-system"), true);
    assert_eq!(values("network-c2", "flux-system"), false);
    // A control plane that names its namespace is that mesh's; one of neither is let be, and said.
    let named = |network: &str, plane: &str| {
        let object = json!({"metadata": {"name": "i", "namespace": "flux-system"},
            "spec": {"profile": "remote", "values": {"global": {"network": network, "istioNamespace": plane}}}});
        let kind = ("install.istio.io", "v1alpha1", "IstioOperator");
        let response = ask_of(&both, &request("CREATE", kind, &object, &Value::Null)).1;
        (response["allowed"].clone(), response["warnings"].to_string().contains("MW5116"))
    };
    assert_eq!(named("network-other", "istio-other"), (true.into(), false));
    assert_eq!(named("network-c2", "istio-other"), (false.into(), false));
    assert_eq!(named("network-c2", "istio-system"), (true.into(), false));
    assert_eq!(named("network-other", "istio-system"), (false.into(), false));
    assert_eq!(named("network-x", "external-istiod"), (true.into(), true));
}

#[test]
fn without_a_declaration_only_what_asserts_something_is_concerned() {
    let none = Snapshot { refused: vec!["`d.yaml` is not YAML".to_owned()], ..snapshot(Vec::new()) };
    let wrong = request("CREATE", NAMESPACE, &namespace("network-c9"), &Value::Null);
    let (verdict, response) = ask_of(&none, &wrong);
    assert_eq!((verdict.decision, verdict.reason), ("allowed", "no-declaration"));
    assert!(response["warnings"][0].as_str().unwrap().ends_with("none could be read"));
    let strict =
        |review: &Value| super::review(review.to_string().as_bytes(), &none, WithoutDeclaration::Deny);
    assert_eq!(strict(&wrong).decision, "denied");
    let plain = captured!("001-ns-create-create-namespace");
    assert_eq!(strict(&plain).reason, "asserts-nothing");
}

#[test]
fn broken_objects_are_refused_with_their_uid() {
    for object in [json!("x"), json!(7), json!([1]), Value::Null] {
        let review = request("CREATE", NAMESPACE, &object, &Value::Null);
        let (verdict, response) = ask(&review);
        assert_eq!((verdict.reason, &response["status"]["code"]), ("unreadable", &json!(400)), "{object}");
    }
    let odd = json!({"metadata": {"name": 7, "labels": [1], "annotations": "x"}, "spec": [], "status": 1});
    let mut review = request("CREATE", NAMESPACE, &odd, &Value::Null);
    review["request"]["name"] = "a".into();
    assert_eq!(reason(&review), (true, "agrees"));
    let deep = format!("{{\"spec\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let review = request("CREATE", NAMESPACE, &json!("OBJECT"), &Value::Null);
    let text = review.to_string().replace("\"OBJECT\"", &deep);
    let verdict =
        super::review(text.as_bytes(), &snapshot(vec![declared(|_| {})]), WithoutDeclaration::Allow);
    assert_eq!((verdict.reason, verdict.uid.as_str()), ("unreadable", "u"));
}

#[test]
fn a_thousand_faults_and_forged_lines_stay_readable() {
    let server = |n: usize| {
        json!({"port": {"number": 15443}, "tls": {"mode": "AUTO_PASSTHROUGH"},
            "hosts": [format!("{n}\n\u{1b}[31mallowed: true {}", "x".repeat(1000))]})
    };
    let servers: Vec<Value> = (0..2000).map(server).collect();
    let object = json!({"metadata": {"name": "g", "namespace": "istio-system"},
        "spec": {"selector": {"istio": "eastwestgateway"}, "servers": servers}});
    let (verdict, response) = ask(&request("CREATE", GATEWAY, &object, &Value::Null));
    assert_eq!(verdict.reason, "contradicts");
    let message = message(&response);
    assert!(message.ends_with("\nand 1980 more") && message.len() < 40_000, "{}", message.len());
    assert!(!message.contains('\u{1b}'));
    assert_eq!(response["status"]["details"]["causes"].as_array().unwrap().len(), 100);
}

#[test]
fn objects_about_other_clusters_are_judged_where_they_arrive() {
    let release = |extra: Value| {
        let mut spec =
            json!({"chart": {"spec": {"chart": "istiod"}}, "values": {"global": {"network": "network-c9"}}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let object = json!({"metadata": {"name": "istiod", "namespace": "flux-system"}, "spec": spec});
        request("CREATE", ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"), &object, &Value::Null)
    };
    assert_eq!(reason(&release(json!({}))), (false, "contradicts"));
    assert_eq!(reason(&release(json!({"kubeConfig": {"secretRef": {"name": "west"}}}))), (true, "elsewhere"));
}

/// A whole collection may be deleted without a name in the request; the object has it.
#[test]
fn a_deletion_without_a_name_is_known_by_its_object() {
    let object = json!({"metadata": {"name": "istio-eastwestgateway", "namespace": "istio-system"}});
    let mut review = request("DELETE", ("", "v1", "Service"), &Value::Null, &object);
    review["request"]["name"] = Value::Null;
    let (verdict, response) = ask(&review);
    assert_eq!(
        (verdict.reason, verdict.object.as_str()),
        ("removes", "Service/istio-system/istio-eastwestgateway")
    );
    assert_eq!(response["status"]["details"]["name"], "istio-eastwestgateway");
}

#[test]
fn declarations_that_cannot_be_read_are_told_and_the_self_test_is_refused() {
    let kind = ("meshwright.dev", "v1alpha1", "MeshDeclaration");
    let whole: Value = serde_yaml::from_str(DECLARATION).unwrap();
    assert_eq!(reason(&request("CREATE", kind, &whole, &Value::Null)), (true, "declaration"));
    let mut broken = whole.clone();
    broken["spec"]["network"] = json!({"not": "a name"});
    let (verdict, response) = ask(&request("UPDATE", kind, &broken, &whole));
    assert_eq!((verdict.decision, verdict.resource), ("allowed", "meshdeclarations"));
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("the webhook cannot read this and keeps what it has: "), "{warning}");
    let mut test = whole.clone();
    test["metadata"] =
        json!({"name": "meshwright-self-test", "annotations": {"meshwright.dev/self-test": "a1\n<b>"}});
    let (verdict, response) = ask_of(&snapshot(Vec::new()), &request("CREATE", kind, &test, &Value::Null));
    assert_eq!(
        (verdict.reason, message(&response)),
        ("self-test", "self-test a1b: this question has arrived, and is always refused")
    );
    assert_eq!(reason(&request("DELETE", kind, &Value::Null, &test)), (true, "declaration"));
}
