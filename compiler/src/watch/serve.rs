//! What the watcher serves: push events in, health and metrics out, over plain HTTP.
//!
//! Events stand alone on their address, which code hosts have to reach; health and metrics stand on another.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Shared;
use super::event::{Body, Headers, Secrets, is_push};
use super::metrics::{self, ResultLabels};

/// Where push events are sent to.
pub const EVENTS: &str = "/events";

/// Connections at once; more wait.
const CONNECTIONS: usize = 64;

/// How long a client may take for its headers.
const HEADERS: Duration = Duration::from_secs(5);

/// How long a client may take for a request with its body, and a connection for all it brings.
const REQUEST: Duration = Duration::from_secs(30);

/// Bytes of an event's body. GitHub sends up to 25 MB (docs.github.com, "Webhook events and payloads"); none are kept.
const BODY: usize = 32 << 20;

/// What an address serves.
#[derive(Clone, Debug)]
pub(super) enum Served {
    /// Push events, signed by one of the secrets.
    Events(Secrets),
    /// Health and metrics.
    Observations,
}

type Answer = Response<Full<Bytes>>;

impl Headers for HeaderMap {
    fn header(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str().ok()
    }
}

/// Listens; the future serves until it is dropped.
pub(super) async fn listen(
    address: SocketAddr,
    served: Served,
    shared: Arc<Shared>,
) -> std::io::Result<(SocketAddr, impl Future<Output = ()>)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((bound, serve(listener, served, shared)))
}

async fn serve(listener: TcpListener, served: Served, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (served, shared) = (served.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    let _place = place;
                    connection(stream, served, shared).await;
                });
            }
            Err(error) => {
                // Out of descriptors, mostly: a pause lets some come back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, served: Served, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let (served, shared) = (&served, &shared);
        async move { Ok::<_, Infallible>(answer(request, served, shared).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).keep_alive(false);
    let http = http.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(REQUEST + HEADERS, http).await {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn answer(request: Request<Incoming>, served: &Served, shared: &Shared) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (served, path.as_str(), &method) {
        (Served::Events(secrets), EVENTS, &Method::POST) => {
            let (result, answer) = match tokio::time::timeout(REQUEST, event(request, secrets)).await {
                Ok(answer) => answer,
                Err(_) => ("refused", text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
            };
            shared.metrics.events.get_or_create(&ResultLabels { result }).inc();
            if result == "accepted" {
                shared.pushed();
            }
            answer
        }
        (Served::Events(_), EVENTS, _) => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "push events are POSTed");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            answer
        }
        (Served::Observations, "/healthz", &Method::GET) => match shared.is_alive() {
            true => text(StatusCode::OK, "ok"),
            false => text(StatusCode::INTERNAL_SERVER_ERROR, "the loop stands still"),
        },
        (Served::Observations, "/readyz", &Method::GET) => match shared.not_ready() {
            None => text(StatusCode::OK, "ok"),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, why),
        },
        (Served::Observations, "/metrics", &Method::GET) => {
            let mut answer = Response::new(Full::new(shared.metrics.encode().into()));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
            answer
        }
        _ => text(StatusCode::NOT_FOUND, "there is nothing here"),
    }
}

/// Reads an event to its end, whoever sent it, and says what came of it.
async fn event(request: Request<Incoming>, secrets: &Secrets) -> (&'static str, Answer) {
    let push = is_push(request.headers());
    let Some(mut check) = Body::new(request.headers(), secrets) else {
        return ("refused", text(StatusCode::UNAUTHORIZED, "an event has to be signed, or to bring a token"));
    };
    let (mut body, mut length) = (request.into_body(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return ("refused", text(StatusCode::BAD_REQUEST, "the body broke off"));
        };
        if let Some(bytes) = frame.data_ref() {
            length += bytes.len();
            if length > BODY {
                return ("refused", text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
            }
            check.update(bytes);
        }
    }
    if !check.authentic() {
        tracing::warn!("a push event was refused: its sender does not know the secret");
        return ("refused", text(StatusCode::UNAUTHORIZED, "the signature or token is wrong"));
    }
    match push {
        true => ("accepted", text(StatusCode::ACCEPTED, "the repository will be looked at")),
        false => ("ignored", text(StatusCode::OK, "not a push")),
    }
}

fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::new(format!("{text}\n").into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
