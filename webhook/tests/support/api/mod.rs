//! An API server for tests, on loopback: a real one where `KUBEBUILDER_ASSETS` names a folder with `kube-apiserver` and
//! `etcd`, as envtest has it (sigs.k8s.io/controller-runtime: `pkg/envtest`), otherwise one of these tests.
//!
//! That one has the semantics that clients and webhooks depend on: objects with resource versions, generations and status
//! subresources; lists in pages; watches with bookmarks that end by time, by a lost connection or by 410; create, update,
//! patches and server-side apply with conflicts and dry runs; discovery and CustomResourceDefinitions; roles of tokens; and
//! validating webhooks, asked over TLS. Only it can be made to fail, and can be asked what it was asked.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "helpers of tests, outside the test functions"
)]

pub(crate) mod admission;
pub(crate) mod cel;
mod failure;
mod http;
mod own;
mod patch;
pub(crate) mod rbac;
mod real;
mod resources;
mod select;
mod service;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::ByteString;
use kube::Client;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use admission::Asked;
use own::Own;
use rbac::Grant;
use real::Real;
pub(crate) use service::PORT as SERVICE_PORT;

use crate::support::Authority;

/// A running API server.
pub(crate) struct ApiServer {
    kind: Kind,
    /// What clients trust, PEM; none without TLS.
    authority: Option<String>,
}

enum Kind {
    Own(Own),
    Real(Box<Real>),
}

impl ApiServer {
    /// A real one where there is one.
    pub(crate) async fn start() -> ApiServer {
        match std::env::var_os("KUBEBUILDER_ASSETS") {
            Some(assets) => {
                let real = Real::start(assets.as_ref()).await;
                ApiServer { authority: Some(real.authority.clone()), kind: Kind::Real(Box::new(real)) }
            }
            None => ApiServer::with_faults().await,
        }
    }

    /// One that fails on demand and tells what it was asked.
    pub(crate) async fn with_faults() -> ApiServer {
        ApiServer { kind: Kind::Own(Own::start(None).await), authority: None }
    }

    /// One that is spoken to over TLS: kubectl sends a token in no other way.
    pub(crate) async fn over_tls() -> ApiServer {
        if std::env::var_os("KUBEBUILDER_ASSETS").is_some() {
            return ApiServer::start().await;
        }
        let authority = Authority::new();
        let (chain, key) = authority.issue();
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let own = Own::start(Some(Arc::new(config))).await;
        ApiServer { kind: Kind::Own(own), authority: Some(authority.pem()) }
    }

    /// Whether it is a real one.
    pub(crate) fn is_real(&self) -> bool {
        matches!(self.kind, Kind::Real(_))
    }

    fn own(&self) -> &Own {
        match &self.kind {
            Kind::Own(own) => own,
            Kind::Real(_) => panic!("a test that asks for this starts its API server by `with_faults`"),
        }
    }

    fn address(&self) -> SocketAddr {
        match &self.kind {
            Kind::Own(own) => own.address,
            Kind::Real(real) => real.address,
        }
    }

    /// Who may do everything.
    pub(crate) fn client(&self) -> Client {
        Client::try_from(self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> kube::Config {
        self.config_of(self.is_real().then_some(real::ADMIN))
    }

    /// Who may do what the token's grants allow.
    pub(crate) fn config_as(&self, token: &str, grants: Vec<Grant>) -> kube::Config {
        match &self.kind {
            Kind::Own(own) => own.grant(token, grants),
            Kind::Real(real) => real.grant(token, grants),
        }
        self.config_of(Some(token))
    }

    pub(crate) fn client_as(&self, token: &str, grants: Vec<Grant>) -> Client {
        Client::try_from(self.config_as(token, grants)).unwrap()
    }

    fn config_of(&self, token: Option<&str>) -> kube::Config {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let host = if self.authority.is_some() { "localhost" } else { "127.0.0.1" };
        let url = format!("{scheme}://{host}:{}", self.address().port());
        let mut config = kube::Config::new(url.parse().unwrap());
        let der = |pem: &String| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        config.root_cert = self.authority.as_ref().map(|pem| vec![der(pem)]);
        config.auth_info.token = token.map(|token| token.to_owned().into());
        config
    }

    /// For kubectl, and for programs that read kubeconfigs.
    pub(crate) fn kubeconfig(&self, context: &str, token: Option<&str>) -> String {
        // Over TLS, kubectl asks for a password when it has nothing else.
        let token = token.or_else(|| self.authority.is_some().then_some(real::ADMIN));
        let user = token.map_or_else(|| "{}".to_owned(), |token| format!("{{token: {token}}}"));
        let config = self.config_of(None);
        let trust = self.authority.as_ref().map_or_else(String::new, |pem| {
            let pem = serde_json::to_string(&ByteString(pem.clone().into_bytes())).unwrap();
            format!(", certificate-authority-data: {pem}")
        });
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/');
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {context}\n\
             clusters: [{{name: c, cluster: {{server: \"{server}\"{trust}}}}}]\nusers: [{{name: u, user: {user}}}]\n\
             contexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n"
        )
    }

    /// Stores an object without asking anybody; a real one asks its webhooks.
    pub(crate) fn put(&self, object: Value) -> Value {
        match &self.kind {
            Kind::Own(own) => own.put(object),
            Kind::Real(real) => real.put(&object),
        }
    }

    /// Removes an object without asking anybody; a real one asks its webhooks.
    pub(crate) fn remove(&self, group: &str, plural: &str, namespace: &str, name: &str) {
        match &self.kind {
            Kind::Own(own) => own.remove(group, plural, namespace, name),
            Kind::Real(real) => real.remove(group, plural, namespace, name),
        }
    }

    /// Whether a kind is served.
    pub(crate) fn knows(&self, group: &str, kind: &str) -> bool {
        match &self.kind {
            Kind::Own(own) => own.knows(group, kind),
            Kind::Real(real) => real.knows(group, kind),
        }
    }

    pub(crate) fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        match &self.kind {
            Kind::Own(own) => own.object(group, plural, namespace, name),
            Kind::Real(real) => real.object(group, plural, namespace, name),
        }
    }

    pub(crate) fn objects(&self, group: &str, plural: &str) -> Vec<Value> {
        match &self.kind {
            Kind::Own(own) => own.objects(group, plural),
            Kind::Real(real) => real.objects(group, plural),
        }
    }

    /// Cuts every connection; new ones are taken.
    pub(crate) fn cut_connections(&self) {
        self.own().cut_connections();
    }

    /// Whether it is gone, with all its connections.
    pub(crate) fn set_down(&self, down: bool) {
        self.own().set_down(down);
    }

    /// Forgets the past: every watch ends with 410, and so does one that starts before now.
    pub(crate) fn compact(&self) {
        self.own().compact();
    }

    /// Answers the next requests whose `METHOD /path?query` contains a text with that code.
    pub(crate) fn fail(&self, contains: &str, code: u16, times: usize) {
        self.own().fail(contains, code, times);
    }

    /// Each request as `METHOD /path?query`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.own().requests()
    }

    /// What the webhooks were asked and said.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.own().asked()
    }

    /// Lets a Service, `namespace/name`, lead to addresses.
    pub(crate) fn serve(&self, service: &str, addresses: &[SocketAddr]) {
        match &self.kind {
            Kind::Own(own) => own.serve(service, addresses),
            Kind::Real(real) => real.serve(service, addresses),
        }
    }
}
