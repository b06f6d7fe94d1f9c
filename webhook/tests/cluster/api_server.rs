//! The API server for tests behaves like a real one, where clients and webhooks depend on it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use hyper::Request;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{
    DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Error};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::rbac::Grant;
use crate::support::{Options, Running};

pub(crate) fn definition(group: &str, kind: &str, plural: &str, scope: &str, versions: &[&str]) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |(number, name): (usize, &&str)| {
        json!({
            "name": name, "served": true, "storage": number == 0, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": schema},
        })
    };
    let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": scope, "versions": versions, "names": {"kind": kind, "plural": plural}},
    })
}

fn gateways(version: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("networking.istio.io", version, "Gateway"),
        "gateways",
    )
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}});
    serde_json::from_value(object).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> u16 {
    match result {
        Err(Error::Api(status)) => status.code,
        other => panic!("{other:?}"),
    }
}

async fn next(events: &mut (impl Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Unpin)) -> String {
    let event = tokio::time::timeout(Duration::from_secs(5), events.try_next()).await.unwrap();
    match event {
        Ok(Some(WatchEvent::Added(object))) => format!("added {}", object.metadata.name.unwrap()),
        Ok(Some(WatchEvent::Modified(object))) => format!("modified {}", object.metadata.name.unwrap()),
        Ok(Some(WatchEvent::Deleted(object))) => format!("deleted {}", object.metadata.name.unwrap()),
        Ok(Some(WatchEvent::Bookmark(_))) => "bookmark".to_owned(),
        Ok(Some(WatchEvent::Error(status))) => format!("error {}", status.code),
        Ok(None) => "end".to_owned(),
        Err(_) => "broken".to_owned(),
    }
}

#[tokio::test]
async fn objects_have_versions_and_stale_writes_conflict() {
    let server = ApiServer::start().await;
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    let created = api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert!(created.metadata.uid.is_some() && created.metadata.creation_timestamp.is_some());
    assert_eq!(code(api.create(&PostParams::default(), &config_map("a", "1")).await), 409);
    let mut newer = created.clone();
    newer.data = config_map("a", "2").data;
    let replaced = api.replace("a", &PostParams::default(), &newer).await.unwrap();
    assert_ne!(replaced.metadata.resource_version, created.metadata.resource_version);
    assert_eq!(code(api.replace("a", &PostParams::default(), &newer).await), 409, "it is stale");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &config_map("b", "1")).await.unwrap();
    assert_eq!(code(api.get("b").await), 404);
    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(api.get("a").await), 404);
    let elsewhere: Api<ConfigMap> = Api::namespaced(server.client(), "nowhere");
    assert_eq!(code(elsewhere.create(&PostParams::default(), &config_map("a", "1")).await), 404);
}

#[tokio::test]
async fn patches_and_apply_keep_what_others_own() {
    let server = ApiServer::start().await;
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    let apply = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    let params = |manager: &str| PatchParams::apply(manager).force();
    let data = |object: ConfigMap| object.data.unwrap_or_default().into_iter().collect::<Vec<_>>();
    api.patch("a", &params("flux"), &Patch::Apply(apply(json!({"x": "1", "y": "1"})))).await.unwrap();
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"z": "1"}}))).await.unwrap();
    let after = api.patch("a", &params("flux"), &Patch::Apply(apply(json!({"x": "2"})))).await.unwrap();
    assert_eq!(data(after), [("x".to_owned(), "2".to_owned()), ("z".to_owned(), "1".to_owned())]);
    let patch = json!([{"op": "test", "path": "/data/x", "value": "2"}, {"op": "remove", "path": "/data/z"}]);
    let request = || {
        let request = Request::patch("/api/v1/namespaces/default/configmaps/a");
        let request = request.header("content-type", "application/json-patch+json");
        request.body(patch.to_string().into_bytes()).unwrap()
    };
    assert_eq!(data(server.client().request(request()).await.unwrap()).len(), 1);
    assert_eq!(code(server.client().request::<ConfigMap>(request()).await), 422);
}

#[tokio::test]
async fn a_status_is_a_part_of_its_own() {
    let server = ApiServer::start().await;
    server.put(definition("networking.istio.io", "Gateway", "gateways", "Namespaced", &["v1", "v1beta1"]));
    let old: Api<DynamicObject> = Api::namespaced_with(server.client(), "default", &gateways("v1beta1"));
    let new: Api<DynamicObject> = Api::namespaced_with(server.client(), "default", &gateways("v1"));
    let object = json!({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway", "metadata": {"name": "g"},
        "spec": {"selector": {}}, "status": {"lost": true},
    });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let created = old.create(&PostParams::default(), &object).await.unwrap();
    assert_eq!((created.metadata.generation, &created.data["status"]), (Some(1), &Value::Null));
    let status = json!({"status": {"seen": 1}, "spec": {"lost": true}});
    new.patch_status("g", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let seen = new.get("g").await.unwrap();
    assert_eq!(seen.types.unwrap().api_version, "networking.istio.io/v1");
    assert_eq!((seen.metadata.generation, &seen.data["status"]["seen"]), (Some(1), &json!(1)));
    assert_eq!(seen.data["spec"], json!({"selector": {}}));
    let patch = json!({"spec": {"selector": {"istio": "x"}}, "status": {"seen": 2}});
    let changed = new.patch("g", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    assert_eq!((changed.metadata.generation, &changed.data["status"]["seen"]), (Some(2), &json!(1)));
}

#[tokio::test]
async fn lists_come_in_pages_that_can_expire() {
    let server = ApiServer::with_faults().await;
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    for name in ["a", "b", "c"] {
        api.create(&PostParams::default(), &config_map(name, "1")).await.unwrap();
    }
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    let names = |list: &[ConfigMap]| list.iter().filter_map(|o| o.metadata.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first.items), ["a", "b"]);
    let token = first.metadata.continue_.unwrap();
    let second = api.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
    assert_eq!((names(&second.items), second.metadata.continue_), (vec!["c".to_owned()], None));
    api.create(&PostParams::default(), &config_map("d", "1")).await.unwrap();
    server.compact();
    assert_eq!(code(api.list(&ListParams::default().limit(2).continue_token(&token)).await), 410);
    let some = api.list(&ListParams::default().fields("metadata.name=d")).await.unwrap();
    assert_eq!(names(&some.items), ["d"]);
}

#[tokio::test]
async fn watches_tell_changes_and_end_in_every_way() {
    let server = ApiServer::with_faults().await;
    let api: Api<ConfigMap> = Api::namespaced(server.client(), "default");
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let watch =
        async |from: &str| api.watch(&WatchParams::default().timeout(20), from).await.unwrap().boxed();
    let mut events = watch(&start).await;
    api.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "2"}}))).await.unwrap();
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"k": "2"}}))).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(next(&mut events).await);
    }
    assert_eq!(seen, ["added a", "modified a", "deleted a", "bookmark"], "what changes nothing is no event");
    server.cut_connections();
    assert!(["broken", "end"].contains(&next(&mut events).await.as_str()));
    let mut events = watch(&start).await;
    assert_eq!(next(&mut events).await, "added a", "the past is told again");
    server.compact();
    while next(&mut events).await != "error 410" {}
    let mut events = watch(&start).await;
    assert_eq!(next(&mut events).await, "error 410");
    server.set_down(true);
    assert!(api.list(&ListParams::default()).await.is_err());
    server.set_down(false);
    server.fail("GET /api/v1/namespaces/default/configmaps", 500, 1);
    assert_eq!(code(api.get("a").await), 500);
    assert_eq!(code(api.get("a").await), 404);
}

#[tokio::test]
async fn a_token_may_do_what_it_was_granted() {
    let server = ApiServer::start().await;
    let rules = vec![json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]})];
    let grant = Grant { namespace: Some("default".to_owned()), rules };
    let api: Api<ConfigMap> = Api::namespaced(server.client_as("reader", vec![grant]), "default");
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 0);
    assert_eq!(code(api.create(&PostParams::default(), &config_map("a", "1")).await), 403);
    let everywhere: Api<ConfigMap> = Api::all(server.client_as("reader", Vec::new()));
    assert_eq!(code(everywhere.list(&ListParams::default()).await), 403);
}

/// A configuration that asks a running webhook about namespaces.
pub(crate) fn asking(running: &Running, policy: &str) -> Value {
    let leaf = running.certificates.current().leaf().unwrap().to_vec();
    let leaf = serde_json::to_value(k8s_openapi::ByteString(leaf)).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", leaf.as_str().unwrap());
    let bundle = k8s_openapi::ByteString(pem.into_bytes());
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "meshwright"},
        "webhooks": [{
            "name": "mesh.meshwright.dev", "failurePolicy": policy, "sideEffects": "NoneOnDryRun",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 3, "matchPolicy": "Equivalent",
            "clientConfig": {"url": format!("https://localhost:{}/validate", running.address.port()), "caBundle": bundle},
            "rules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"],
                 "operations": ["CREATE", "UPDATE", "DELETE"], "scope": "*"},
                {"apiGroups": ["networking.istio.io"], "apiVersions": ["v1"], "resources": ["gateways"],
                 "operations": ["CREATE"], "scope": "*"},
            ],
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]},
            ]},
        }],
    })
}

fn namespace(name: &str, network: &str) -> Namespace {
    let labels = json!({"topology.istio.io/network": network});
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
    serde_json::from_value(json!({"metadata": metadata})).unwrap()
}

#[tokio::test]
async fn webhooks_are_asked_and_their_answer_reaches_the_client() {
    let server = ApiServer::with_faults().await;
    let mut running = Running::start(Options::default()).await;
    server.put(asking(&running, "Fail"));
    let api: Api<Namespace> = Api::all(server.client());
    let Err(Error::Api(status)) =
        api.create(&PostParams::default(), &namespace("istio-system", "wrong")).await
    else {
        panic!("it was not refused")
    };
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    let start =
        "admission webhook \"mesh.meshwright.dev\" denied the request: this contradicts the declaration";
    assert!(status.message.starts_with(start), "{}", status.message);
    assert!(status.details.unwrap().causes[0].message.contains("MW2101"));
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].object.as_str()), (1, "Namespace//istio-system"));
    api.create(&PostParams::default(), &namespace("istio-system", "network-c2")).await.unwrap();
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let wrong = json!({"metadata": {"labels": {"topology.istio.io/network": "wrong"}}});
    assert_eq!(code(api.patch("istio-system", &dry, &Patch::Merge(&wrong)).await), 403);
    api.patch("kube-system", &PatchParams::default(), &Patch::Merge(&wrong)).await.unwrap();
    assert_eq!(server.asked().len(), 3, "the namespace selector leaves kube-system out");
    assert_eq!(code(api.delete("istio-system", &DeleteParams::default()).await), 403);
    // In another version than the rule's it is asked about in the rule's.
    server.put(definition("networking.istio.io", "Gateway", "gateways", "Namespaced", &["v1beta1", "v1"]));
    let old: Api<DynamicObject> = Api::namespaced_with(server.client(), "default", &gateways("v1beta1"));
    let object = json!({"metadata": {"name": "g"}, "spec": {"selector": {}, "servers": []}});
    old.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    assert_eq!(server.asked().last().unwrap().object, "Gateway/default/g");
    running.server.take().unwrap().leave(Duration::ZERO).await;
    assert_eq!(code(api.patch("istio-system", &PatchParams::default(), &Patch::Merge(&wrong)).await), 500);
    server.put(asking(&running, "Ignore"));
    api.patch("istio-system", &PatchParams::default(), &Patch::Merge(&wrong)).await.unwrap();
}
