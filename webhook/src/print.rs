//! What is printed instead of serving.

use std::sync::Arc;

use anyhow::{Context, bail};

use crate::args::PrintArgs;
use crate::cluster::{self, Needs};
use crate::configuration::{self, FailurePolicy, Scope};
use crate::metrics::Metrics;
use crate::store::Store;

/// The webhook's configuration, YAML.
///
/// # Errors
/// When the Service is missing, or a file cannot be read.
pub fn configuration(args: &PrintArgs) -> anyhow::Result<String> {
    let options = args.target.options(&args.name, !args.without_match_conditions);
    let mut options =
        options.context("say where the API server reaches the webhook: `--service NAMESPACE/NAME`")?;
    if let Some(path) = &args.ca {
        options.authorities =
            std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    }
    if args.fail {
        options.failure_policy = FailurePolicy::Fail;
    }
    let snapshot = if args.declaration.is_empty() {
        Arc::default()
    } else {
        Store::open(args.declaration.clone(), Arc::new(Metrics::new())).snapshot()
    };
    if let Some(refused) = snapshot.refused.first() {
        bail!("{refused}");
    }
    let scope = Scope::of(snapshot.declared.iter().map(|declared| &declared.declaration.spec));
    let configuration = configuration::build(&options, &scope);
    serde_yaml::to_string(&configuration).context("the configuration cannot be written")
}

/// What the webhook may have to do in the whole cluster, or in each system namespace: a list of rules, YAML.
///
/// # Errors
/// When it cannot be written.
pub fn rights(in_system_namespaces: bool) -> anyhow::Result<String> {
    let Needs { cluster, system_namespaces } = cluster::needs();
    let rules = if in_system_namespaces { system_namespaces } else { cluster };
    serde_yaml::to_string(&rules).context("the rules cannot be written")
}
