//! A server on loopback, and a client that speaks to it as an API server does: HTTP/1.1 over TLS, connections kept.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use meshwright_policies::admission::WithoutDeclaration;
use meshwright_webhook::cluster::{Cluster, Duties, Events, Rhythm};
use meshwright_webhook::metrics::Metrics;
use meshwright_webhook::server::{CertificateSource, Certificates, Limits, Server, Settings};
use meshwright_webhook::store::Store;
use meshwright_webhook::traces::Traces;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const DECLARATION: &str = include_str!("../declarations/mdemo.yaml");

/// A captured review, as the API server sent it.
pub(crate) fn captured(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reviews").join(format!("{name}.json"));
    let capture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    capture["review"].to_string().into_bytes()
}

/// Contradicts: a dry run that puts the system namespace on another network.
pub(crate) fn wrong() -> Vec<u8> {
    captured("004-ns-dryrun-update-namespace")
}

/// Agrees: Flux puts the label right.
pub(crate) fn right() -> Vec<u8> {
    captured("003-ns-ssa-flux-update-namespace")
}

/// An authority for tests.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Chain and key, PEM.
    pub(crate) fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    pub(crate) fn client(&self, identity: Option<(String, String)>) -> Arc<ClientConfig> {
        client(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap(), identity)
    }
}

/// A client that trusts one certificate.
pub(crate) fn client(root: CertificateDer<'static>, identity: Option<(String, String)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    })
}

/// A running server.
pub(crate) struct Running {
    pub(crate) server: Option<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: SocketAddr,
    pub(crate) store: Arc<Store>,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) duties: Option<Duties>,
}

/// What differs from the defaults.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) authority: Option<Authority>,
    pub(crate) client_authorities: Option<Vec<u8>>,
    pub(crate) declaration: Option<String>,
    /// Whether a keeper gives the certificate.
    pub(crate) kept: bool,
    /// Where declarations come from, instead of a file.
    pub(crate) cluster: Option<(Cluster, Rhythm)>,
}

impl Running {
    pub(crate) async fn start(options: Options) -> Running {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("d.yaml"), options.declaration.as_deref().unwrap_or(DECLARATION)).unwrap();
        let metrics = Arc::new(Metrics::new());
        let store = match &options.cluster {
            None => Store::open(vec![at("d.yaml")], Arc::clone(&metrics)),
            Some(_) => Store::of_cluster(Arc::clone(&metrics)),
        };
        let mut events = Events::nowhere(&metrics);
        let mut duties = None;
        if let Some((cluster, rhythm)) = &options.cluster {
            events = Events::to(cluster, &metrics);
            duties = Some(Duties::start(cluster, &store, &events, &metrics, *rhythm));
        }
        let source = match &options.authority {
            None if options.kept => CertificateSource::Kept,
            None => CertificateSource::SelfSigned(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]),
            Some(authority) => {
                let (chain, key) = authority.issue();
                std::fs::write(at("tls.crt"), chain).unwrap();
                std::fs::write(at("tls.key"), key).unwrap();
                CertificateSource::Files { certificate: at("tls.crt"), key: at("tls.key") }
            }
        };
        let certificates = Arc::new(Certificates::open(source, Arc::clone(&metrics)).unwrap());
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics_listen: Some("127.0.0.1:0".parse().unwrap()),
            client_authorities: options.client_authorities,
            limits: options.limits,
            without_declaration: WithoutDeclaration::Allow,
            drain_timeout: Duration::from_secs(10),
            traces: Traces::nowhere(),
        };
        let client = match &options.authority {
            Some(authority) => authority.client(None),
            None => client(certificates.current().leaf().unwrap().clone(), None),
        };
        let parts = (Arc::clone(&store), Arc::clone(&certificates), Arc::clone(&metrics));
        let server = Server::start(settings, parts.0, parts.1, parts.2, events).await.unwrap();
        let (address, metrics_address) = (server.address, server.metrics_address.unwrap());
        let server = Some(server);
        Running { server, address, metrics_address, store, certificates, metrics, directory, client, duties }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address, &self.client).await.unwrap()
    }

    /// Sends a review over a connection of its own and returns the answer's response.
    pub(crate) async fn ask(&self, review: &[u8]) -> Value {
        let answer = self.connect().await.post(review.to_vec()).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        body["response"].take()
    }

    /// `GET` in plain HTTP.
    pub(crate) async fn observe(&self, path: &str) -> (u16, String) {
        observe(self.metrics_address, path).await.unwrap()
    }

    /// A metric's value.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.observe("/metrics").await.1;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

/// `GET` in plain HTTP.
pub(crate) async fn observe(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn closes(&self) -> bool {
        self.headers.get("connection").is_some_and(|value| value == "close")
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// The server's certificate.
    pub(crate) leaf: Vec<u8>,
}

/// A stream after the handshake.
pub(crate) async fn handshake(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Connection> {
        let stream = handshake(address, config).await?;
        let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        Ok(Connection { sender: http(stream).await, leaf })
    }

    pub(crate) async fn post(&mut self, body: Vec<u8>) -> hyper::Result<Answer> {
        self.send("POST", "/validate?timeout=10s", body).await
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, body: Vec<u8>) -> hyper::Result<Answer> {
        self.send_with(method, path, body, &[]).await
    }

    /// The same with more headers, or others.
    pub(crate) async fn send_with(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&'static str, &str)],
    ) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("content-type", "application/json");
        let mut request = request.body(Full::new(body.into())).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = self.sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

async fn http<S>(stream: S) -> SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A client that takes any certificate, as `curl --insecure` does: the program's own is made when it starts.
pub(crate) fn trusting() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(Trusting(Arc::clone(&provider)));
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
