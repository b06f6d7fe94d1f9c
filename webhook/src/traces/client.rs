//! The client that sends spans: it blocks, on the thread that has nothing else to do.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::TracesError;

/// For one attempt, as the specification has it, in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Authorities of the collector; the system's otherwise.
const AUTHORITIES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
/// What this program shows the collector.
const CHAINS: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
const KEYS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"];
/// Bytes of an answer that are read.
const ANSWER: u64 = 64 * 1024;

/// The client.
#[derive(Debug)]
pub(super) struct Client(Agent);

impl Client {
    pub(super) fn from_environment() -> Result<Client, TracesError> {
        let timeout = said(TIMEOUTS).and_then(|text| text.trim().parse().ok());
        let timeout = timeout.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = match said(AUTHORITIES) {
            None => RootCerts::PlatformVerifier,
            Some(path) => RootCerts::new_with_certs(&certificates(&path)?),
        };
        let identity = match (said(CHAINS), said(KEYS)) {
            (Some(chain), Some(key)) => {
                Some(ClientCert::new_with_certs(&certificates(&chain)?, private_key(&key)?))
            }
            _ => None,
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(roots)
            .client_cert(identity)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Ok(Client(Agent::new_with_config(config)))
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let (parts, mut body) = self.0.run(Request::from_parts(parts, &body[..]))?.into_parts();
        let body = body.with_config().limit(ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'own, 'all>(
        &'own self,
        request: Request<Bytes>,
    ) -> BoxFuture<'all, Result<Response<Bytes>, HttpError>>
    where
        'own: 'all,
        Self: 'all,
    {
        Box::pin(async move { self.send(request) })
    }
}

/// What the first of these variables says.
fn said(names: [&str; 2]) -> Option<String> {
    names.into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn read(path: &str) -> Result<Vec<u8>, TracesError> {
    std::fs::read(Path::new(path)).map_err(|error| unusable(path, &error))
}

fn unusable(path: &str, error: &dyn std::fmt::Display) -> TracesError {
    TracesError::Unusable(format!("`{path}` cannot be used: {error}"))
}

fn certificates(path: &str) -> Result<Vec<Certificate<'static>>, TracesError> {
    let mut found = Vec::new();
    for item in parse_pem(&read(path)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(path, &error))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(unusable(path, &"it holds no certificate")) } else { Ok(found) }
}

fn private_key(path: &str) -> Result<PrivateKey<'static>, TracesError> {
    PrivateKey::from_pem(&read(path)?).map_err(|error| unusable(path, &error))
}
