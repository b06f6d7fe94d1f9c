//! `meshwright-webhook withdraw`: opens the gate and takes back what is said of declarations, before the program is taken
//! away.

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::cluster::withdraw_statuses;
use crate::controller::withdrawn;

/// Times that a replica that writes at the same moment gives way.
const ATTEMPTS: usize = 10;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// What became of the configuration.
    pub configuration: Withdrawal,
    /// How many declarations nothing is said of any more.
    pub declarations: usize,
}

/// What became of the configuration.
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
    /// The API server's word on declarations.
    #[error("the status of declarations cannot be taken back: {0}")]
    Declarations(kube::Error),
    /// Somebody else always was faster.
    #[error("configuration `{0}` is written by too many at once")]
    Contended(String),
}

/// Sets every webhook of the configuration to `failurePolicy: Ignore` and marks it, so that no replica closes it again.
/// Delete it to have it made anew. Then takes back the status of every declaration, for which an agent would wait.
///
/// # Errors
/// When the configuration or the declarations cannot be read or written.
pub async fn withdraw(client: Client, name: &str) -> Result<Withdrawn, WithdrawError> {
    let configuration = open(client.clone(), name).await?;
    let declarations = withdraw_statuses(client).await.map_err(WithdrawError::Declarations)?;
    Ok(Withdrawn { configuration, declarations })
}

async fn open(client: Client, name: &str) -> Result<Withdrawal, WithdrawError> {
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
