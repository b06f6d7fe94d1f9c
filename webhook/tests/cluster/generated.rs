//! The generated configuration, as an API server takes it: its rules, selectors and conditions decide who is asked.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use meshwright_policies::declaration::MeshDeclaration;
use meshwright_webhook::configuration::{FailurePolicy, Options, Scope, Target, build};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::api::ApiServer;
use crate::api_server;
use crate::life::{RHYTHM, declaration, definition, until_in_force, webhook};
use crate::support::{DECLARATION, Running};

fn generated(running: &Running) -> Value {
    let leaf = running.certificates.current().leaf().unwrap().to_vec();
    let leaf = serde_json::to_value(k8s_openapi::ByteString(leaf)).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", leaf.as_str().unwrap());
    let declaration: MeshDeclaration = serde_yaml::from_str(DECLARATION).unwrap();
    let options = Options {
        name: "meshwright-webhook".to_owned(),
        target: Target::Url(format!("https://localhost:{}", running.address.port())),
        authorities: pem.into_bytes(),
        failure_policy: FailurePolicy::Fail,
        conditions: true,
        excluded_namespaces: Vec::new(),
        timeout_seconds: 3,
        owner: None,
    };
    let mut object = serde_json::to_value(build(&options, &Scope::of([&declaration.spec]))).unwrap();
    object["apiVersion"] = "admissionregistration.k8s.io/v1".into();
    object["kind"] = "ValidatingWebhookConfiguration".into();
    object
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn service(name: &str, namespace: &str, labels: Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
    let spec = json!({"ports": [{"name": "tls", "port": 15443}], "selector": {"a": "b"}});
    json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
}

fn gateway(port: u32) -> Value {
    let server = json!({
        "port": {"number": port, "name": "tls", "protocol": "TLS"}, "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"],
    });
    json!({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway",
        "metadata": {"name": "cross-network-gateway", "namespace": "istio-system"},
        "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_carries_a_mark_is_asked_about_and_nothing_else() {
    let server = ApiServer::start().await;
    server.put(definition());
    let versions = ["v1", "v1beta1", "v1alpha3"];
    server.put(api_server::definition("networking.istio.io", "Gateway", "gateways", "Namespaced", &versions));
    server.put(namespace("istio-system", json!({})));
    server.put(namespace("shop", json!({})));
    server.put(declaration("network-c2"));
    let mut running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    server.put(generated(&running));
    let agent = Agent::new(server.client(), "agent");
    // A real API server takes a moment to learn of a configuration.
    let network = |name: &str| json!({"topology.istio.io/network": name});
    for _ in 0..100 {
        if agent.apply(&namespace("istio-system", network("network-c9")), true).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let code = async |object: &Value| match agent.apply(object, true).await {
        Ok(_) => 200,
        Err((code, _)) => code,
    };
    let (plain, marked) = (json!({}), network("network-c9"));
    let right = [
        namespace("istio-system", network("network-c2")),
        service("shop", "shop", plain.clone()),
        gateway(15443),
    ];
    let wrong = [
        namespace("istio-system", marked.clone()),
        service("istio-eastwestgateway", "istio-system", marked.clone()),
        gateway(15444),
    ];
    for object in &right {
        assert_eq!(code(object).await, 200, "{object}");
    }
    for object in &wrong {
        assert_eq!(code(object).await, 403, "{object}");
    }
    // With nobody to answer, what is about the mesh alone is refused, and what a cluster lives by is not.
    running.server.take().unwrap().leave(std::time::Duration::ZERO).await;
    assert_eq!(code(&gateway(15443)).await, 500);
    assert_eq!(code(&namespace("istio-system", network("network-c2"))).await, 500);
    for object in [
        service("istio-eastwestgateway", "istio-system", marked.clone()),
        service("shop", "shop", plain.clone()),
        namespace("shop", marked),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}}),
    ] {
        assert_eq!(code(&object).await, 200, "{object}");
    }
}
