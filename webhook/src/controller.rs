//! Keeps the webhook's configuration: what is asked, whom API servers trust, and what happens when no answer comes.
//!
//! Every replica does the same, and what decides is in the object itself, so that they do not fight: rules and authorities
//! follow from what all of them know, `failurePolicy` moves by what a proof says of the object as it is, and a write with an
//! old `resourceVersion` is refused by the API server and tried again from the start. An older release leaves the
//! configuration of a newer one alone.

mod proof;
mod reconcile;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::PostParams;
use kube::{Api, Client};

pub use proof::{Proof, prove};
pub use reconcile::{Fields, Plan, VERSION, WITHDRAWN, plan, policy_of, published, withdrawn};

use crate::backoff::Backoff;
use crate::configuration::{self, FailurePolicy, Options, Scope};
use crate::log::causes;
use crate::metrics::{Metrics, ResultLabels};
use crate::store::Store;
use crate::trust::Trust;

/// Failed proofs in a row that open the gate.
const FAILURES: u32 = 3;
/// Times that replicas that write at once give way in one round.
const ATTEMPTS: usize = 5;

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The API server's word.
    #[error("configuration `{name}` cannot be read or written: {error}")]
    Api {
        /// The configuration.
        name: String,
        /// What it said.
        error: kube::Error,
    },
    /// Somebody else always was faster.
    #[error("configuration `{0}` is written by too many at once")]
    Contended(String),
}

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the configuration is made of; its authorities and `failurePolicy` are found out.
    pub options: Options,
    /// Whether `failurePolicy` may ever be `Fail`.
    pub may_fail: bool,
    /// Whether this program publishes the authorities of its certificate, or somebody else does.
    pub publishes: bool,
    /// Which fields are this program's.
    pub fields: Fields,
    /// The ClusterRole with which the configuration goes.
    pub owner: Option<String>,
    /// How often everything is looked at again.
    pub interval: Duration,
}

/// Keeps one configuration.
pub struct Controller {
    client: Client,
    settings: Settings,
    store: Arc<Store>,
    trust: Arc<Trust>,
    metrics: Arc<Metrics>,
    failures: u32,
    successes: u32,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Controller {
    /// A controller that has done nothing yet.
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        store: Arc<Store>,
        trust: Arc<Trust>,
        metrics: Arc<Metrics>,
    ) -> Controller {
        Controller { client, settings, store, trust, metrics, failures: 0, successes: 0 }
    }

    /// Looks after the configuration for ever: in its interval, and at once when declarations or authorities change.
    pub async fn run(mut self) {
        let mut changes = self.store.changes();
        let interval = self.settings.interval;
        let mut backoff = Backoff::new(Duration::from_secs(1), interval.max(Duration::from_secs(1)));
        loop {
            let again = match self.round().await {
                Ok(true) => {
                    backoff.reset();
                    backoff.spread(interval)
                }
                Ok(false) => backoff.after_failure(),
                Err(error) => {
                    tracing::warn!(error = causes(&error), "the webhook's configuration is not kept");
                    self.metrics.configuration_failures.inc();
                    backoff.after_failure()
                }
            };
            let trust = Arc::clone(&self.trust);
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                // The store outlives this loop, so that there is always somebody to announce a change.
                Ok(()) = changes.changed() => {}
                () = trust.changed() => {}
            }
        }
    }

    /// Brings the configuration up to date, proves it, and moves `failurePolicy` by the proof. Returns whether nothing is
    /// left to do.
    ///
    /// # Errors
    /// When the configuration cannot be read or written.
    pub async fn round(&mut self) -> Result<bool, ControlError> {
        if self.settings.publishes && self.trust.wanted().is_empty() {
            // Nobody could trust the answers yet.
            return Ok(false);
        }
        let policy = self.write(None).await?;
        if !self.settings.may_fail {
            return Ok(true);
        }
        let snapshot = self.store.snapshot();
        let declaration = snapshot.declared.first().map(|declared| &declared.declaration.spec);
        let proof = prove(&self.client, declaration).await;
        self.count(&proof);
        match (&proof, policy) {
            (Proof::Refused, FailurePolicy::Ignore)
                if self.write(Some(FailurePolicy::Fail)).await? == FailurePolicy::Fail =>
            {
                tracing::info!("questions arrive and are obeyed: the gate is closed from now on");
            }
            (Proof::Passed(why), FailurePolicy::Fail) if self.failures >= FAILURES => {
                self.write(Some(FailurePolicy::Ignore)).await?;
                tracing::error!(why, "questions no longer arrive: the gate is open");
            }
            _ => {}
        }
        Ok(proof == Proof::Refused)
    }

    fn count(&mut self, proof: &Proof) {
        let result = match proof {
            Proof::Refused => {
                self.failures = 0;
                self.successes = self.successes.saturating_add(1);
                "refused"
            }
            Proof::Passed(why) => {
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(
                    why,
                    failures = self.failures,
                    "the self-test was not refused by this webhook"
                );
                "passed"
            }
            Proof::Unknown(why) => {
                tracing::warn!(why, "the self-test could not be made");
                "unknown"
            }
        };
        self.metrics.proofs.get_or_create(&ResultLabels { result }).inc();
        if *proof == Proof::Refused {
            self.metrics.proved.set(1);
        } else if matches!(proof, Proof::Passed(_)) {
            self.metrics.proved.set(0);
        }
    }

    /// Writes what is not as it should be; `failurePolicy` only when it is said. Returns it as it is then.
    async fn write(&mut self, policy: Option<FailurePolicy>) -> Result<FailurePolicy, ControlError> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.client.clone());
        let name = self.settings.options.name.clone();
        let failed = |error| ControlError::Api { name: name.clone(), error };
        let owner = self.owner().await;
        for _ in 0..ATTEMPTS {
            let current = api.get_opt(&name).await.map_err(failed)?;
            // A gate that nobody could have answered at was closed by no proof: API servers make `Fail` of a policy that an
            // agent leaves out.
            let unproved = |current: &&ValidatingWebhookConfiguration| {
                self.settings.publishes && published(current).is_empty()
            };
            let proved = current.as_ref().filter(|current| !unproved(current));
            let standing = proved.map_or(FailurePolicy::Ignore, policy_of);
            let policy =
                if self.settings.may_fail { policy.unwrap_or(standing) } else { FailurePolicy::Ignore };
            let snapshot = self.store.snapshot();
            let scope = Scope::of(snapshot.declared.iter().map(|declared| &declared.declaration.spec));
            let options = Options {
                authorities: self.trust.bundle(),
                failure_policy: policy,
                owner: owner.clone(),
                ..self.settings.options.clone()
            };
            let desired = configuration::build(&options, &scope);
            let params =
                PostParams { field_manager: Some("meshwright-webhook".to_owned()), ..PostParams::default() };
            let written = match plan(current, desired, self.settings.fields) {
                Plan::Nothing(current) => Ok(current),
                Plan::Leave(current) => {
                    tracing::debug!("the configuration is another's, and left alone");
                    Ok(current)
                }
                Plan::Absent => {
                    tracing::warn!(
                        name,
                        "there is no configuration of that name, and making it is others' work"
                    );
                    return Ok(FailurePolicy::Ignore);
                }
                Plan::Create(desired) => api.create(&params, &desired).await.map(Box::new),
                Plan::Replace(desired) => api.replace(&name, &params, &desired).await.map(Box::new),
            };
            match written {
                Ok(current) => {
                    self.saw(&current);
                    return Ok(policy_of(&current));
                }
                // Somebody else was faster: from the start.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(ControlError::Contended(name))
    }

    fn saw(&self, current: &ValidatingWebhookConfiguration) {
        self.trust.saw(&published(current));
        self.metrics.fails_closed.set(i64::from(policy_of(current) == FailurePolicy::Fail));
    }

    /// The ClusterRole as owner; without it, the configuration stays until somebody deletes it.
    async fn owner(&self) -> Option<OwnerReference> {
        let name = self.settings.owner.as_ref()?;
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        match roles.get_opt(name).await {
            Ok(Some(role)) => Some(OwnerReference {
                api_version: "rbac.authorization.k8s.io/v1".to_owned(),
                kind: "ClusterRole".to_owned(),
                name: name.clone(),
                uid: role.metadata.uid.unwrap_or_default(),
                ..OwnerReference::default()
            }),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(error = causes(&error), name, "the configuration's owner cannot be read");
                None
            }
        }
    }
}

/// Digests of authorities.
pub type Digests = BTreeSet<[u8; 32]>;
