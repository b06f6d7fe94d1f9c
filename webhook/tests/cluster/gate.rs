//! The webhook's configuration: made, proved through the API server, closed, opened, and never fought over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use meshwright_webhook::authority::Lives;
use meshwright_webhook::configuration::{FailurePolicy, MESH_WEBHOOK, Options, Scope, Target, build};
use meshwright_webhook::controller::{Controller, Fields, Proof, Settings};
use meshwright_webhook::self_test::self_test;
use meshwright_webhook::withdraw::{Withdrawal, withdraw};
use serde_json::{Value, json};

use crate::api::rbac::Grant;
use crate::api::{ApiServer, SERVICE_PORT};
use crate::api_server::definition;
use crate::certificates::{Replica, cluster, cluster_with_faults, replica};

const NAME: &str = "meshwright-webhook";

pub(crate) fn meshdeclarations() -> Value {
    definition("meshwright.dev", "MeshDeclaration", "meshdeclarations", "Cluster", &["v1alpha1"])
}

/// What differs from the defaults.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) fields: Fields,
    pub(crate) ignore: bool,
    pub(crate) owner: Option<&'static str>,
    pub(crate) client: Option<Client>,
}

fn options() -> Options {
    Options {
        name: NAME.to_owned(),
        target: Target::Service { namespace: "mw".to_owned(), name: "hook".to_owned(), port: SERVICE_PORT },
        authorities: Vec::new(),
        failure_policy: FailurePolicy::Ignore,
        conditions: true,
        excluded_namespaces: Vec::new(),
        timeout_seconds: 3,
        owner: None,
    }
}

pub(crate) fn controller(server: &ApiServer, one: &Replica, change: Change) -> Controller {
    let settings = Settings {
        options: options(),
        may_fail: !change.ignore,
        publishes: true,
        fields: change.fields,
        owner: change.owner.map(str::to_owned),
        interval: Duration::from_secs(3600),
    };
    let client = change.client.unwrap_or_else(|| server.client());
    let running = &one.running;
    let parts = (Arc::clone(&running.store), Arc::clone(&one.keeper.trust), Arc::clone(&running.metrics));
    Controller::new(client, settings, parts.0, parts.1, parts.2)
}

pub(crate) fn configuration(server: &ApiServer) -> Option<Value> {
    server.object("admissionregistration.k8s.io", "validatingwebhookconfigurations", "", NAME)
}

pub(crate) fn policy(server: &ApiServer) -> Option<String> {
    let webhooks = configuration(server)?["webhooks"].as_array().unwrap().clone();
    let mesh = webhooks.iter().find(|webhook| webhook["name"] == MESH_WEBHOOK).unwrap();
    Some(mesh["failurePolicy"].as_str().unwrap().to_owned())
}

/// What changes with every write of the configuration.
fn written(server: &ApiServer) -> Value {
    configuration(server).unwrap()["metadata"]["resourceVersion"].clone()
}

/// Rounds until the gate is as it should be. A real API server learns of a configuration a moment after it is stored, which
/// these tests' own does at once.
async fn rounds_until(server: &ApiServer, control: &mut Controller, wanted: &str) {
    for _ in 0..if server.is_real() { 100 } else { 1 } {
        let _proved = control.round().await.unwrap();
        if policy(server).as_deref() == Some(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the gate is {:?} and not {wanted}", policy(server));
}

/// What is answered, once the API server knows the configuration as it is stored.
async fn answered(server: &ApiServer, network: &str, wanted: u16) {
    let mut last = 0;
    for _ in 0..if server.is_real() { 100 } else { 1 } {
        last = code(put_on(server, network).await);
        if last == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{network} is answered {last} and not {wanted}");
}

/// A replica with its certificate, reached by the Service.
async fn serving(server: &ApiServer) -> Replica {
    let one = replica(server.client(), Lives::default()).await;
    one.keeper.round(SystemTime::now()).await.unwrap();
    server.serve("mw/hook", &[one.running.address]);
    one
}

pub(crate) async fn put_on(server: &ApiServer, network: &str) -> Result<Namespace, Error> {
    let api: Api<Namespace> = Api::all(server.client());
    let labels = json!({"topology.istio.io/network": network, "kubernetes.io/metadata.name": "istio-system"});
    let object = json!({"metadata": {"name": "istio-system", "labels": labels}});
    api.create(
        &PostParams { dry_run: true, ..PostParams::default() },
        &serde_json::from_value(object).unwrap(),
    )
    .await
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> u16 {
    match result {
        Err(Error::Api(status)) => status.code,
        Ok(_) => 200,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_closes_when_it_is_proved_and_opens_when_it_is_not() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let mut one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    // Nobody answers behind the Service: the configuration is there, and harmless.
    server.serve("mw/hook", &[]);
    for _ in 0..3 {
        assert!(!control.round().await.unwrap());
    }
    assert_eq!(policy(&server).as_deref(), Some("Ignore"));
    assert_eq!(code(put_on(&server, "network-c9").await), 200, "an open gate lets everything through");
    // Somebody does.
    server.serve("mw/hook", &[one.running.address]);
    rounds_until(&server, &mut control, "Fail").await;
    assert_eq!(one.running.metric("meshwright_configuration_fails_closed").await, 1.0);
    answered(&server, "network-c9", 403).await;
    assert_eq!(code(put_on(&server, "network-c2").await), 200);
    // The program is gone, and the gate is closed to what it judges; the cluster lives on.
    one.running.server.take().unwrap().leave(Duration::ZERO).await;
    answered(&server, "network-c2", 500).await;
    let services: Api<Service> = Api::namespaced(server.client(), "default");
    let labels = json!({"topology.istio.io/network": "network-c9"});
    let object = json!({"metadata": {"name": "s", "labels": labels}, "spec": {"ports": [{"port": 1}]}});
    services.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    for round in 1..=3 {
        assert_eq!(policy(&server).as_deref(), Some("Fail"), "round {round}");
        assert!(!control.round().await.unwrap());
    }
    assert_eq!(policy(&server).as_deref(), Some("Ignore"), "three proofs have failed");
    answered(&server, "network-c2", 200).await;
    assert_eq!(one.running.metrics.fails_closed.get(), 0);
    // Another replica takes over, with the same Secret.
    let two = serving(&server).await;
    let mut control = controller(&server, &two, Change::default());
    rounds_until(&server, &mut control, "Fail").await;
    answered(&server, "network-c9", 403).await;
}

/// istiod makes a `Gateway` as a dry run and wants to see it refused by its own webhook, and by no other
/// (istio/istio: `pkg/webhooks/validation/controller/controller.go`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn istiod_s_self_test_gets_through_a_closed_gate() {
    let server = cluster().await;
    server.put(meshdeclarations());
    server.put(definition("networking.istio.io", "Gateway", "gateways", "Namespaced", &["v1"]));
    let labels =
        json!({"topology.istio.io/network": "network-c2", "kubernetes.io/metadata.name": "istio-system"});
    let metadata = json!({"name": "istio-system", "labels": labels});
    server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    rounds_until(&server, &mut control, "Fail").await;
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "Gateway");
    let resource = ApiResource::from_gvk_with_plural(&kind, "gateways");
    let api: Api<DynamicObject> = Api::namespaced_with(server.client(), "istio-system", &resource);
    let create = async |name: &str, spec: Value| {
        let object = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": spec,
            "metadata": {"name": name, "namespace": "istio-system", "annotations": {"istio.io/always-reject": "true"}},
        });
        let params = PostParams { dry_run: true, ..PostParams::default() };
        code(api.create(&params, &serde_json::from_value(object).unwrap()).await)
    };
    // A Gateway is asked about: one that opens what is declared otherwise is refused.
    let tls = json!({"mode": "AUTO_PASSTHROUGH"});
    let port = json!({"number": 15443, "name": "tls", "protocol": "TLS"});
    let wrong = json!({"selector": {"istio": "eastwestgateway"}, "servers": [{"port": port, "tls": tls, "hosts": ["*"]}]});
    let mut asked = 0;
    for _ in 0..if server.is_real() { 100 } else { 1 } {
        asked = create("wrong", wrong.clone()).await;
        if asked == 403 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(asked, 403);
    assert_eq!(create("invalid-gateway", json!({})).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_declarations_moves_nothing() {
    let server = cluster().await;
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    for _ in 0..4 {
        assert!(!control.round().await.unwrap());
    }
    assert_eq!(policy(&server).as_deref(), Some("Ignore"));
    let unknown = one.running.metric(r#"meshwright_self_tests_total{result="unknown"}"#).await;
    assert_eq!(unknown, 4.0);
    server.put(meshdeclarations());
    rounds_until(&server, &mut control, "Fail").await;
}

#[tokio::test]
async fn what_says_nothing_moves_nothing() {
    let server = cluster_with_faults().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    control.round().await.unwrap();
    assert_eq!(policy(&server).as_deref(), Some("Fail"));
    // The API server has its own troubles.
    server.fail("PATCH /apis/meshwright.dev", 500, 5);
    for _ in 0..5 {
        let _unproved = control.round().await;
    }
    assert_eq!(policy(&server).as_deref(), Some("Fail"));
    server.set_down(true);
    assert!(control.round().await.is_err());
    server.set_down(false);
    let unknown = one.running.metric(r#"meshwright_self_tests_total{result="unknown"}"#).await;
    assert_eq!(unknown, 5.0);
    // A conflict is tried again from the start.
    let mut object = configuration(&server).unwrap();
    object["webhooks"][0]["timeoutSeconds"] = 30.into();
    server.put(object);
    server.fail("PUT /apis/admissionregistration.k8s.io", 409, 2);
    control.round().await.unwrap();
    assert_eq!(configuration(&server).unwrap()["webhooks"][0]["timeoutSeconds"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_may_not_close_does_not() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change { ignore: true, ..Change::default() });
    assert!(control.round().await.unwrap());
    assert_eq!(policy(&server).as_deref(), Some("Ignore"));
    // It still refuses while it answers.
    answered(&server, "network-c9", 403).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_do_not_fight() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let (one, two) = (serving(&server).await, serving(&server).await);
    server.serve("mw/hook", &[one.running.address, two.running.address]);
    let mut a = controller(&server, &one, Change::default());
    let mut b = controller(&server, &two, Change::default());
    for _ in 0..100 {
        let (a, b) = futures::future::join(a.round(), b.round()).await;
        a.and(b).unwrap();
        if policy(&server).as_deref() == Some("Fail") {
            break;
        }
    }
    assert_eq!(policy(&server).as_deref(), Some("Fail"));
    for _ in 0..5 {
        let (a, b) = futures::future::join(a.round(), b.round()).await;
        a.and(b).unwrap();
    }
    let generation = configuration(&server).unwrap()["metadata"]["generation"].as_i64().unwrap();
    assert!(generation <= 3, "{generation} states for two facts");
    let settled = written(&server);
    for _ in 0..5 {
        let (a, b) = futures::future::join(a.round(), b.round()).await;
        a.and(b).unwrap();
    }
    assert_eq!(written(&server), settled, "what is in order is only read");
}

/// What the role of the program has to allow, and no more: one name each, but for making the configuration.
fn grants() -> Vec<Grant> {
    let rules = vec![
        json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingwebhookconfigurations"],
            "verbs": ["create"]}),
        json!({"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingwebhookconfigurations"],
            "verbs": ["get", "update"], "resourceNames": [NAME]}),
        json!({"apiGroups": ["meshwright.dev"], "resources": ["meshdeclarations"], "verbs": ["create", "patch"],
            "resourceNames": ["meshwright-self-test"]}),
        json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["get"],
            "resourceNames": ["hook"]}),
    ];
    vec![Grant { namespace: None, rules }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_role_is_enough_and_the_configuration_goes_with_it() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "hook"}});
    let uid = server.put(role)["metadata"]["uid"].clone();
    let one = serving(&server).await;
    let client = Some(server.client_as("hook", grants()));
    let mut control = controller(&server, &one, Change { owner: Some("hook"), client, ..Change::default() });
    rounds_until(&server, &mut control, "Fail").await;
    let owner = &configuration(&server).unwrap()["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["name"], &owner["kind"], &owner["uid"]),
        (&"hook".into(), &"ClusterRole".into(), &uid)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_gate_stays_open_until_it_is_made_anew() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    rounds_until(&server, &mut control, "Fail").await;
    assert_eq!(self_test(&server.client(), Duration::ZERO).await, Proof::Refused);

    assert_eq!(withdraw(server.client(), NAME).await.unwrap().configuration, Withdrawal::Opened);
    for _ in 0..2 {
        assert!(control.round().await.unwrap(), "what it is asked, it still refuses");
        assert_eq!(policy(&server).as_deref(), Some("Ignore"));
    }
    let api: Api<ValidatingWebhookConfiguration> = Api::all(server.client());
    api.delete(NAME, &DeleteParams::default()).await.unwrap();
    assert_eq!(withdraw(server.client(), NAME).await.unwrap().configuration, Withdrawal::Absent);
    // A real API server learns of that a moment later.
    for _ in 0..100 {
        if self_test(&server.client(), Duration::ZERO).await != Proof::Refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_ne!(self_test(&server.client(), Duration::ZERO).await, Proof::Refused);
    rounds_until(&server, &mut control, "Fail").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_additions_stay_but_for_istiod_s_label() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    control.round().await.unwrap();
    let mut object = configuration(&server).unwrap();
    object["metadata"]["labels"]["team"] = "a".into();
    object["metadata"]["labels"]["istio.io/rev"] = "default".into();
    object["webhooks"][0]["rules"] = json!([]);
    server.put(object);
    control.round().await.unwrap();
    let object = configuration(&server).unwrap();
    assert_eq!(object["metadata"]["labels"]["team"], "a");
    assert_eq!(object["metadata"]["labels"]["istio.io/rev"], Value::Null);
    assert_ne!(object["webhooks"][0]["rules"], json!([]), "a narrowed gate is widened again");
    // Deleted by somebody: made again.
    server.remove("admissionregistration.k8s.io", "validatingwebhookconfigurations", "", NAME);
    rounds_until(&server, &mut control, "Fail").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_release_has_the_last_word() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change::default());
    control.round().await.unwrap();
    let mut object = configuration(&server).unwrap();
    object["metadata"]["annotations"]["meshwright.dev/version"] = "99.0.0".into();
    object["webhooks"][0]["timeoutSeconds"] = 5.into();
    server.put(object);
    let before = written(&server);
    control.round().await.unwrap();
    assert_eq!(written(&server), before);
    assert_eq!(configuration(&server).unwrap()["webhooks"][0]["timeoutSeconds"], 5);
}

/// Flux or Argo CD applies the printed configuration, without the fields that are this program's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_and_the_program_own_different_fields() {
    let server = cluster().await;
    server.put(meshdeclarations());
    let one = serving(&server).await;
    let mut control = controller(&server, &one, Change { fields: Fields::Trust, ..Change::default() });
    control.round().await.unwrap();
    assert_eq!(configuration(&server), None, "making it is the agent's work");
    let declared = one.running.store.snapshot();
    let scope = Scope::of(declared.declared.iter().map(|declared| &declared.declaration.spec));
    let mut printed = serde_json::to_value(build(&options(), &scope)).unwrap();
    for webhook in printed["webhooks"].as_array_mut().unwrap() {
        webhook.as_object_mut().unwrap().remove("failurePolicy");
    }
    printed["apiVersion"] = "admissionregistration.k8s.io/v1".into();
    printed["kind"] = "ValidatingWebhookConfiguration".into();
    let api: Api<ValidatingWebhookConfiguration> = Api::all(server.client());
    let apply = async || {
        let params = PatchParams::apply("flux").force();
        api.patch(NAME, &params, &Patch::Apply(&printed)).await.unwrap();
    };
    apply().await;
    // API servers make `Fail` of a policy that nobody sets (Kubernetes: `k8s.io/api/admissionregistration/v1/types.go`).
    if !server.is_real() {
        let mut object = configuration(&server).unwrap();
        for webhook in object["webhooks"].as_array_mut().unwrap() {
            webhook["failurePolicy"] = "Fail".into();
        }
        server.put(object);
    }
    assert_eq!(policy(&server).as_deref(), Some("Fail"));
    server.serve("mw/hook", &[]);
    control.round().await.unwrap();
    assert_eq!(policy(&server).as_deref(), Some("Ignore"), "nothing has proved that it may be closed");
    server.serve("mw/hook", &[one.running.address]);
    rounds_until(&server, &mut control, "Fail").await;
    let after = configuration(&server).unwrap();
    assert!(after["webhooks"][0]["clientConfig"]["caBundle"].is_string());
    let before = written(&server);
    control.round().await.unwrap();
    assert_eq!(written(&server), before);
}
