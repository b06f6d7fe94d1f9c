//! Clients that each keep a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// When the clients ask.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// The next review as soon as the last is answered.
    AtOnce,
    /// So many a second, all clients together, whether the last is answered or not: what an answer takes counts from
    /// when it was due, so that a slow one is not forgiven the wait of the next.
    Rate(u32),
}

/// What came of it.
pub(crate) struct Round {
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Round {
    pub(crate) fn requests(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap()
    }

    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.requests()) / self.elapsed.as_secs_f64()
    }

    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}

/// Connections to one server.
pub(crate) struct Clients {
    senders: Vec<SendRequest<Full<Bytes>>>,
    reviews: Arc<Vec<Bytes>>,
}

impl Clients {
    /// Connects one after another: a handshake costs more than many reviews. Each asks once: a server need not wait long for
    /// the first request of a connection.
    pub(crate) async fn connect(
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
        number: u32,
        reviews: Arc<Vec<Bytes>>,
    ) -> Clients {
        let mut senders = Vec::new();
        for _ in 0..number {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let name = "localhost".try_into().unwrap();
            let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            ask(&mut sender, reviews[0].clone()).await;
            senders.push(sender);
        }
        Clients { senders, reviews }
    }

    /// Asks for a while.
    pub(crate) async fn ask(&mut self, pace: Pace, time: Duration) -> Round {
        let clients = u32::try_from(self.senders.len()).unwrap();
        let barrier = Arc::new(Barrier::new(self.senders.len() + 1));
        let mut tasks = JoinSet::new();
        for (number, mut sender) in self.senders.drain(..).enumerate() {
            let (reviews, barrier) = (Arc::clone(&self.reviews), Arc::clone(&barrier));
            tasks.spawn(async move {
                barrier.wait().await;
                let start = Instant::now();
                let mut latencies = Vec::new();
                for next in 0_u32.. {
                    let mut due = Instant::now();
                    if let Pace::Rate(rate) = pace {
                        let turn = next * clients + u32::try_from(number).unwrap();
                        due = start + Duration::from_secs_f64(f64::from(turn) / f64::from(rate));
                    }
                    if due >= start + time {
                        break;
                    }
                    // A timer is late by up to a millisecond, which counts here.
                    if matches!(pace, Pace::Rate(_)) {
                        tokio::time::sleep_until(due).await;
                    }
                    let body = reviews[(number + next as usize) % reviews.len()].clone();
                    ask(&mut sender, body).await;
                    latencies.push(due.elapsed());
                }
                (sender, latencies)
            });
        }
        barrier.wait().await;
        let start = Instant::now();
        let mut latencies = Vec::new();
        for (sender, some) in tasks.join_all().await {
            self.senders.push(sender);
            latencies.extend(some);
        }
        latencies.sort_unstable();
        Round { elapsed: start.elapsed(), latencies }
    }
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, body: Bytes) {
    let request = Request::post("/validate?timeout=3s").header("host", "localhost");
    let request = request.header("content-type", "application/json");
    sender.ready().await.unwrap();
    let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "a request was shed or failed");
    response.into_body().collect().await.unwrap();
}
