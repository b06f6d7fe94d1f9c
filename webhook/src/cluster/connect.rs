//! The connection to the API server.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the API server may be silent: longer than a watch lasts, which it ends after at most 290 s.
const READ: Duration = Duration::from_secs(295);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither a kubeconfig nor a cluster.
    #[error(
        "this is no pod of a cluster ({0}); name a file with --declaration, or a cluster with --kubeconfig or --context"
    )]
    NoCluster(#[source] Box<kube::config::InClusterError>),
    /// A kubeconfig that cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// What it says cannot be used.
    #[error("no client can be made: {0}")]
    Client(#[source] Box<kube::Error>),
}

/// The API server, and who asks it.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// The namespace that this program runs in.
    pub namespace: String,
    /// The name of its pod, or of its machine.
    pub instance: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Takes a kubeconfig and a context of it when one is named, otherwise the service account of the pod.
    ///
    /// # Errors
    /// When neither is there. Whether the API server answers is not tried.
    pub async fn connect(
        kubeconfig: Option<PathBuf>,
        context: Option<String>,
    ) -> Result<Cluster, ConnectError> {
        let mut config = if kubeconfig.is_some() || context.is_some() {
            let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
            let file = match kubeconfig {
                Some(path) => Kubeconfig::read_from(path)?,
                None => Kubeconfig::read()?,
            };
            Config::from_custom_kubeconfig(file, &options).await?
        } else {
            Config::incluster().map_err(|error| ConnectError::NoCluster(Box::new(error)))?
        };
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(READ);
        Cluster::with(config)
    }

    /// Takes a configuration as it is.
    ///
    /// # Errors
    /// When no client can be made of it.
    pub fn with(config: Config) -> Result<Cluster, ConnectError> {
        let namespace = config.default_namespace.clone();
        let client = Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
        // A pod's host name is the pod's name.
        let instance = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
        let instance = instance.unwrap_or_else(|_| "meshwright-webhook".to_owned());
        Ok(Cluster { client, namespace, instance })
    }
}
