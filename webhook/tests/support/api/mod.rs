//! An API server for tests, on loopback: the semantics that clients and webhooks depend on, and faults on demand.
//!
//! Objects with resource versions, generations and status subresources; lists in pages; watches with bookmarks that end by
//! time, by a lost connection or by 410; create, update, patches and server-side apply with conflicts and dry runs;
//! discovery and CustomResourceDefinitions; roles of tokens; and validating webhooks, asked over TLS.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "helpers of tests, outside the test functions"
)]

pub(crate) mod admission;
pub(crate) mod cel;
mod failure;
mod http;
mod patch;
pub(crate) mod rbac;
mod resources;
mod select;
mod store;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use admission::{Asked, Services};
use failure::Failure;
use rbac::Grant;
use store::Data;

/// What every connection shares.
pub(crate) struct State {
    data: Mutex<Data>,
    /// The latest revision, for those who wait for one.
    revisions: watch::Sender<u64>,
    /// Ends every watch with 410.
    expired: watch::Sender<u64>,
    /// Cuts every connection.
    cut: watch::Sender<u64>,
    /// Whether connections are refused.
    down: watch::Sender<bool>,
    requests: Mutex<Vec<String>>,
    asked: Mutex<Vec<Asked>>,
    services: Mutex<Services>,
    grants: Mutex<HashMap<String, Vec<Grant>>>,
    faults: Mutex<Vec<Fault>>,
}

/// An answer that is not the right one.
struct Fault {
    contains: String,
    failure: Failure,
    times: usize,
}

impl State {
    fn fault(&self, request: &str) -> Option<Failure> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && request.contains(&fault.contains))?;
        fault.times -= 1;
        Some(fault.failure.clone())
    }
}

/// A running API server.
pub(crate) struct ApiServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
        self.state.cut.send_modify(|count| *count += 1);
    }
}

impl ApiServer {
    pub(crate) async fn start() -> ApiServer {
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
                let state = Arc::clone(&serving);
                let mut cut = state.cut.subscribe();
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        let state = Arc::clone(&state);
                        async move { Ok::<_, Infallible>(http::serve(state, request).await) }
                    });
                    tokio::select! {
                        _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service) => {}
                        _cut = cut.changed() => {}
                    }
                });
            }
        });
        ApiServer { address, state, task }
    }

    /// Who may do everything.
    pub(crate) fn client(&self) -> Client {
        Client::try_from(self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> kube::Config {
        kube::Config::new(format!("http://{}", self.address).parse().unwrap())
    }

    /// Who may do what the token's grants allow.
    pub(crate) fn client_as(&self, token: &str, grants: Vec<Grant>) -> Client {
        self.state.grants.lock().unwrap().insert(token.to_owned(), grants);
        let mut config = self.config();
        config.auth_info.token = Some(token.to_owned().into());
        Client::try_from(config).unwrap()
    }

    /// For kubectl, and for programs that read kubeconfigs.
    pub(crate) fn kubeconfig(&self, context: &str, token: Option<&str>) -> String {
        let user = token.map_or_else(|| "{}".to_owned(), |token| format!("{{token: {token}}}"));
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {context}\n\
             clusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\nusers: [{{name: u, user: {user}}}]\n\
             contexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n",
            self.address
        )
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
