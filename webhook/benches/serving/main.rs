//! Figures of serving: against a bare server of the same libraries in the same session, over TLS on loopback.
//!
//! ```console
//! $ cargo bench -p meshwright-webhook --bench serving
//! ```
//!
//! The servers are processes of their own: the program as it is installed, with its own limits and logs, and two bare ones
//! (`bare.rs`). Rounds of them alternate, so that whatever else the machine does meets all. What a review takes of a core is
//! read from outside, and so does not depend on who else has the cores; throughput does, and includes what the clients take.
//! `-- decide N` and `-- parse N` do that N times and nothing else, for callgrind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark says by a panic that it failed"
)]

mod bare;
mod load;
mod process;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use load::{Clients, Pace, Round};
use meshwright_policies::admission::{self, Basis, Review, WithoutDeclaration};
use meshwright_policies::declaration::MeshDeclaration;
use process::Process;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Those of them that are allowed without a word, as nearly all that a cluster sends are.
fn allowed(reviews: &[Bytes]) -> Vec<Bytes> {
    let declaration = declaration();
    let basis = basis(&declaration);
    let is_allowed = |review: &&Bytes| {
        let answer: Value =
            serde_json::from_slice(&admission::review(review, &basis).body().unwrap()).unwrap();
        answer["response"]["allowed"] == true && answer["response"].get("warnings").is_none()
    };
    reviews.iter().filter(is_allowed).cloned().collect()
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
        Some("bare") => {
            let [_, what, address, certificate, key] = arguments.as_slice() else { unreachable!() };
            let bare = bare::serve(what, address.parse().unwrap(), certificate.into(), key.into());
            runtime().block_on(bare);
        }
        _ if !measuring => decide(reviews().len()),
        _ => {
            decisions();
            runtime().block_on(serving());
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
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

/// A certificate that all servers show, in files, and a client that trusts it.
fn certificate(directory: &Path) -> (PathBuf, PathBuf, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.join("tls.crt"), directory.join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (certificate, key, Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
}

/// One server under a load: its rounds, and what a review took of a core.
struct Measured {
    rounds: Vec<Round>,
    cpu: Vec<Duration>,
}

impl Measured {
    fn rate(&self) -> f64 {
        middle(self.rounds.iter().map(Round::rate).collect())
    }

    fn cpu(&self) -> f64 {
        middle(self.cpu.iter().map(|cpu| cpu.as_secs_f64() * 1e6).collect())
    }

    fn percentile(&self, percent: usize) -> f64 {
        middle(self.rounds.iter().map(|round| round.percentile(percent).as_secs_f64() * 1e3).collect())
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn serving() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key, tls) = certificate(directory.path());
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (certificate, key) = (path(&certificate), path(&key));
    let this = std::env::current_exe().unwrap();
    let bare = |what: &str| {
        let arguments = |address: std::net::SocketAddr| {
            ["bare", what, &address.to_string(), &certificate, &key].map(str::to_owned).to_vec()
        };
        Process::start(&this, arguments)
    };
    let program = Process::start(Path::new(env!("CARGO_BIN_EXE_meshwright-webhook")), |address| {
        let address = address.to_string();
        let arguments = [
            "--declaration",
            DECLARATION,
            "--tls-cert",
            &certificate,
            "--tls-key",
            &key,
            "--listen",
            &address,
        ];
        arguments.map(str::to_owned).to_vec()
    });
    let servers = [("bare", bare("whole")), ("bare, unread", bare("envelope")), ("program", program)];
    let all = Arc::new(reviews());
    let allowed = Arc::new(allowed(&all));
    for (reviews, number, pace) in [
        (&all, 1, Pace::AtOnce),
        (&all, 8, Pace::AtOnce),
        (&all, 64, Pace::AtOnce),
        (&all, 500, Pace::AtOnce),
        (&allowed, 8, Pace::AtOnce),
        (&allowed, 64, Pace::AtOnce),
        (&allowed, 500, Pace::AtOnce),
        (&all, 500, Pace::Rate(2000)),
        (&all, 500, Pace::Rate(5000)),
    ] {
        let mut measured = servers.each_ref().map(|_| Measured { rounds: Vec::new(), cpu: Vec::new() });
        let mut clients = Vec::new();
        for (_, server) in &servers {
            clients.push(Clients::connect(server.address, &tls, number, Arc::clone(reviews)).await);
        }
        for _ in 0..5 {
            for ((measured, clients), (_, server)) in measured.iter_mut().zip(&mut clients).zip(&servers) {
                let before = server.cpu();
                let round = clients.ask(pace, Duration::from_secs(2)).await;
                measured.cpu.push((server.cpu() - before) / round.requests());
                measured.rounds.push(round);
            }
        }
        let which = format!("{number} clients, {} of {} reviews", reviews.len(), all.len());
        match pace {
            Pace::AtOnce => println!("{which}, one after another:"),
            Pace::Rate(rate) => println!("{which}, {rate} a second together:"),
        }
        let [whole, _, _] = &measured;
        for (measured, (name, _)) in measured.iter().zip(&servers) {
            println!(
                "  {name:12} {:6.0} reviews/s ({:.2} x bare), p50 {:.2} ms, p99 {:.2} ms, {:.1} us of a core each",
                measured.rate(),
                measured.rate() / whole.rate(),
                measured.percentile(50),
                measured.percentile(99),
                measured.cpu(),
            );
        }
    }
    for (name, server) in &servers {
        println!("memory at its most: {name}, {:.0} MiB", server.memory());
    }
}
