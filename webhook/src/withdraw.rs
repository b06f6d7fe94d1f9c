//! `meshwright-webhook withdraw`: opens the gate before the program is taken away.

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::controller::withdrawn;

/// Times that a replica that writes at the same moment gives way.
const ATTEMPTS: usize = 10;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawal {
    /// Its gate is open, and stays open.
    Opened,
    /// It is not there.
    Absent,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
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

/// Sets every webhook of the configuration to `failurePolicy: Ignore` and marks it, so that no replica closes it again.
/// Delete it to have it made anew.
///
/// # Errors
/// When the configuration cannot be read or written.
pub async fn withdraw(client: Client, name: &str) -> Result<Withdrawal, WithdrawError> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client);
    let failed = |error| WithdrawError::Api { name: name.to_owned(), error };
    for _ in 0..ATTEMPTS {
        let Some(current) = api.get_opt(name).await.map_err(failed)? else { return Ok(Withdrawal::Absent) };
        match api.replace(name, &PostParams::default(), &withdrawn(current)).await {
            Ok(_) => return Ok(Withdrawal::Opened),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(WithdrawError::Contended(name.to_owned()))
}
