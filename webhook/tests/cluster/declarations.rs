//! Declarations from the API server, through everything that happens to a watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use meshwright_webhook::cluster::Rhythm;
use serde_json::json;
use tokio::task::JoinSet;

use crate::api::ApiServer;
use crate::life::{RHYTHM, declaration, definition, in_force, until, until_in_force, webhook};
use crate::support::{Connection, observe, right, wrong};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_definition_is_waited_for() {
    let server = ApiServer::start().await;
    let running = webhook(&server, RHYTHM).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, text) = running.observe("/readyz").await;
    assert_eq!((status, text.contains("[-] declarations")), (503, true), "{text}");
    assert_eq!(running.ask(&wrong()).await["allowed"], true, "nothing is known");
    server.put(definition());
    until("it is in sync", || running.store.snapshot().synced).await;
    assert_eq!(running.observe("/readyz").await.0, 200);
    server.put(declaration("network-c2"));
    until_in_force(&running, "mdemo@1 network-c2").await;
    assert_eq!(running.ask(&wrong()).await["allowed"], false);
    server.remove("apiextensions.k8s.io", "customresourcedefinitions", "", "meshdeclarations.meshwright.dev");
    until_in_force(&running, "").await;
    until("the definition is gone", || !server.knows("meshwright.dev", "MeshDeclaration")).await;
    server.put(definition());
    server.put(declaration("network-c2"));
    until_in_force(&running, "mdemo@1 network-c2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_declaration_keeps_the_last_good_one_and_hides_no_other() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    let mut malformed = declaration("network-c2");
    malformed["spec"]["network"] = json!({"not": "a name"});
    server.put(malformed.clone());
    let refused = |running: &crate::support::Running| running.store.snapshot().refused.clone();
    until("it is refused", || !refused(&running).is_empty()).await;
    assert!(refused(&running)[0].contains("`mdemo` holds a MeshDeclaration that cannot be read"));
    assert_eq!(in_force(&running), "mdemo@1 network-c2");
    assert_eq!(running.metric("meshwright_declaration_refused_files").await, 1.0);
    assert_eq!(running.observe("/readyz").await.0, 200);
    let mut other = declaration("network-c2");
    other["metadata"]["name"] = "other".into();
    other["spec"]["mesh"]["name"] = "other".into();
    server.put(other);
    until_in_force(&running, "mdemo@1 network-c2, other@1 network-c2").await;
    server.put(declaration("network-c1"));
    until_in_force(&running, "mdemo@3 network-c1, other@1 network-c2").await;
    assert_eq!(running.metric("meshwright_declaration_refused_files").await, 0.0);
    assert_eq!(running.metric(r#"meshwright_declaration_generation{mesh="mdemo"}"#).await, 3.0);
    server.remove("meshwright.dev", "meshdeclarations", "", "mdemo");
    until_in_force(&running, "other@1 network-c2").await;
    // One that starts now, with nothing good to keep, serves nevertheless.
    server.put(malformed);
    let fresh = webhook(&server, RHYTHM).await;
    until_in_force(&fresh, "other@1 network-c2").await;
    assert_eq!(fresh.observe("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_changes_nothing_and_is_made_up_for() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    server.cut_connections();
    server.put(declaration("network-c1"));
    until_in_force(&running, "mdemo@2 network-c1").await;
    server.set_down(true);
    let connected = async || running.metric("meshwright_declaration_watch_connected").await;
    while connected().await != 0.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.put(declaration("network-c2"));
    assert_eq!(running.observe("/readyz").await.0, 200, "it serves on");
    assert_eq!(in_force(&running), "mdemo@2 network-c1");
    server.set_down(false);
    until_in_force(&running, "mdemo@3 network-c2").await;
    // The past is forgotten while the declaration goes.
    server.set_down(true);
    server.remove("meshwright.dev", "meshdeclarations", "", "mdemo");
    server.compact();
    server.set_down(false);
    until_in_force(&running, "").await;
    server.put(declaration("network-c2"));
    until_in_force(&running, "mdemo@1 network-c2").await;
    server.compact();
    server.put(declaration("network-c1"));
    until_in_force(&running, "mdemo@2 network-c1").await;
    assert!(running.metric(r#"meshwright_declaration_watch_failures_total{result="expired"}"#).await >= 1.0);
    server.fail("/meshdeclarations", 500, 3);
    server.cut_connections();
    server.put(declaration("network-c2"));
    until_in_force(&running, "mdemo@3 network-c2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_listed_again_from_time_to_time() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let rhythm = Rhythm { resync: Duration::from_millis(300), ..RHYTHM };
    let running = webhook(&server, rhythm).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    let since = running.store.snapshot().declared[0].since;
    let lists = || {
        let listed = |line: &&String| line.contains("/meshdeclarations?") && !line.contains("watch=");
        server.requests().iter().filter(listed).count()
    };
    until("it was listed four times", || lists() >= 4).await;
    assert_eq!(running.store.snapshot().declared[0].since, since, "the same is no change");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_and_leaving_under_load_fail_no_request() {
    let server = ApiServer::with_faults().await;
    server.put(definition());
    server.put(declaration("network-c2"));
    let mut running = webhook(&server, RHYTHM).await;
    until_in_force(&running, "mdemo@1 network-c2").await;
    let (ready, denied) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..3 {
        let (address, config) = (running.address, Arc::clone(&running.client));
        let (ready, denied) = (Arc::clone(&ready), Arc::clone(&denied));
        clients.spawn(async move {
            while ready.load(Ordering::SeqCst) {
                let mut connection = Connection::open(address, &config).await.expect("a connection failed");
                loop {
                    let answer = connection.post(wrong()).await.expect("a request failed");
                    assert_eq!(answer.status, StatusCode::OK);
                    assert!(
                        answer.text().contains("MW2101"),
                        "no moment without a declaration: {}",
                        answer.text()
                    );
                    denied.fetch_add(1, Ordering::SeqCst);
                    if answer.closes() {
                        break;
                    }
                }
            }
        });
    }
    let (watched, address) = (Arc::clone(&ready), running.metrics_address);
    let endpoints = tokio::spawn(async move {
        while observe(address, "/readyz").await.is_ok_and(|(status, _)| status == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        watched.store(false, Ordering::SeqCst);
    });
    for _ in 0..5 {
        server.cut_connections();
        server.compact();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let before = denied.load(Ordering::SeqCst);
    running.server.take().unwrap().leave(Duration::from_millis(500)).await;
    endpoints.await.unwrap();
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(before > 0 && denied.load(Ordering::SeqCst) > before);
    // The next one is not ready before it knows what is declared.
    server.fail("/meshdeclarations", 500, 2);
    let next = webhook(&server, RHYTHM).await;
    assert_eq!(next.observe("/readyz").await.0, 503);
    until_in_force(&next, "mdemo@1 network-c2").await;
    assert_eq!(next.observe("/readyz").await.0, 200);
    assert_eq!(next.ask(&right()).await["allowed"], true);
}
