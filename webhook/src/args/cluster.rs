//! What the program does with the API server of its cluster.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;

use super::duration;
use crate::configuration::{Options, Target};
use crate::controller::Fields;

/// In a cluster.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "In a cluster")]
pub struct ClusterArgs {
    /// Keep an authority and the serving certificate in this Secret, shared by all replicas, made when it is not there
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "service")]
    pub certificate_secret: Option<InNamespace>,

    /// Keep the ValidatingWebhookConfiguration of this name
    #[arg(long, value_name = "NAME", requires = "service")]
    pub configuration: Option<String>,

    /// Which of its fields are kept; the others belong to whoever applies it
    #[arg(long, value_name = "FIELDS", default_value = "all")]
    pub configuration_fields: FieldsArg,

    /// How often the configuration is looked at and proved
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub configuration_interval: Duration,

    /// What happens when no answer comes: `auto` closes the gate once a self-test through the API server was refused, and
    /// opens it when it no longer is; `ignore` never closes it
    #[arg(long, value_name = "POLICY", default_value = "auto")]
    pub failure_policy: FailurePolicyArg,

    /// Whether the configuration has matchConditions: `auto` asks the API server's version (1.28 knows them)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub match_conditions: WhenArg,

    /// ClusterRole with which the configuration is deleted: it must not outlive the program
    #[arg(long, value_name = "NAME")]
    pub owner_cluster_role: Option<String>,

    /// What the configuration points at.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Where API servers reach the program, and what they do not ask about.
#[derive(Clone, Debug, clap::Args)]
pub struct TargetArgs {
    /// The Service by which the API server reaches this program, and its port. Its namespace is never asked about
    #[arg(long, value_name = "NAMESPACE/NAME[:PORT]")]
    pub service: Option<ServiceRef>,

    /// Domain of the cluster, for the names in the certificate
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,

    /// Another namespace that is never asked about
    #[arg(long, value_name = "NAMESPACE")]
    pub exclude_namespace: Vec<String>,

    /// Seconds that an API server waits for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=30))]
    pub timeout_seconds: u8,
}

impl TargetArgs {
    /// What a configuration of that name is made of.
    #[must_use]
    pub fn options(&self, name: &str, conditions: bool) -> Option<Options> {
        let service = self.service.as_ref()?;
        Some(Options {
            name: name.to_owned(),
            target: Target::Service {
                namespace: service.service.namespace.clone(),
                name: service.service.name.clone(),
                port: service.port,
            },
            authorities: Vec::new(),
            failure_policy: crate::configuration::FailurePolicy::Ignore,
            conditions,
            excluded_namespaces: self.exclude_namespace.clone(),
            timeout_seconds: self.timeout_seconds,
            owner: None,
        })
    }

    /// The names by which API servers call the Service.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let Some(ServiceRef { service: InNamespace { namespace, name }, .. }) = &self.service else {
            return Vec::new();
        };
        let short = format!("{name}.{namespace}.svc");
        vec![format!("{short}.{}", self.cluster_domain), short]
    }
}

/// `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InNamespace {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// `namespace/name:port`; without a port, 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRef {
    /// The Service.
    pub service: InNamespace,
    /// Its port.
    pub port: u16,
}

/// Why a reference was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form `namespace/name`")]
pub struct ReferenceError(String);

impl FromStr for InNamespace {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<InNamespace, ReferenceError> {
        let name = |text: &str| {
            let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            !text.is_empty() && text.len() <= 253 && text.chars().all(letter)
        };
        match text.split_once('/') {
            Some((namespace, object)) if name(namespace) && name(object) => {
                Ok(InNamespace { namespace: namespace.to_owned(), name: object.to_owned() })
            }
            _ => Err(ReferenceError(text.to_owned())),
        }
    }
}

impl FromStr for ServiceRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<ServiceRef, ReferenceError> {
        let (service, port) = text.split_once(':').unwrap_or((text, "443"));
        match port.parse() {
            Ok(port) if port > 0 => Ok(ServiceRef { service: service.parse()?, port }),
            _ => Err(ReferenceError(text.to_owned())),
        }
    }
}

/// Fields of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FieldsArg {
    /// All of them; it is made when it is not there.
    All,
    /// `caBundle` and `failurePolicy`, of a configuration that an agent applies.
    Trust,
}

impl From<FieldsArg> for Fields {
    fn from(fields: FieldsArg) -> Fields {
        match fields {
            FieldsArg::All => Fields::All,
            FieldsArg::Trust => Fields::Trust,
        }
    }
}

/// What happens when no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailurePolicyArg {
    /// As the self-test says.
    Auto,
    /// The request passes.
    Ignore,
}

/// When something is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenArg {
    /// Where it is known.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Print the webhook's configuration, as this release generates it
#[derive(Clone, Debug, clap::Args)]
pub struct PrintArgs {
    /// Name of the configuration
    #[arg(long, value_name = "NAME", default_value = "meshwright-webhook")]
    pub name: String,

    /// File or directory with MeshDeclarations: their system namespaces and gateways are asked about. Default: the
    /// namespace `istio-system`
    #[arg(long, value_name = "PATH")]
    pub declaration: Vec<PathBuf>,

    /// Authorities of the serving certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Whether requests about the mesh's own kinds are refused when no answer comes
    #[arg(long)]
    pub fail: bool,

    /// For API servers before 1.28: without matchConditions, and without what can only be asked with them
    #[arg(long)]
    pub without_match_conditions: bool,

    /// What the configuration points at.
    #[command(flatten)]
    pub target: TargetArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_a_namespace() {
        let service = |text: &str| text.parse::<ServiceRef>().ok().map(|s| (s.service.name, s.port));
        assert_eq!(service("a/b"), Some(("b".to_owned(), 443)));
        assert_eq!(service("a/b:8443"), Some(("b".to_owned(), 8443)));
        for text in ["", "b", "a/", "/b", "a/b:", "a/b:0", "a/b:70000", "a/b/c", "A/b", "a/b c"] {
            assert_eq!(service(text), None, "{text}");
        }
    }

    #[test]
    fn a_service_has_two_names() {
        let target = TargetArgs {
            service: Some("mw/hook".parse().unwrap()),
            cluster_domain: "k8s.example".to_owned(),
            exclude_namespace: Vec::new(),
            timeout_seconds: 3,
        };
        assert_eq!(target.names(), ["hook.mw.svc.k8s.example", "hook.mw.svc"]);
    }
}
