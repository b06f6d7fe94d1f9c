//! What contradicts the declaration already is found: metrics, Events, status.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::time::Duration;

use meshwright_webhook::cluster::Rhythm;
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api_server;
use crate::life::{RHYTHM, declaration, definition, until, webhook};

fn namespace(name: &str, network: &str) -> Value {
    let labels = json!({"topology.istio.io/network": network});
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

fn events(server: &ApiServer) -> Vec<String> {
    let text = |event: &Value| {
        format!(
            "{} {} {} {}",
            event["action"].as_str().unwrap(),
            event["reason"].as_str().unwrap(),
            event["regarding"]["kind"].as_str().unwrap(),
            event["regarding"]["name"].as_str().unwrap(),
        )
    };
    crate::events::events(server).iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_already_is_reported_until_it_is_right() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(api_server::definition(
        "networking.istio.io",
        "Gateway",
        "gateways",
        "Namespaced",
        &["v1", "v1beta1"],
    ));
    // More than a page, and the wrong one on the last.
    for number in 0..300 {
        server.put(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("n{number}")}}),
        );
    }
    server.put(namespace("istio-system", "network-c1"));
    server.put(namespace("zz", "network-c2"));
    server.put(declaration("network-c2"));
    let rhythm = Rhythm { audit: Duration::from_secs(1), ..RHYTHM };
    let running = webhook(&server, rhythm).await;
    let status =
        || server.object("meshwright.dev", "meshdeclarations", "", "mdemo").unwrap()["status"].clone();
    until("the error is counted", || status()["errors"] == 1).await;
    let conforming =
        status()["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Conforming").cloned();
    assert_eq!(conforming.unwrap()["status"], "False");
    let found = r#"meshwright_audit_findings{policy="MW2101",severity="error"}"#;
    assert_eq!(running.metric(found).await, 1.0);
    assert_eq!(running.metric("meshwright_drift_objects").await, 1.0);
    assert!(running.metric("meshwright_audit_objects").await >= 304.0);
    until("it is told", || !events(&server).is_empty()).await;
    assert_eq!(events(&server), ["Audit MW2101 Namespace istio-system"]);
    let pages = || server.requests().iter().filter(|line| line.contains("/namespaces?&limit=100")).count();
    until("it is audited again", || pages() >= 8).await;
    assert_eq!(events(&server).len(), 1, "what was told is not told again");
    server.put(namespace("istio-system", "network-c2"));
    until("it is right", || status()["errors"] == 0).await;
    assert_eq!(running.metric(found).await, 0.0);
    assert_eq!(running.metric("meshwright_drift_objects").await, 0.0);
}

/// Each replica audits for itself, and each finds the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_tell_what_they_find_once() {
    let server = ApiServer::start().await;
    server.put(definition());
    server.put(namespace("istio-system", "network-c1"));
    server.put(declaration("network-c2"));
    let replicas = [webhook(&server, RHYTHM).await, webhook(&server, RHYTHM).await];
    let result = |result: &str| format!("meshwright_events_total{{result=\"{result}\"}}");
    let sum = async |of: &str| {
        let mut sum = 0.0;
        for replica in &replicas {
            sum += replica.metric(&result(of)).await;
        }
        sum
    };
    while sum("written").await + sum("known").await + sum("failed").await < 2.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((sum("written").await, sum("known").await), (1.0, 1.0));
    assert_eq!(events(&server), ["Audit MW2101 Namespace istio-system"]);
    // Nor does one that restarts; another fault of the object is told.
    drop(replicas);
    server.put(namespace("istio-system", "network-c9"));
    let again = webhook(&server, RHYTHM).await;
    while again.metric(&result("written")).await == 0.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(events(&server).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_that_fails_says_so_and_reports_nothing() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    server.fail("/services?", 403, 1000);
    let running = webhook(&server, RHYTHM).await;
    let failed = r#"meshwright_audit_failures_total{resource="services"}"#;
    while running.metric(failed).await == 0.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let status = server.object("meshwright.dev", "meshdeclarations", "", "mdemo").unwrap()["status"].clone();
    assert_eq!((&status["observedGeneration"], &status["errors"]), (&json!(1), &Value::Null));
    assert_eq!(running.metric("meshwright_audit_last_completion_timestamp_seconds").await, 0.0);
}

/// Kubernetes asks no webhook about webhooks, so that the audit alone sees what istiod did not fill in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_injection_webhook_without_its_bundle_is_counted_until_istiod_fills_it_in() {
    let server = ApiServer::start().await;
    server.put(definition());
    let injector = |bundle: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "istio-sidecar-injector", "labels": {"istio.io/rev": "default"}},
            "webhooks": [{
                "name": "rev.namespace.sidecar-injector.istio.io",
                "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "clientConfig": {"caBundle": bundle, "service": {
                    "name": "istiod", "namespace": "istio-system",
                    "path": "/inject/cluster/mdemo-cluster2/net/network-c2",
                }},
            }],
        })
    };
    server.put(injector(""));
    server.put(declaration("network-c2"));
    let running = webhook(&server, Rhythm { audit: Duration::from_secs(1), ..RHYTHM }).await;
    let found = r#"meshwright_audit_findings{policy="MW7116",severity="warning"}"#;
    while running.metric(found).await != 1.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.put(injector("LS0tLS1CRUdJTg=="));
    while running.metric(found).await != 0.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
