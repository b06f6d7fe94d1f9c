//! What is said of declarations in their status.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::time::Duration;

use meshwright_webhook::withdraw::{Withdrawal, withdraw};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::life::{RHYTHM, declaration, definition, until, until_in_force, webhook};

fn status(server: &ApiServer) -> Value {
    server.object("meshwright.dev", "meshdeclarations", "", "mdemo").unwrap()["status"].clone()
}

fn condition(server: &ApiServer, type_: &str) -> String {
    let status = status(server);
    let found =
        status["conditions"].as_array().and_then(|list| list.iter().find(|c| c["type"] == type_).cloned());
    found.map_or_else(String::new, |c| {
        format!(
            "{} {} @{}",
            c["status"].as_str().unwrap(),
            c["reason"].as_str().unwrap(),
            c["observedGeneration"]
        )
    })
}

fn writes(server: &ApiServer) -> usize {
    server
        .requests()
        .iter()
        .filter(|line| line.starts_with("PATCH") && line.contains("/mdemo/status"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_agree_on_a_status_and_leave_it_alone() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let running = [webhook(&server, RHYTHM).await, webhook(&server, RHYTHM).await];
    until("it was audited", || status(&server)["errors"] == 0).await;
    assert_eq!(status(&server)["observedGeneration"], 1);
    assert_eq!(condition(&server, "Ready"), "True InForce @1");
    assert_eq!(condition(&server, "Conforming"), "True Agrees @1");
    let since = running[0].store.snapshot().declared[0].since;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let settled = writes(&server);
    assert!(settled <= 6, "{settled} writes");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(writes(&server), settled, "nothing happened");
    assert_eq!(running[0].store.snapshot().declared[0].since, since, "a status is no declaration");
    server.put(declaration("network-c1"));
    until("the new generation is in force", || status(&server)["observedGeneration"] == 2).await;
    assert_eq!(condition(&server, "Ready"), "True InForce @2");
    let mut malformed = declaration("network-c1");
    malformed["spec"]["network"] = json!([]);
    server.put(malformed);
    until("it is malformed", || condition(&server, "Ready") == "False Malformed @2").await;
    assert_eq!(status(&server)["observedGeneration"], 2);
    until_in_force(&running[0], "mdemo@2 network-c1").await;
}

/// Flux waits for `observedGeneration` where there is one (kstatus), and nobody will write it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withdrawn_is_not_waited_for() {
    let server = ApiServer::start().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let running = webhook(&server, RHYTHM).await;
    until("it was audited", || status(&server)["errors"] == 0).await;
    let withdrawn = withdraw(server.client(), "meshwright-webhook").await.unwrap();
    assert_eq!((withdrawn.configuration, withdrawn.declarations), (Withdrawal::Absent, 1));
    assert_eq!(condition(&server, "Withdrawn"), "True Uninstalled @null");
    assert_eq!(status(&server).as_object().unwrap().keys().collect::<Vec<_>>(), ["conditions"]);
    assert_eq!(status(&server)["conditions"].as_array().unwrap().len(), 1);
    // A replica that still runs says nothing more, not even of a new generation.
    server.put(declaration("network-c1"));
    until_in_force(&running, "mdemo@2 network-c1").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(status(&server).as_object().unwrap().keys().collect::<Vec<_>>(), ["conditions"]);
    // One that comes later does.
    drop(running);
    let _later = webhook(&server, RHYTHM).await;
    until("it is in force again", || condition(&server, "Ready") == "True InForce @2").await;
    assert_eq!(condition(&server, "Withdrawn"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_could_not_be_written_is_written_later() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.fail("/mdemo/status", 500, 1);
    server.put(declaration("network-c2"));
    let running = webhook(&server, RHYTHM).await;
    until("it is ready", || condition(&server, "Ready") == "True InForce @1").await;
    assert_eq!(running.metric(r#"meshwright_status_writes_total{result="failed"}"#).await, 1.0);
    assert_eq!(running.ask(&crate::support::wrong()).await["allowed"], false);
}
