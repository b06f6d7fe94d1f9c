//! What is kept in a cluster while serving: the certificate's Secret and the webhook's configuration.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Client};
use tokio::task::JoinSet;

use super::Cluster;
use crate::args::{Args, FailurePolicyArg, WhenArg};
use crate::authority::Lives;
use crate::authority::keeper::Keeper;
use crate::configuration::knows_conditions;
use crate::controller::{Controller, Settings};
use crate::log::causes;
use crate::metrics::Metrics;
use crate::server::Certificates;
use crate::store::Store;
use crate::trust::Trust;

/// How often the Secret is read. What changes there is valid long before it has to be served.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// What is served, and has to be kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The declarations in force.
    pub store: Arc<Store>,
    /// The certificate.
    pub certificates: Arc<Certificates>,
    /// Its authorities.
    pub trust: Arc<Trust>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Starts to keep what the command line asks for, for as long as the tasks are held.
/// Has to be called within a Tokio runtime.
#[must_use]
pub fn keep(args: &Args, connected: &Cluster, kept: Kept) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let (cluster, client) = (&args.cluster, connected.client.clone());
    if let Some(secret) = &cluster.certificate_secret {
        let keeper = Keeper {
            secrets: Api::namespaced(client.clone(), &secret.namespace),
            name: secret.name.clone(),
            names: cluster.target.names().into_iter().chain(args.san.iter().cloned()).collect(),
            lives: Lives::default(),
            certificates: Arc::clone(&kept.certificates),
            trust: Arc::clone(&kept.trust),
            metrics: Arc::clone(&kept.metrics),
        };
        tasks.spawn(keeper.run(KEEP_EVERY));
    }
    if let Some(name) = &cluster.configuration {
        tasks.spawn(configuration(name.clone(), args.clone(), client, kept));
    }
    tasks
}

async fn configuration(name: String, args: Args, client: Client, kept: Kept) {
    let cluster = &args.cluster;
    let conditions = match cluster.match_conditions {
        WhenArg::Always => true,
        WhenArg::Never => false,
        WhenArg::Auto => api_server_knows_conditions(&client).await,
    };
    // The command line asks for both together.
    let Some(options) = cluster.target.options(&name, conditions) else { return };
    let settings = Settings {
        options,
        may_fail: cluster.failure_policy == FailurePolicyArg::Auto,
        publishes: cluster.certificate_secret.is_some() || args.tls_ca.is_some(),
        fields: cluster.configuration_fields.into(),
        owner: cluster.owner_cluster_role.clone(),
        interval: cluster.configuration_interval,
    };
    let Kept { store, trust, metrics, .. } = kept;
    Controller::new(client, settings, store, trust, metrics).run().await;
}

/// Asks until there is an answer: a configuration with conditions that are not known would be refused, one without leaves
/// out what a cluster lives by.
async fn api_server_knows_conditions(client: &Client) -> bool {
    let mut backoff = crate::backoff::Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    loop {
        match client.apiserver_version().await {
            Ok(version) => {
                // Some providers write `28+`.
                let number = |text: &str| {
                    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse().unwrap_or(0)
                };
                return knows_conditions(number(&version.major), number(&version.minor));
            }
            Err(error) => {
                tracing::warn!(error = causes(&error), "the API server's version is not known yet");
                tokio::time::sleep(backoff.after_failure()).await;
            }
        }
    }
}
