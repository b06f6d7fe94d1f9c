//! The serving certificate: made at start, or read from files and swapped when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::authority::{Authority, SETTLE};
use crate::metrics::{Metrics, ResultLabels, RoleLabels, unix_seconds};
use crate::trust::Trust;
use crate::watch::{self, Watch};

/// Why a certificate is not served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file that is not PEM, or holds something else.
    #[error("the {what} is not PEM: {error}")]
    Pem {
        /// Which file.
        what: &'static str,
        /// Why.
        error: String,
    },
    /// A file without a certificate.
    #[error("there is no certificate")]
    Empty,
    /// A key that is not the certificate's, or of an unknown kind.
    #[error("certificate and key do not go together: {0}")]
    Mismatch(rustls::Error),
    /// A certificate that cannot be read.
    #[error("the certificate is malformed")]
    Malformed,
    /// A certificate out of its time.
    #[error("the certificate {0}")]
    OutOfTime(&'static str),
    /// A name that no certificate can have.
    #[error("a certificate cannot be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}

/// A chain with its key.
#[derive(Debug)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    /// Validity of the leaf, in seconds since 1970.
    validity: (i64, i64),
}

impl Pair {
    /// Reads a chain, leaf first, and the leaf's key.
    ///
    /// # Errors
    /// When they are malformed, do not go together or are out of their time.
    pub fn read(chain: &[u8], key: &[u8], now: SystemTime) -> Result<Pair, CertificateError> {
        let pem = |what, error: rustls::pki_types::pem::Error| CertificateError::Pem {
            what,
            error: error.to_string(),
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| pem("certificate", error))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| pem("key", error))?;
        Pair::new(chain, key, now)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        now: SystemTime,
    ) -> Result<Pair, CertificateError> {
        let leaf = chain.first().ok_or(CertificateError::Empty)?;
        let (_, parsed) =
            x509_parser::parse_x509_certificate(leaf).map_err(|_| CertificateError::Malformed)?;
        let validity = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let pair = Pair { key: Arc::new(key.map_err(CertificateError::Mismatch)?), validity };
        match pair.out_of_time(now) {
            None => Ok(pair),
            Some(how) => Err(CertificateError::OutOfTime(how)),
        }
    }

    /// A pair that nobody has to trust beforehand, for 90 days.
    fn self_signed(names: &[String], now: SystemTime) -> Result<Pair, CertificateError> {
        let mut params = rcgen::CertificateParams::new(names)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "meshwright-webhook");
        params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
        // Clocks differ a little.
        params.not_before = now.checked_sub(Duration::from_secs(300)).unwrap_or(now).into();
        params.not_after = (now + SELF_SIGNED_LIFE).into();
        let key = rcgen::KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let key = PrivateKeyDer::try_from(key.serialize_der());
        let key = key.map_err(|error| CertificateError::Pem { what: "key", error: error.to_owned() })?;
        Pair::new(vec![certificate.der().clone()], key, now)
    }

    fn out_of_time(&self, now: SystemTime) -> Option<&'static str> {
        let now = unix_seconds(now);
        match self.validity {
            (from, _) if now < from => Some("is not valid yet"),
            (_, until) if now > until => Some("has expired"),
            _ => None,
        }
    }

    /// The leaf, DER.
    #[must_use]
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }

    /// The end of its validity.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(self.validity.1).unwrap_or(0))
    }
}

/// Life of a self-signed certificate; renewed when a third of it is left.
const SELF_SIGNED_LIFE: Duration = Duration::from_secs(90 * 86_400);

/// Where certificates come from.
#[derive(Clone, Debug)]
pub enum CertificateSource {
    /// Made here, for these names and addresses.
    SelfSigned(Vec<String>),
    /// Given by a keeper ([`Certificates::replace`]); until then made here, for nobody to trust.
    Kept,
    /// Read from files.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
}

/// The authorities of certificates in files.
#[derive(Clone, Debug)]
pub struct Published {
    /// The file, PEM.
    pub authorities: PathBuf,
    /// Where they are published.
    pub trust: Arc<Trust>,
}

impl Published {
    /// Has what the file holds published, and says what that is.
    fn read(&self, now: SystemTime) -> Result<Vec<Authority>, CertificateError> {
        let authorities = Authority::bundle(&read(&self.authorities)?);
        let authorities = authorities.map_err(|error| CertificateError::Pem {
            what: "file of authorities",
            error: error.to_string(),
        })?;
        self.trust.want_also(authorities.clone(), now);
        Ok(authorities)
    }
}

/// The certificate that is served now. A handshake that has begun keeps the one it began with.
pub struct Certificates {
    source: CertificateSource,
    current: ArcSwap<Pair>,
    published: Option<Published>,
    /// Whether the keeper has given none yet.
    waits: AtomicBool,
    /// Of the files that were read last, with what was wrong with them.
    last: Mutex<([u8; 32], Option<String>)>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("source", &self.source).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().key))
    }
}

impl Certificates {
    /// Makes or reads the first certificate.
    ///
    /// # Errors
    /// When there is none that could be served.
    pub fn open(source: CertificateSource, metrics: Arc<Metrics>) -> Result<Certificates, CertificateError> {
        let now = SystemTime::now();
        let (pair, digest) = match &source {
            CertificateSource::SelfSigned(names) => (Pair::self_signed(names, now)?, [0; 32]),
            CertificateSource::Kept => (Pair::self_signed(&["localhost".to_owned()], now)?, [0; 32]),
            CertificateSource::Files { certificate, key } => {
                let (chain, key) = (read(certificate)?, read(key)?);
                (Pair::read(&chain, &key, now)?, digest(&chain, &key))
            }
        };
        let last = Mutex::new((digest, None));
        let pair = Arc::new(pair);
        let waits = AtomicBool::new(matches!(source, CertificateSource::Kept));
        let current = ArcSwap::new(Arc::clone(&pair));
        let certificates = Certificates { source, current, published: None, waits, last, metrics };
        certificates.serve(pair);
        Ok(certificates)
    }

    /// Has the authorities in a file published, and serves a new certificate only after its own have been for a while.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn published(mut self, published: Published) -> Result<Certificates, CertificateError> {
        published.read(SystemTime::now())?;
        self.published = Some(published);
        Ok(self)
    }

    /// The certificate that is served now.
    #[must_use]
    pub fn current(&self) -> Arc<Pair> {
        self.current.load_full()
    }

    /// Why clients would not accept the certificate now, if so.
    #[must_use]
    pub fn out_of_time(&self, now: SystemTime) -> Option<&'static str> {
        if self.waits.load(Ordering::Relaxed) {
            return Some("has not been read from its Secret yet");
        }
        self.current.load().out_of_time(now)
    }

    /// Serves a certificate from a keeper. The one that is served already stays as it is.
    ///
    /// # Errors
    /// When it cannot be served; the earlier one stays.
    pub fn replace(&self, chain: &[u8], key: &[u8], now: SystemTime) -> Result<(), CertificateError> {
        let digest = digest(chain, key);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if digest == last.0 {
            return Ok(());
        }
        match Pair::read(chain, key, now) {
            Ok(pair) => {
                *last = (digest, None);
                self.metrics.certificate_reloads.get_or_create(&ResultLabels { result: "loaded" }).inc();
                tracing::info!(expires = unix_seconds(pair.expires()), "certificate is served");
                self.serve(Arc::new(pair));
                self.waits.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.metrics.certificate_reloads.get_or_create(&ResultLabels { result: "refused" }).inc();
                self.metrics.certificate_refused.set(1);
                Err(error)
            }
        }
    }

    /// Reloads whenever the files change, for as long as the watch is kept.
    #[must_use]
    pub fn watch(self: &Arc<Certificates>, poll: Duration) -> Watch {
        let directories = match &self.source {
            CertificateSource::SelfSigned(_) | CertificateSource::Kept => Vec::new(),
            CertificateSource::Files { certificate, key } => {
                let authorities = self.published.as_ref().map(|published| published.authorities.as_path());
                watch::directories([certificate.as_path(), key.as_path()].into_iter().chain(authorities))
            }
        };
        let certificates = Arc::clone(self);
        watch::watch(directories, poll, move || certificates.reload(SystemTime::now()))
    }

    /// Reads files that have changed; renews what was made here. What cannot be served leaves the earlier pair.
    pub fn reload(&self, now: SystemTime) {
        if self.waits_for_publication(now) {
            return;
        }
        let read = match &self.source {
            CertificateSource::Kept => return,
            CertificateSource::SelfSigned(names) => {
                if now + SELF_SIGNED_LIFE / 3 < self.current.load().expires() {
                    return;
                }
                Pair::self_signed(names, now).map(|pair| (pair, [0; 32]))
            }
            CertificateSource::Files { certificate, key } => self.reread(certificate, key, now),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok((_, digest)) if digest == last.0 && digest != [0; 32] => {
                // The files are again those that are served.
                last.1 = None;
                self.metrics.certificate_refused.set(0);
            }
            Ok((pair, digest)) => {
                *last = (digest, None);
                self.metrics.certificate_reloads.get_or_create(&ResultLabels { result: "loaded" }).inc();
                tracing::info!(expires = unix_seconds(pair.expires()), "certificate is served");
                self.serve(Arc::new(pair));
            }
            Err(error) => {
                let error = error.to_string();
                self.metrics.certificate_refused.set(1);
                if last.1.as_ref() != Some(&error) {
                    self.metrics.certificate_reloads.get_or_create(&ResultLabels { result: "refused" }).inc();
                    tracing::error!(
                        error,
                        "the certificate in the files is refused; the earlier one is served"
                    );
                    last.1 = Some(error);
                }
            }
        }
    }

    /// Whether clients could not trust yet what the files hold now, and still trust what is served.
    fn waits_for_publication(&self, now: SystemTime) -> bool {
        let Some(published) = &self.published else { return false };
        match published.read(now) {
            Ok(authorities) => {
                !published.trust.settled(&authorities, SETTLE) && self.out_of_time(now).is_none()
            }
            Err(error) => {
                tracing::warn!(%error, "the authorities of the certificate cannot be read; those that were known stay");
                false
            }
        }
    }

    fn reread(
        &self,
        chain: &Path,
        key: &Path,
        now: SystemTime,
    ) -> Result<(Pair, [u8; 32]), CertificateError> {
        let (chain, key) = (read(chain)?, read(key)?);
        Ok((Pair::read(&chain, &key, now)?, digest(&chain, &key)))
    }

    fn serve(&self, pair: Arc<Pair>) {
        self.metrics.certificate_refused.set(0);
        self.metrics.expiration.get_or_create(&RoleLabels { role: "leaf" }).set(unix_seconds(pair.expires()));
        self.current.store(pair);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|error| CertificateError::Io { path: path.display().to_string(), error })
}

fn digest(chain: &[u8], key: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update((chain.len() as u64).to_be_bytes());
    digest.update(chain);
    digest.update(key);
    digest.finalize().into()
}

#[cfg(test)]
mod tests;
