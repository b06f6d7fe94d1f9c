//! Connections: accepted up to a number, each in a task of its own from the handshake on, none for ever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::App;
use super::activity::{Activity, TooSlow, Watched};
use super::drain::{Drain, LINGER, Phase};
use super::limits::Limits;
use super::routes::{self, Surface};
use crate::metrics::{Counted, Metrics, ResultLabels};

/// Headers of a request; more are answered 431. An API server sends six.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's headers; more are answered 431. Bodies have a bound of their own.
const MAX_BUFFER: usize = 64 * 1024;

/// What every connection of a listener needs.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) app: Arc<App>,
    pub(super) surface: Surface,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) drain: Drain,
}

/// Accepts until the program stops, then waits for what is open, at most `drain_timeout`.
pub(super) async fn serve(listener: TcpListener, connections: Connections, drain_timeout: Duration) {
    let places = Arc::new(Semaphore::new(connections.limits.connections as usize));
    let mut open = JoinSet::new();
    let stopped = connections.drain.clone();
    let stopped = stopped.reached(Phase::Stopped);
    tokio::pin!(stopped);
    let mut last_call: Option<Instant> = None;
    loop {
        while open.try_join_next().is_some() {}
        // A place is taken before a connection is accepted: who finds none waits in the kernel's queue.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            biased;
            () = &mut stopped, if last_call.is_none() => {
                last_call = Some(Instant::now());
                continue;
            }
            next = next => next,
            // Those who were in the queue when it stopped are still served.
            () = tokio::time::sleep(Duration::from_millis(20)), if last_call.is_some() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connections = connections.clone();
                open.spawn(async move {
                    let _place = place;
                    connections.connection(stream).await;
                });
            }
            Err(error) => {
                // Out of descriptors, mostly: a pause lets some come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        if last_call.is_some_and(|since| since.elapsed() > LINGER) {
            break;
        }
    }
    drop(listener);
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(drain_timeout, finished).await.is_err() {
        tracing::warn!(open = open.len(), "connections are cut off after {drain_timeout:?}");
        open.shutdown().await;
    }
}

/// Why a connection ends that its client keeps open.
enum End {
    TooSlow(TooSlow),
    Stopped,
}

impl Connections {
    async fn connection(&self, stream: TcpStream) {
        let _counted = Counted::one(&self.metrics.connections);
        // Answers are small; waiting for more to send only delays them.
        let _delayed = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.http(stream).await };
        let handshake = tokio::time::timeout(self.limits.handshake, tls.accept(stream)).await;
        let result = match &handshake {
            Ok(Ok(_)) => "completed",
            Ok(Err(_)) => "failed",
            Err(_) => "timeout",
        };
        self.metrics.handshakes.get_or_create(&ResultLabels { result }).inc();
        match handshake {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        let activity = Activity::new();
        let stream = TokioIo::new(Watched { stream, activity: activity.clone() });
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            activity.request();
            let activity = &activity;
            async move {
                let mut answer = routes::respond(&self.app, self.surface, request).await;
                activity.answered();
                if self.drain.phase() > Phase::Serving {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let mut http = http1::Builder::new();
        http.header_read_timeout(None).max_headers(MAX_HEADERS).max_buf_size(MAX_BUFFER);
        let http = http.serve_connection(stream, service);
        tokio::pin!(http);
        // These are polled when they are woken, not whenever bytes come.
        let mut watch: FuturesUnordered<BoxFuture<'_, End>> = FuturesUnordered::new();
        watch.push(Box::pin(async {
            End::TooSlow(activity.too_slow(self.limits.header, self.limits.idle).await)
        }));
        watch.push(Box::pin(async {
            self.stopped(&activity).await;
            End::Stopped
        }));
        loop {
            tokio::select! {
                biased;
                ended = &mut http => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                Some(end) = watch.next() => match end {
                    End::TooSlow(slow) => {
                        self.metrics.timeouts.get_or_create(&ResultLabels { result: slow.as_str() }).inc();
                        return;
                    }
                    End::Stopped => http.as_mut().graceful_shutdown(),
                },
            }
        }
    }

    /// Ends when the program stops and the connection was silent for a while; a request that is being answered closes
    /// the connection by its answer.
    async fn stopped(&self, activity: &Activity) {
        self.drain.reached(Phase::Stopped).await;
        while !activity.silent_for(LINGER) {
            tokio::time::sleep(LINGER / 10).await;
        }
    }
}
