//! The API server of these tests: faults on demand, and views of what was asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::admission::{Asked, Services};
use super::failure::Failure;
use super::http;
use super::rbac::Grant;
use super::store::Data;

/// What every connection shares.
pub(crate) struct State {
    pub(super) data: Mutex<Data>,
    /// The latest revision, for those who wait for one.
    pub(super) revisions: watch::Sender<u64>,
    /// Ends every watch with 410.
    pub(super) expired: watch::Sender<u64>,
    /// Cuts every connection.
    pub(super) cut: watch::Sender<u64>,
    /// Whether connections are refused.
    pub(super) down: watch::Sender<bool>,
    pub(super) requests: Mutex<Vec<String>>,
    pub(super) asked: Mutex<Vec<Asked>>,
    pub(super) services: Mutex<Services>,
    pub(super) grants: Mutex<HashMap<String, Vec<Grant>>>,
    pub(super) faults: Mutex<Vec<Fault>>,
}

/// An answer that is not the right one.
pub(super) struct Fault {
    contains: String,
    failure: Failure,
    times: usize,
}

impl State {
    pub(super) fn fault(&self, request: &str) -> Option<Failure> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && request.contains(&fault.contains))?;
        fault.times -= 1;
        Some(fault.failure.clone())
    }
}

/// A running API server.
pub(crate) struct Own {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.task.abort();
        self.state.cut.send_modify(|count| *count += 1);
    }
}

impl Own {
    /// In plain HTTP, or over TLS.
    pub(crate) async fn start(tls: Option<Arc<ServerConfig>>) -> Own {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let data = Data::new();
        let state = Arc::new(State {
            revisions: watch::Sender::new(data.revision),
            data: Mutex::new(data),
            expired: watch::Sender::new(0),
            cut: watch::Sender::new(0),
            down: watch::Sender::new(false),
            requests: Mutex::default(),
            asked: Mutex::default(),
            services: Mutex::default(),
            grants: Mutex::default(),
            faults: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if *serving.down.borrow() {
                    continue;
                }
                let (state, tls) = (Arc::clone(&serving), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => connection(state, stream).await,
                        Some(tls) => {
                            if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                                connection(state, stream).await;
                            }
                        }
                    }
                });
            }
        });
        Own { address, state, task }
    }

    pub(crate) fn grant(&self, token: &str, grants: Vec<Grant>) {
        self.state.grants.lock().unwrap().insert(token.to_owned(), grants);
    }

    /// Stores an object without asking anybody.
    pub(crate) fn put(&self, object: Value) -> Value {
        let mut data = self.state.data.lock().unwrap();
        let api_version = object["apiVersion"].as_str().unwrap();
        let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = data.resources.iter().find(|r| r.group == group && object["kind"] == r.kind);
        let plural = resource.unwrap_or_else(|| panic!("no such kind: {object}")).plural.clone();
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (group.to_owned(), plural, text("namespace"), text("name"));
        let before = data.objects.get(&key).cloned();
        let object = data.prepare(before.as_ref(), object, &key, false);
        let stored = data.commit(key, Some(object)).unwrap();
        self.state.revisions.send_replace(data.revision);
        stored
    }

    /// Removes an object without asking anybody.
    pub(crate) fn remove(&self, group: &str, plural: &str, namespace: &str, name: &str) {
        let mut data = self.state.data.lock().unwrap();
        data.commit((group.to_owned(), plural.to_owned(), namespace.to_owned(), name.to_owned()), None);
        self.state.revisions.send_replace(data.revision);
    }

    /// Whether a kind is served.
    pub(crate) fn knows(&self, group: &str, kind: &str) -> bool {
        let data = self.state.data.lock().unwrap();
        data.resources.iter().any(|resource| resource.group == group && resource.kind == kind)
    }

    pub(crate) fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = (group.to_owned(), plural.to_owned(), namespace.to_owned(), name.to_owned());
        self.state.data.lock().unwrap().objects.get(&key).cloned()
    }

    pub(crate) fn objects(&self, group: &str, plural: &str) -> Vec<Value> {
        self.state.data.lock().unwrap().list(group, plural, None).into_iter().cloned().collect()
    }

    /// Cuts every connection; new ones are taken.
    pub(crate) fn cut_connections(&self) {
        self.state.cut.send_modify(|count| *count += 1);
    }

    /// Whether it is gone, with all its connections.
    pub(crate) fn set_down(&self, down: bool) {
        self.state.down.send_replace(down);
        self.cut_connections();
    }

    /// Forgets the past: every watch ends with 410, and so does one that starts before now.
    pub(crate) fn compact(&self) {
        let mut data = self.state.data.lock().unwrap();
        data.compacted = data.revision;
        let compacted = data.compacted;
        data.log.retain(|change| change.revision > compacted);
        self.state.expired.send_modify(|count| *count += 1);
    }

    /// Answers the next requests whose `METHOD /path?query` contains a text with that code.
    pub(crate) fn fail(&self, contains: &str, code: u16, times: usize) {
        let failure = Failure::new(code, "InternalError", "a fault of the test");
        self.state.faults.lock().unwrap().push(Fault { contains: contains.to_owned(), failure, times });
    }

    /// Each request as `METHOD /path?query`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// What the webhooks were asked and said.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Lets a Service, `namespace/name`, lead to addresses.
    pub(crate) fn serve(&self, service: &str, addresses: &[SocketAddr]) {
        self.state.services.lock().unwrap().insert(service.to_owned(), addresses.to_vec());
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(state: Arc<State>, stream: S) {
    let mut cut = state.cut.subscribe();
    let service = service_fn(|request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(http::serve(state, request).await) }
    });
    tokio::select! {
        _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service) => {}
        _cut = cut.changed() => {}
    }
}
