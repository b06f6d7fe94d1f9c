//! The command line.

mod api_server;
mod cluster;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use meshwright_policies::admission;

pub use api_server::ApiServerArgs;
pub use cluster::{
    ClusterArgs, FailurePolicyArg, FieldsArg, InNamespace, PrintArgs, ServiceRef, TargetArgs, WhenArg,
};

/// Serves validating admission: refuses what contradicts a cluster's `MeshDeclaration`.
#[derive(Clone, Debug, Parser)]
#[command(name = "meshwright-webhook", version, about)]
#[command(group = ArgGroup::new("certificate").required(true).args(["self_signed", "tls_cert", "certificate_secret"]))]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// File with MeshDeclarations, or directory of such files (.yaml, .yml, .json); reloaded when it changes.
    /// Repeat for several places. Default: those in the API server, which are watched
    #[arg(long, value_name = "PATH", env = "MESHWRIGHT_DECLARATION")]
    pub declaration: Vec<PathBuf>,

    /// The API server.
    #[command(flatten)]
    pub api_server: ApiServerArgs,

    /// What is answered while no declaration is known
    #[arg(long, value_name = "ANSWER", default_value = "allow")]
    pub without_declaration: WithoutDeclaration,

    /// Where reviews are served, over TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub listen: SocketAddr,

    /// Where health and metrics are served, in plain HTTP
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// Serve with a certificate made at start, for `localhost`, `127.0.0.1` and each --san
    #[arg(long)]
    pub self_signed: bool,

    /// Another name or address of the self-signed certificate
    #[arg(long, value_name = "NAME", requires = "self_signed")]
    pub san: Vec<String>,

    /// Certificate chain, PEM, leaf first; reloaded when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "self_signed")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Authorities of the certificate, PEM, to be published in the webhook's configuration before it is served; reloaded when
    /// it changes
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,

    /// Ask every client for a certificate from one of these authorities, PEM
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,

    /// What is done with the API server.
    #[command(flatten)]
    pub cluster: ClusterArgs,

    /// Bounds of what clients can use.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// How often files are read again even when no change was announced
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub poll_interval: Duration,

    /// How long the program still takes connections after SIGTERM, not ready, so that clients can go elsewhere
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub drain_delay: Duration,

    /// How long requests may take to finish after that
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as `info,meshwright_webhook=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", env = "MESHWRIGHT_LOG")]
    pub log: String,
}

/// What is done instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print the webhook's configuration, as this release generates it
    Configuration(PrintArgs),

    /// Open the gate of the webhook's configuration, and keep it open: before the program is taken away for good
    Withdraw {
        /// Name of the configuration
        #[arg(long, value_name = "NAME")]
        configuration: String,
    },

    /// Find out whether the API server asks the webhook and obeys it: a dry run that has to be refused. Exit code 1 when it
    /// is not
    SelfTest {
        /// How long it is tried
        #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
        wait: Duration,
    },

    /// Print what the webhook may have to do in a cluster, as rules of a ClusterRole (YAML)
    Rbac {
        /// Print the rules of a Role in each system namespace instead
        #[arg(long)]
        system_namespaces: bool,
    },
}

impl Args {
    /// Whether there is an API server to speak to.
    #[must_use]
    pub fn has_cluster(&self) -> bool {
        let ApiServerArgs { kubeconfig, context, in_cluster, .. } = &self.api_server;
        let kept = self.cluster.certificate_secret.is_some() || self.cluster.configuration.is_some();
        self.declaration.is_empty() || *in_cluster || kept || kubeconfig.is_some() || context.is_some()
    }
}

/// Bounds on the command line; what they mean is said at [`crate::server::Limits`].
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Connections at once; more wait until one ends
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_connections: u32,

    /// Reviews at once; more are answered 429
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub max_reviews: u32,

    /// Bytes of one review
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024,
          value_parser = clap::value_parser!(u32).range(1024..=256 * 1024 * 1024))]
    pub max_body: u32,

    /// For the TLS handshake
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub handshake_timeout: Duration,

    /// For the headers of a request, from its first byte or from the connection's start
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub header_timeout: Duration,

    /// For the body of a request
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub body_timeout: Duration,

    /// For a decision
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub evaluation_timeout: Duration,

    /// For a connection between requests; keep it above the API server's 90 s
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = duration)]
    pub idle_timeout: Duration,
}

/// What is answered while no declaration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WithoutDeclaration {
    /// Allow, with a warning.
    Allow,
    /// Deny.
    Deny,
}

impl From<WithoutDeclaration> for admission::WithoutDeclaration {
    fn from(without: WithoutDeclaration) -> admission::WithoutDeclaration {
        match without {
            WithoutDeclaration::Allow => admission::WithoutDeclaration::Allow,
            WithoutDeclaration::Deny => admission::WithoutDeclaration::Deny,
        }
    }
}

/// Why a duration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as `500ms`, `30s` or `2m`")]
pub struct DurationError(String);

/// `500ms`, `30s`, `2m`; at most a day.
fn duration(text: &str) -> Result<Duration, DurationError> {
    let refuse = || DurationError(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refuse())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    millis.filter(|millis| *millis <= 86_400_000).map(Duration::from_millis).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_short_form_serves_on_loopback() {
        let args = Args::parse_from(["meshwright-webhook", "--declaration", "d.yaml", "--self-signed"]);
        assert!(args.listen.ip().is_loopback());
        assert_eq!(args.without_declaration, WithoutDeclaration::Allow);
        assert_eq!(args.limits.max_body, 8_388_608);
    }

    #[test]
    fn a_certificate_is_asked_for() {
        let kind = |line: &[&str]| Args::try_parse_from(line).map(|_| ()).map_err(|error| error.kind());
        let missing = Err(ErrorKind::MissingRequiredArgument);
        assert_eq!(kind(&["w", "--declaration", "d"]), missing);
        assert_eq!(kind(&["w", "--declaration", "d", "--tls-cert", "c"]), missing);
        let both = ["w", "--declaration", "d", "--tls-cert", "c", "--tls-key", "k", "--self-signed"];
        assert_eq!(kind(&both), Err(ErrorKind::ArgumentConflict));
    }

    #[test]
    fn declarations_come_from_the_cluster_unless_a_file_is_named() {
        let args = |line: &[&str]| Args::parse_from([&["w", "--self-signed"], line].concat());
        assert!(args(&[]).has_cluster());
        assert!(!args(&["--declaration", "d"]).has_cluster());
        assert!(args(&["--declaration", "d", "--in-cluster"]).has_cluster());
        assert!(args(&["--declaration", "d", "--context", "east"]).has_cluster());
        assert!(matches!(Args::parse_from(["w", "rbac"]).command, Some(Command::Rbac { .. })));
    }

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "5", "s", "-1s", "1h", "99999999999999999999s", "86401s", "18446744073709551615m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
