//! The API server: how it is reached, and how often it is asked.

use std::path::PathBuf;
use std::time::Duration;

use super::duration;

/// The API server.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "API server")]
pub struct ApiServerArgs {
    /// Kubeconfig of the cluster. Default: the service account of the pod
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// Audit the cluster and write Events although declarations come from files
    #[arg(long, requires = "declaration")]
    pub in_cluster: bool,

    /// How often all objects are judged that are there already; `0s` for never
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub audit_interval: Duration,

    /// How often all declarations are listed again, even when their watch missed nothing
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration)]
    pub resync_interval: Duration,
}
