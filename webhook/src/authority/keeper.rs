//! Keeps the material in its Secret: whoever comes first makes it, everybody serves it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use super::{AuthorityError, Lives, Material, Published, next};
use crate::backoff::Backoff;
use crate::log::causes;
use crate::metrics::{Metrics, RoleLabels};
use crate::server::{CertificateError, Certificates};
use crate::trust::Trust;

/// By which a Secret is known to be this program's.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "meshwright-webhook");

/// How often replicas that write at once give way in one round.
const ATTEMPTS: usize = 5;

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The API server's word.
    #[error("Secret `{name}` cannot be read or written: {error}")]
    Api {
        /// The Secret.
        name: String,
        /// What it said.
        error: kube::Error,
    },
    /// A Secret of somebody else.
    #[error(
        "Secret `{0}` holds something else, and has no label `app.kubernetes.io/managed-by: meshwright-webhook`"
    )]
    NotOurs(String),
    /// Nothing new can be made.
    #[error(transparent)]
    Make(#[from] AuthorityError),
    /// What is there cannot be served.
    #[error("Secret `{name}` cannot be served: {error}")]
    Serve {
        /// The Secret.
        name: String,
        /// Why.
        error: CertificateError,
    },
    /// Somebody else always was faster.
    #[error("Secret `{0}` is written by too many at once")]
    Contended(String),
}

/// Keeps one Secret.
#[derive(Clone)]
pub struct Keeper {
    /// The Secrets of its namespace.
    pub secrets: Api<Secret>,
    /// Its name.
    pub name: String,
    /// The names and addresses that the certificate is for.
    pub names: Vec<String>,
    /// How long what lives.
    pub lives: Lives,
    /// Where the certificate is served.
    pub certificates: Arc<Certificates>,
    /// Where its authorities are published.
    pub trust: Arc<Trust>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Keeper {
    /// Looks after the Secret for ever.
    pub async fn run(self, every: Duration) {
        let mut backoff = Backoff::new(Duration::from_secs(1), every.max(Duration::from_secs(1)));
        loop {
            match self.round(SystemTime::now()).await {
                Ok(()) => {
                    backoff.reset();
                    tokio::time::sleep(backoff.spread(every)).await;
                }
                Err(error) => {
                    tracing::warn!(error = causes(&error), "the certificate is not kept");
                    self.metrics.keeper_failures.inc();
                    tokio::time::sleep(backoff.after_failure()).await;
                }
            }
        }
    }

    /// Reads the Secret, brings it up to date, and serves what it holds.
    ///
    /// # Errors
    /// When the Secret cannot be read, written or used; what was served stays.
    pub async fn round(&self, now: SystemTime) -> Result<(), KeepError> {
        let api = |error| KeepError::Api { name: self.name.clone(), error };
        for _ in 0..ATTEMPTS {
            let secret = self.secrets.get_opt(&self.name).await.map_err(api)?;
            let material = self.read(secret.as_ref())?;
            let published = material
                .as_ref()
                .and_then(Material::next_authority)
                .map_or(Published::No, |next| self.trust.published(&next.digest));
            let Some(changed) = next(material.as_ref(), &self.names, published, self.lives, now)? else {
                return material.map_or(Ok(()), |material| self.serve(&material, now));
            };
            match self.write(secret.as_ref(), &changed).await {
                Ok(()) => return self.serve(&changed, now),
                // Somebody else was faster: theirs counts.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => {
                    if let Some(material) = &material {
                        self.serve(material, now)?;
                    }
                    return Err(api(error));
                }
            }
        }
        Err(KeepError::Contended(self.name.clone()))
    }

    /// The material in a Secret; nothing where there is none, or none that could be used.
    fn read(&self, secret: Option<&Secret>) -> Result<Option<Material>, KeepError> {
        let Some(secret) = secret else { return Ok(None) };
        let data: BTreeMap<String, Vec<u8>> =
            secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect();
        if data.values().all(Vec::is_empty) {
            return Ok(None);
        }
        let label = secret.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY.0));
        match Material::read(&data) {
            Ok(material) => Ok(Some(material)),
            Err(error) if label.is_some_and(|label| label == MANAGED_BY.1) => {
                tracing::error!(%error, secret = self.name, "the Secret is broken, and made anew");
                Ok(None)
            }
            Err(_) => Err(KeepError::NotOurs(self.name.clone())),
        }
    }

    async fn write(&self, before: Option<&Secret>, material: &Material) -> kube::Result<()> {
        let data = material.write().into_iter().map(|(key, value)| (key, ByteString(value))).collect();
        let mut secret = before.cloned().unwrap_or_else(|| Secret {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            ..Secret::default()
        });
        let labels = secret.metadata.labels.get_or_insert_default();
        labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
        secret.data = Some(data);
        let params =
            PostParams { field_manager: Some("meshwright-webhook".to_owned()), ..PostParams::default() };
        match before {
            None => self.secrets.create(&params, &secret).await?,
            // With the version that was read: what somebody else wrote since is not overwritten.
            Some(_) => self.secrets.replace(&self.name, &params, &secret).await?,
        };
        tracing::info!(secret = self.name, "the certificate's Secret was written");
        Ok(())
    }

    fn serve(&self, material: &Material, now: SystemTime) -> Result<(), KeepError> {
        self.trust.want(material.authorities().to_vec());
        let expiration = |role, until| self.metrics.expiration.get_or_create(&RoleLabels { role }).set(until);
        expiration("ca", material.authority().until());
        let (certificate, key) = material.pair();
        self.certificates
            .replace(certificate.as_bytes(), key.as_bytes(), now)
            .map_err(|error| KeepError::Serve { name: self.name.clone(), error })
    }
}
