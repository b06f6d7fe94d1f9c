//! Reviews over TLS, as an API server sends them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use std::time::Duration;

use hyper::StatusCode;
use meshwright_webhook::server::Limits;
use serde_json::{Value, json};
use support::{Authority, Connection, Options, Running, captured, right, wrong};

#[tokio::test]
async fn a_contradicting_namespace_is_refused() {
    let running = Running::start(Options::default()).await;
    let response = running.ask(&wrong()).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    assert_eq!(response["status"]["reason"], "Forbidden");
    let message = response["status"]["message"].as_str().unwrap();
    for part in [
        "MW2101",
        "topology.istio.io/network",
        "`network-c3`",
        "`network-c2`",
        "intent/clusters/cluster2.yaml",
    ] {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
    assert_eq!(response["auditAnnotations"]["declaration"], "mdemo@7");
    let labels = r#"{decision="denied",reason="contradicts",resource="namespaces",dry_run="true"}"#;
    assert_eq!(running.metric(&format!("meshwright_admission_requests_total{labels}")).await, 1.0);
}

#[tokio::test]
async fn every_captured_review_is_answered_with_its_uid() {
    let running = Running::start(Options::default()).await;
    let mut connection = running.connect().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let review = captured(&name);
        let uid = serde_json::from_slice::<Value>(&review).unwrap()["request"]["uid"].clone();
        let answer = connection.post(review).await.unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &body["response"]["uid"]), (StatusCode::OK, &uid), "{name}");
        assert!(body["response"]["allowed"].is_boolean(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 27);
}

#[tokio::test]
async fn malformed_truncated_and_hostile_bodies_are_told_apart() {
    let running = Running::start(Options::default()).await;
    let mut connection = running.connect().await;
    let whole = wrong();
    for length in (0..whole.len()).step_by(97) {
        let answer = connection.post(whole[..length].to_vec()).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{length}");
    }
    for body in [vec![0xff; 1000], vec![b'['; 1_000_000], b"{\"a\":".repeat(100_000)] {
        assert_eq!(connection.post(body).await.unwrap().status, StatusCode::BAD_REQUEST);
    }
    let mut broken: Value = serde_json::from_slice(&whole).unwrap();
    broken["request"]["operation"] = json!({"x": 1});
    let answer = connection.post(broken.to_string().into_bytes()).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["response"]["uid"], broken["request"]["uid"]);
    assert_eq!(
        (&body["response"]["allowed"], &body["response"]["status"]["code"]),
        (&json!(false), &json!(400))
    );
    assert_eq!(
        connection.send("GET", "/validate", Vec::new()).await.unwrap().status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(connection.send("GET", "/", Vec::new()).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_eq!(
        connection.post(right()).await.unwrap().status,
        StatusCode::OK,
        "the same connection still serves"
    );
}

/// A review of some bytes that contradicts at its end.
fn padded(bytes: usize) -> Vec<u8> {
    let mut review: Value = serde_json::from_slice(&wrong()).unwrap();
    let object = &mut review["request"]["object"]["metadata"];
    object["annotations"]["padding"] = "x".repeat(bytes).into();
    object["managedFields"] = Value::Array(vec![json!({"f:a": [1, {"b": null}]}); 1000]);
    review.to_string().into_bytes()
}

#[tokio::test]
async fn large_bodies_are_judged_and_larger_ones_refused_clearly() {
    let running = Running::start(Options::default()).await;
    assert_eq!(running.ask(&padded(6_000_000)).await["allowed"], false);
    let mut connection = running.connect().await;
    let answer = connection.post(padded(9_000_000)).await.unwrap();
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.text(), "meshwright-webhook: a review may have 8388608 bytes; this one has more\n");
    let labels = r#"{decision="error",reason="too-large",resource="other",dry_run="false"}"#;
    assert_eq!(running.metric(&format!("meshwright_admission_requests_total{labels}")).await, 1.0);
}

#[tokio::test]
async fn a_decision_that_takes_too_long_says_so() {
    let limits = Limits { evaluation: Duration::from_nanos(1), ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let answer = running.connect().await.post(padded(6_000_000)).await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("took longer than 1ns"), "{}", answer.text());
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn load_beyond_the_limit_is_shed_with_a_reason() {
    let limits = Limits { reviews: 1, ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut connection = running.connect().await;
        clients.spawn(async move { connection.post(padded(2_000_000)).await.unwrap() });
    }
    let (mut decided, mut shed) = (0, 0);
    while let Some(answer) = clients.join_next().await {
        let answer = answer.unwrap();
        match answer.status {
            StatusCode::OK => decided += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.text().contains("1 reviews are being decided, and that is the limit"));
                assert_eq!(answer.headers["retry-after"], "1");
                shed += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(decided >= 1, "{decided} decided, {shed} shed");
    assert_eq!(running.ask(&wrong()).await["allowed"], false, "places come back");
}

#[tokio::test]
async fn only_clients_of_the_authority_are_served_when_one_is_named() {
    let (server, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let with = |identity| support::Authority::client(&server, identity);
    let (known, stranger, nobody) = (with(Some(clients.issue())), with(Some(strangers.issue())), with(None));
    let client_authorities = Some(clients.pem().into_bytes());
    let options = Options { authority: Some(server), client_authorities, ..Options::default() };
    let running = Running::start(options).await;
    let ask = async |client| match Connection::open(running.address, client).await {
        // With TLS 1.3 the refusal arrives after the client's side of the handshake.
        Ok(mut connection) => connection.post(right()).await.is_ok(),
        Err(_) => false,
    };
    assert!(ask(&known).await);
    assert!(!ask(&stranger).await);
    assert!(!ask(&nobody).await);
    assert_eq!(running.observe("/readyz").await.0, 200, "health is asked without a certificate");
}

#[tokio::test]
async fn a_changed_declaration_is_in_force_at_once() {
    let running = Running::start(Options::default()).await;
    let _watch = running.store.watch(Duration::from_secs(3600));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(running.ask(&wrong()).await["allowed"], false);
    let changed = support::DECLARATION.replace("network: network-c2\n", "network: network-c3\n");
    std::fs::write(running.directory.path().join("d.yaml"), changed).unwrap();
    for _ in 0..200 {
        if running.ask(&wrong()).await["allowed"] == true {
            assert_eq!(running.ask(&right()).await["allowed"], false);
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the changed declaration is not in force");
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let running =
        Running::start(Options { declaration: Some("a: [".to_owned()), ..Options::default() }).await;
    let (status, text) = running.observe("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.starts_with("[-] declarations: `") && text.contains("is not YAML"), "{text}");
    assert!(text.contains("\n[+] certificate: valid\n"), "{text}");
    assert_eq!(running.observe("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(running.metric("meshwright_declaration_refused_files").await, 1.0);
    std::fs::write(running.directory.path().join("d.yaml"), support::DECLARATION).unwrap();
    running.store.reload();
    let (status, text) = running.observe("/readyz").await;
    assert_eq!(
        (status, text.as_str()),
        (200, "[+] declarations: 1 in force\n[+] certificate: valid\n[+] serving: yes\n")
    );
    assert_eq!(running.metric(r#"meshwright_declaration_generation{mesh="mdemo"}"#).await, 7.0);
}
