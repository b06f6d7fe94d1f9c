//! Connections under stress: certificates swapped, the program leaving, clients that are slow on purpose.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use meshwright_webhook::server::Limits;
use support::{Authority, Connection, Options, Running, handshake, observe, right, wrong};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_swapped_under_load_without_a_failure() {
    let authority = Authority::new();
    let pairs: Vec<_> = (0..6).map(|_| authority.issue()).collect();
    let running = Running::start(Options { authority: Some(authority), ..Options::default() }).await;
    let _watch = running.certificates.watch(Duration::from_secs(3600));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for keeps in [true, true, false, false] {
        let (stop, address, config) = (Arc::clone(&stop), running.address, Arc::clone(&running.client));
        clients.spawn(async move {
            let mut leaves = std::collections::BTreeSet::new();
            let mut connection = Connection::open(address, &config).await.unwrap();
            let mut count = 0;
            while !stop.load(Ordering::SeqCst) {
                if !keeps {
                    connection = Connection::open(address, &config).await.unwrap();
                }
                leaves.insert(connection.leaf.clone());
                assert_eq!(connection.post(right()).await.unwrap().status, StatusCode::OK);
                count += 1;
            }
            (count, if keeps { 0 } else { leaves.len() })
        });
    }
    let at = running.directory.path();
    for (chain, key) in &pairs {
        let before = running.certificates.current().leaf().cloned();
        std::fs::write(at.join("new.crt"), chain).unwrap();
        std::fs::write(at.join("new.key"), key).unwrap();
        // Between the two renames the files do not go together; that is never served.
        std::fs::rename(at.join("new.crt"), at.join("tls.crt")).unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        std::fs::rename(at.join("new.key"), at.join("tls.key")).unwrap();
        let start = Instant::now();
        while running.certificates.current().leaf().cloned() == before {
            assert!(start.elapsed() < Duration::from_secs(20), "the certificate was not swapped");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let (mut requests, mut leaves) = (0, 0);
    while let Some(client) = clients.join_next().await {
        let (count, seen) = client.unwrap();
        requests += count;
        leaves = leaves.max(seen);
    }
    assert!(requests > 50, "{requests} requests");
    assert!(leaves >= 3, "clients saw {leaves} certificates");
    assert_eq!(running.metric(r#"meshwright_tls_handshakes_total{result="failed"}"#).await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_under_load_fails_no_request() {
    let mut running = Running::start(Options::default()).await;
    let (ready, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for reconnects in [false, false, true, true] {
        let (address, config) = (running.address, Arc::clone(&running.client));
        let (ready, answered) = (Arc::clone(&ready), Arc::clone(&answered));
        // Like an API server behind a Service: no new connection once the endpoint is not ready.
        clients.spawn(async move {
            while ready.load(Ordering::SeqCst) {
                let mut connection = Connection::open(address, &config).await.expect("a connection failed");
                loop {
                    let answer = connection.post(wrong()).await.expect("a request failed");
                    assert_eq!(answer.status, StatusCode::OK);
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.closes() || reconnects {
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
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = answered.load(Ordering::SeqCst);
    let start = Instant::now();
    running.server.take().unwrap().leave(Duration::from_secs(1)).await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    endpoints.await.unwrap();
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(before > 0 && answered.load(Ordering::SeqCst) > before);
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_is_answered_even_when_leaving_without_delay() {
    let mut running = Running::start(Options::default()).await;
    let mut busy = running.connect().await;
    let mut silent = running.connect().await;
    assert!(!silent.post(right()).await.unwrap().closes());
    let client = tokio::spawn(async move {
        loop {
            let answer = busy.post(wrong()).await.expect("a request failed");
            if answer.closes() {
                return;
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    running.server.take().unwrap().leave(Duration::ZERO).await;
    client.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "a silent connection holds nobody up");
    assert!(silent.post(right()).await.is_err());
}

#[tokio::test]
async fn slow_clients_lose_their_place() {
    let limits = Limits {
        connections: 6,
        handshake: Duration::from_millis(300),
        header: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut slow = Vec::new();
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
        let mut headers = handshake(running.address, &running.client).await.unwrap();
        headers.write_all(b"POST /validate HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        slow.push(headers);
        let mut body = handshake(running.address, &running.client).await.unwrap();
        body.write_all(b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        slow.push(body);
    }
    let start = Instant::now();
    assert_eq!(running.ask(&wrong()).await["allowed"], false);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let mut texts = Vec::new();
    for mut stream in slow {
        let mut text = Vec::new();
        let _closed =
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut text)).await.unwrap();
        texts.push(String::from_utf8(text).unwrap());
    }
    for texts in texts.chunks(2) {
        assert_eq!(texts[0], "", "headers");
        assert!(texts[1].starts_with("HTTP/1.1 408 "), "{}", texts[1]);
    }
    assert_eq!(running.metric(r#"meshwright_tls_handshakes_total{result="timeout"}"#).await, 2.0);
    assert!(running.metric(r#"meshwright_connection_timeouts_total{result="headers"}"#).await >= 2.0);
}

#[tokio::test]
async fn a_connection_may_be_silent_for_longer_than_headers_may_take() {
    let limits =
        Limits { header: Duration::from_millis(200), idle: Duration::from_millis(1500), ..Limits::default() };
    let running = Running::start(Options { limits, ..Options::default() }).await;
    let mut connection = running.connect().await;
    for _ in 0..2 {
        assert_eq!(connection.post(right()).await.unwrap().status, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert_eq!(connection.post(right()).await.unwrap().status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(connection.post(right()).await.is_err(), "but not for ever");
    assert_eq!(running.metric(r#"meshwright_connection_timeouts_total{result="idle"}"#).await, 1.0);
}

#[tokio::test]
async fn tls_1_1_and_plain_http_are_not_spoken() {
    let running = Running::start(Options::default()).await;
    let mut plain = TcpStream::connect(running.address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _closed = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"));
    // A ClientHello of TLS 1.1 with one cipher and no extension.
    let mut old = TcpStream::connect(running.address).await.unwrap();
    let mut hello = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0, 0, 0]);
    hello[4] = u8::try_from(hello.len() - 5).unwrap();
    hello[8] = u8::try_from(hello.len() - 9).unwrap();
    old.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    let _closed = old.read_to_end(&mut answer).await;
    assert_eq!(answer.first(), Some(&21), "an alert, not a handshake: {answer:?}");
}

#[tokio::test]
async fn where_a_client_has_to_show_a_certificate_nobody_else_is_answered() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let ours = authority.client(Some(clients.issue()));
    let others = [authority.client(Some(Authority::new().issue())), authority.client(None)];
    let client_authorities = Some(clients.pem().into_bytes());
    let options = Options { authority: Some(authority), client_authorities, ..Options::default() };
    let running = Running::start(options).await;
    let mut connection = Connection::open(running.address, &ours).await.unwrap();
    assert_eq!(connection.post(right()).await.unwrap().status, StatusCode::OK);
    for other in others {
        // With TLS 1.3 a client hears of it when it wants its first answer.
        let answered = match Connection::open(running.address, &other).await {
            Ok(mut connection) => connection.post(right()).await.is_ok(),
            Err(_) => false,
        };
        assert!(!answered);
    }
    assert_eq!(running.metric(r#"meshwright_tls_handshakes_total{result="failed"}"#).await, 2.0);
}

/// Clients that say that they will say no more, in the middle or after a whole request, keep no place.
#[tokio::test]
async fn half_closed_connections_end() {
    let running = Running::start(Options::default()).await;
    let body = right();
    let whole = [
        format!("POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes(),
        body,
    ]
    .concat();
    for length in [0, 10, whole.len() / 2, whole.len()] {
        let mut stream = handshake(running.address, &running.client).await.unwrap();
        stream.write_all(&whole[..length]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        let _ended = closed.expect("the connection stays open");
    }
    for _ in 0..200 {
        if running.metric("meshwright_connections").await <= 1.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("connections are kept for clients that have gone");
}
