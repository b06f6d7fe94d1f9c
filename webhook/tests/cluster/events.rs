//! Kubernetes Events on denials.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api_server::asking;
use crate::life::{RHYTHM, declaration, definition, until, until_in_force, webhook};
use crate::support::{captured, wrong};

async fn label(server: &ApiServer, network: &str, dry_run: bool) -> u16 {
    let query = if dry_run { "?dryRun=All" } else { "" };
    let request = hyper::Request::patch(format!("/api/v1/namespaces/istio-system{query}"));
    let request = request.header("content-type", "application/merge-patch+json");
    let patch = json!({"metadata": {"labels": {"topology.istio.io/network": network}}});
    let request = request.body(patch.to_string().into_bytes()).unwrap();
    match server.client().request::<Value>(request).await {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{error}"),
    }
}

/// A real API server has events of its own.
pub(crate) fn events(server: &ApiServer) -> Vec<Value> {
    let all = server.objects("events.k8s.io", "events").into_iter();
    all.filter(|event| event["reportingController"] == "meshwright.dev/webhook").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_told_once_and_counted() {
    let server = ApiServer::start().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
    let metadata = json!({"name": "istio-system", "annotations": annotations});
    let system = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    let uid = server.put(system)["metadata"]["uid"].clone();
    let running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    server.put(asking(&running, "Fail"));
    assert_eq!(label(&server, "wrong", true).await, 403, "a dry run is refused");
    assert_eq!(label(&server, "network-c2", false).await, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(events(&server), Vec::<Value>::new(), "and not told, and neither is what is allowed");
    assert_eq!(label(&server, "wrong", false).await, 403);
    until("it is told", || events(&server).len() == 1).await;
    let event = &events(&server)[0];
    assert_eq!(
        (&event["type"], &event["reason"], &event["action"]),
        (&json!("Warning"), &json!("MW2101"), &json!("Update"))
    );
    assert_eq!(event["metadata"]["namespace"], "default", "of an object without a namespace");
    assert_eq!((&event["regarding"]["name"], &event["regarding"]["uid"]), (&json!("istio-system"), &uid));
    assert_eq!(
        (&event["related"]["kind"], &event["related"]["name"]),
        (&json!("MeshDeclaration"), &json!("mdemo"))
    );
    assert_eq!(event["reportingController"], "meshwright.dev/webhook");
    assert!(event["note"].as_str().unwrap().contains("accepted: set `metadata.labels"), "{}", event["note"]);
    for _ in 0..2 {
        assert_eq!(label(&server, "wrong", false).await, 403);
    }
    until("it is counted", || events(&server)[0]["series"]["count"] == 3).await;
    assert_eq!(events(&server).len(), 1);
    assert_eq!(running.metric(r#"meshwright_events_total{result="written"}"#).await, 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_denials_is_answered_and_its_events_are_dropped() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    server.fail("/events", 500, 5);
    let mut review: Value = serde_json::from_slice(&wrong()).unwrap();
    review["request"]["dryRun"] = false.into();
    let mut connection = running.connect().await;
    for number in 0..100 {
        review["request"]["oldObject"]["metadata"]["uid"] = format!("u{number}").into();
        let answer = connection.post(review.to_string().into_bytes()).await.unwrap();
        assert!(answer.text().contains("MW2101"));
    }
    let count =
        async |result: &str| running.metric(&format!("meshwright_events_total{{result=\"{result}\"}}")).await;
    for _ in 0..200 {
        if count("written").await + count("failed").await + count("dropped").await >= 100.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count("failed").await, 5.0);
    assert!(count("dropped").await >= 60.0 && count("written").await >= 15.0);
    // What cannot be read names no object.
    let _denied = running.ask(&captured("025-ns-delete-delete-namespace")).await;
}
