//! Figures of serving: against a bare server of the same libraries in the same session, over TLS on loopback.
//!
//! ```console
//! $ cargo bench -p meshwright-webhook --bench serving
//! ```
//!
//! The bare server is axum behind rustls: it parses the same review and answers that it is allowed. Rounds of both alternate,
//! so that whatever else the machine does meets both. `-- decide N` decides N reviews and nothing else, for callgrind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark says by a panic that it failed"
)]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use meshwright_policies::admission::{self, Basis, Review, WithoutDeclaration};
use meshwright_policies::declaration::MeshDeclaration;
use meshwright_webhook::cluster::Events;
use meshwright_webhook::metrics::Metrics;
use meshwright_webhook::server::{CertificateSource, Certificates, Limits, Server, Settings, tls_config};
use meshwright_webhook::store::Store;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const DECLARATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/declarations/mdemo.yaml");
const REVIEWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reviews");

/// Every captured review.
fn reviews() -> Vec<Bytes> {
    let mut paths: Vec<_> = std::fs::read_dir(REVIEWS).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let review = |path: &std::path::PathBuf| {
        let capture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Bytes::from(capture["review"].to_string())
    };
    paths.iter().map(review).collect()
}

fn main() {
    // Cargo says `--bench` when figures are wanted, and nothing when it only tries whether everything runs.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("decide") => {
            let rounds = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
            decide(rounds);
        }
        Some("parse") => {
            let rounds = arguments.get(1).and_then(|n| n.parse().ok()).unwrap_or(1000);
            let reviews = reviews();
            for round in 0..rounds {
                black_box(Review::parse(&reviews[round % reviews.len()]).unwrap());
            }
        }
        _ if !measuring => decide(reviews().len()),
        _ => {
            decisions();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(serving());
        }
    }
}

fn basis(declaration: &MeshDeclaration) -> Basis<'_> {
    Basis {
        declarations: vec![declaration],
        unreadable: false,
        without: WithoutDeclaration::Allow,
        today: "2026-01-01".to_owned().try_into().unwrap(),
    }
}

fn declaration() -> MeshDeclaration {
    serde_yaml::from_str(&std::fs::read_to_string(DECLARATION).unwrap()).unwrap()
}

fn decide(rounds: usize) {
    let (reviews, declaration) = (reviews(), declaration());
    let basis = basis(&declaration);
    for round in 0..rounds {
        let review = &reviews[round % reviews.len()];
        black_box(admission::review(black_box(review), &basis).body());
    }
}

/// Each captured review, from the bytes to the bytes of the answer: the least of many runs.
fn decisions() {
    let (reviews, declaration) = (reviews(), declaration());
    let basis = basis(&declaration);
    let mut worst = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for review in &reviews {
        let mut least = Duration::MAX;
        for _ in 0..200 {
            let start = Instant::now();
            black_box(admission::review(black_box(review), &basis).body());
            least = least.min(start.elapsed());
        }
        worst = worst.max(least);
        sum += least;
    }
    let mean = sum / u32::try_from(reviews.len()).unwrap();
    println!("decision, {} captured reviews: mean {mean:?}, slowest {worst:?}", reviews.len());
}

/// What is compared with: no limits, no metrics, no logs, no decision.
async fn bare(certificates: Arc<Certificates>) -> SocketAddr {
    let router = Router::new().route("/validate", post(allow));
    let tls = TlsAcceptor::from(Arc::new(tls_config(certificates, None).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tls, router) = (tls.clone(), router.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true).unwrap();
                let Ok(stream) = tls.accept(stream).await else { return };
                let service = TowerToHyperService::new(router);
                let http = hyper::server::conn::http1::Builder::new();
                let _ended = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn allow(body: Bytes) -> impl IntoResponse {
    let review = Review::parse(&body).unwrap();
    let answer = admission::Answer::allowed().to_json(review.api_version, &review.request.uid);
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

struct Round {
    requests: u64,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

/// Clients that each keep a connection and ask one review after another.
async fn round(address: SocketAddr, client: &Arc<ClientConfig>, clients: usize, time: Duration) -> Round {
    let reviews = Arc::new(reviews());
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let barrier = Arc::new(tokio::sync::Barrier::new(clients + 1));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let (client, reviews, stop) = (Arc::clone(client), Arc::clone(&reviews), Arc::clone(&stop));
        let (count, barrier) = (Arc::clone(&count), Arc::clone(&barrier));
        tasks.spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let name = "localhost".try_into().unwrap();
            let stream = TlsConnector::from(client).connect(name, stream).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            barrier.wait().await;
            let mut latencies = Vec::new();
            let mut next = number;
            while !stop.load(Ordering::Relaxed) {
                let body = reviews[next % reviews.len()].clone();
                next += 1;
                let request = Request::post("/validate?timeout=3s").header("host", "localhost");
                let request = request.header("content-type", "application/json");
                let start = Instant::now();
                sender.ready().await.unwrap();
                let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
                let good = response.status().is_success();
                black_box(response.into_body().collect().await.unwrap());
                assert!(good, "a request was shed or failed");
                latencies.push(start.elapsed());
                count.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        });
    }
    barrier.wait().await;
    let start = Instant::now();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let (requests, elapsed) = (count.load(Ordering::Relaxed), start.elapsed());
    let mut latencies: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    latencies.sort_unstable();
    Round { requests, elapsed, latencies }
}

impl Round {
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.requests).unwrap()) / self.elapsed.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}

async fn serving() {
    let metrics = Arc::new(Metrics::new());
    let names = vec!["localhost".to_owned()];
    let source = CertificateSource::SelfSigned(names);
    let certificates = Arc::new(Certificates::open(source, Arc::clone(&metrics)).unwrap());
    let mut roots = RootCertStore::empty();
    roots.add(certificates.current().leaf().unwrap().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics_listen: None,
        client_authorities: None,
        limits: Limits { connections: 2048, reviews: 2048, ..Limits::default() },
        without_declaration: WithoutDeclaration::Allow,
        drain_timeout: Duration::from_secs(1),
    };
    let bare = bare(Arc::clone(&certificates)).await;
    let store = Store::open(vec![DECLARATION.into()], Arc::clone(&metrics));
    let events = Events::nowhere(&metrics);
    let server = Server::start(settings, store, certificates, metrics, events).await.unwrap();
    for clients in [8, 64, 500] {
        let mut ratios = Vec::new();
        let (mut ours_p99, mut bare_p99, mut ours_rate) = (Duration::MAX, Duration::MAX, 0.0_f64);
        for _ in 0..5 {
            let other = round(bare, &client, clients, Duration::from_secs(2)).await;
            let ours = round(server.address, &client, clients, Duration::from_secs(2)).await;
            ratios.push(ours.rate() / other.rate());
            ours_rate = ours_rate.max(ours.rate());
            ours_p99 = ours_p99.min(ours.percentile(99));
            bare_p99 = bare_p99.min(other.percentile(99));
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "{clients} clients: {:.2} x bare (from {:.2} to {:.2}), {ours_rate:.0} reviews/s, p99 {ours_p99:.2?}, bare {bare_p99:.2?}",
            ratios[2], ratios[0], ratios[4]
        );
    }
    // One client at a time, at a rate far below what the server can do: what a single question takes.
    let quiet = round(server.address, &client, 1, Duration::from_secs(2)).await;
    println!("1 client: p50 {:.2?}, p99 {:.2?}", quiet.percentile(50), quiet.percentile(99));
    println!("memory, both servers and all clients: {} MiB", resident());
}

/// Of this process, MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    kib / 1024
}
