//! TLS: 1.2 and 1.3, HTTP/1.1, optionally with client certificates.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{
    NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::{RootCertStore, ServerConfig};

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Client authorities that are not PEM.
    #[error("the client authorities are not PEM: {0}")]
    Pem(String),
    /// A client authority that cannot be one.
    #[error("a client authority cannot be used: {0}")]
    Authority(rustls::Error),
    /// No client authority.
    #[error("there is no client authority: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// A set of ciphers without a protocol.
    #[error("TLS cannot be set up: {0}")]
    Protocol(rustls::Error),
}

/// The configuration, for the life of the program; certificates are swapped inside the resolver.
///
/// # Errors
/// When the client authorities cannot be used.
pub fn config(
    certificates: Arc<dyn ResolvesServerCert>,
    client_authorities: Option<&[u8]>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Protocol)?;
    let builder = match client_authorities {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in CertificateDer::pem_slice_iter(pem) {
                let authority = authority.map_err(|error| TlsError::Pem(error.to_string()))?;
                roots.add(authority).map_err(TlsError::Authority)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(certificates);
    // API servers speak HTTP/1.1 to webhooks (Kubernetes: `k8s.io/apiserver/pkg/util/webhook/client.go`).
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // API servers do not resume sessions, and a resumed one would not see a swapped certificate or authority.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
