//! Reviews over TLS, as an API server sends them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use std::sync::Arc;
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

/// A review of an object with so many servers, each with its claims: what makes most of a review.
fn of_servers(number: usize) -> Vec<u8> {
    let server = |number: usize| {
        json!({"port": {"number": 15443, "name": format!("p{number}"), "protocol": "TLS"},
            "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*"]})
    };
    let mut review: Value = serde_json::from_slice(&captured("008-gw-create-create-gateway")).unwrap();
    let servers: Vec<Value> = (0..number).map(server).collect();
    review["request"]["object"]["spec"] =
        json!({"selector": {"istio": "eastwestgateway"}, "servers": servers});
    review.to_string().into_bytes()
}

/// They take their turns, and all are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_thousands_of_parts_are_judged_one_after_another() {
    let running = Arc::new(Running::start(Options::default()).await);
    let review = Arc::new(of_servers(3000));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (running, review) = (Arc::clone(&running), Arc::clone(&review));
        asking.spawn(async move { running.ask(&review).await });
    }
    while let Some(response) = asking.join_next().await {
        let response = response.unwrap();
        assert_eq!(response["allowed"], false);
        // What is said of them has a bound.
        assert_eq!(response["status"]["details"]["causes"].as_array().unwrap().len(), 100);
        assert!(response["status"]["message"].as_str().unwrap().lines().count() < 100);
    }
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
    let answer = running.connect().await.post(of_servers(2000)).await.unwrap();
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

/// A review of CREATE about a Gateway, whose object is the text.
fn about(object: &str) -> Vec<u8> {
    let text = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-9","operation":"CREATE",
        "name":"g","namespace":"istio-system","kind":{"group":"networking.istio.io","version":"v1","kind":"Gateway"},
        "object":OBJECT}}"#;
    text.replace("OBJECT", object).into_bytes()
}

#[tokio::test]
async fn objects_that_try_to_break_the_reader_are_answered() {
    let limits = Limits { evaluation: Duration::from_secs(60), ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut connection = running.connect().await;
    let server = r#"{"port":{"number":15444},"tls":{"mode":"AUTO_PASSTHROUGH"},"hosts":["*.local"]}"#;
    let gateway = |servers: &str| {
        format!(
            r#"{{"metadata":{{"name":"g"}},"spec":{{"selector":{{"istio":"eastwestgateway"}},"servers":{servers}}}}}"#
        )
    };
    let many = format!("[{}]", vec![server; 5_000].join(","));
    let nested = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let keys: Vec<String> = (0..50_000).map(|n| format!("\"k{n}\":{n}")).collect();
    for (name, object, allowed) in [
        ("one server", gateway(&format!("[{server}]")), false),
        ("five thousand servers", gateway(&many), false),
        ("a deep value", gateway(&nested), false),
        ("a deep status, which nobody reads", format!(r#"{{"spec":{{}},"status":{nested}}}"#), true),
        ("many keys", format!(r#"{{"spec":{{{}}}}}"#, keys.join(",")), true),
        // The last one counts, as for the API server's own reader.
        (
            "a key twice, right at last",
            r#"{"spec":{"servers":[SERVER]},"spec":{}}"#.replace("SERVER", server),
            true,
        ),
        ("a number that no reader takes", format!(r#"{{"spec":{{"x":{}}}}}"#, "9".repeat(400)), false),
        ("unpaired surrogates", r#"{"spec":{"x":"\ud800"}}"#.to_owned(), false),
        (
            "a null character",
            r#"{"spec":{"selector":{"istio":"\u0000"},"servers":[{"hosts":["\u0000"]}]}}"#.to_owned(),
            true,
        ),
    ] {
        let start = std::time::Instant::now();
        let answer = connection.post(about(&object)).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text());
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (&body["response"]["uid"], &body["response"]["allowed"]),
            (&json!("u-9"), &json!(allowed)),
            "{name}"
        );
        assert!(answer.body.len() < 100_000, "{name}: {} bytes", answer.body.len());
        assert!(start.elapsed() < Duration::from_secs(60), "{name}: {:?}", start.elapsed());
    }
    // A uid twice is no uid: nobody could know which answer it is.
    let twice =
        String::from_utf8(about("{}")).unwrap().replace(r#""uid":"u-9","#, r#""uid":"u-9","uid":"u-8","#);
    assert_eq!(connection.post(twice.into_bytes()).await.unwrap().status, StatusCode::BAD_REQUEST);
    let mut invalid = about(r#"{"spec":{"x":"Y"}}"#);
    let at = invalid.iter().position(|byte| *byte == b'Y').unwrap();
    invalid[at] = 0xc3;
    let answer = connection.post(invalid).await.unwrap();
    assert!(
        answer.status == StatusCode::BAD_REQUEST || answer.text().contains("\"allowed\":false"),
        "{}",
        answer.text()
    );
    assert_eq!(connection.post(right()).await.unwrap().status, StatusCode::OK, "it still serves");
}

/// Both objects of an update, and all that is compared between them.
#[tokio::test]
async fn more_of_an_object_takes_as_much_more_time() {
    let limits = Limits { evaluation: Duration::from_secs(60), ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut connection = running.connect().await;
    let mut time = async |servers: usize| {
        let server = |port: usize| {
            format!(
                r#"{{"port":{{"number":{port}}},"tls":{{"mode":"AUTO_PASSTHROUGH"}},"hosts":["*.local"]}}"#
            )
        };
        let gateway = |first: usize| {
            let list: Vec<String> = (first..first + servers).map(server).collect();
            format!(
                r#"{{"spec":{{"selector":{{"istio":"eastwestgateway"}},"servers":[{}]}}}}"#,
                list.join(",")
            )
        };
        let objects = format!(r#"{},"oldObject":{}"#, gateway(16_000), gateway(20_000));
        let review = String::from_utf8(about(&objects)).unwrap().replace("CREATE", "UPDATE").into_bytes();
        let mut least = Duration::MAX;
        for _ in 0..3 {
            let start = std::time::Instant::now();
            assert_eq!(connection.post(review.clone()).await.unwrap().status, StatusCode::OK);
            least = least.min(start.elapsed());
        }
        least
    };
    let (one, eight) = (time(500).await, time(4_000).await);
    // Eight times as many: what compares each with each would take 64 times as long.
    assert!(eight < one * 30 + Duration::from_millis(50), "{one:?} for 500, {eight:?} for 4000");
}

#[tokio::test]
async fn a_body_of_another_type_is_not_read() {
    let running = Running::start(Options::default()).await;
    let raw = async |head: &str, body: &[u8]| {
        let mut stream = support::handshake(running.address, &running.client).await.unwrap();
        let head =
            format!("POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{head}\r\n", body.len());
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, body).await.unwrap();
        let mut answer = vec![0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let review = right();
    for (head, status) in [
        ("", "200"),
        ("Content-Type: application/json\r\n", "200"),
        ("Content-Type: Application/JSON; charset=utf-8\r\n", "200"),
        ("Content-Type: text/plain\r\n", "415"),
        ("Content-Type: application/x-protobuf\r\n", "415"),
    ] {
        assert_eq!(raw(head, &review).await, format!("HTTP/1.1 {status}"), "{head}");
    }
    let large = format!("X-Large: {}\r\n", "x".repeat(100_000));
    assert_eq!(raw(&large, b"").await, "HTTP/1.1 431");
    let many: String = (0..100).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(raw(&many, b"").await, "HTTP/1.1 431");
}
