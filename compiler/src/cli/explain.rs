//! `meshwright explain`: a policy, a value, or the network of a pod.

mod effective;
mod network;

use anyhow::{Context, bail};
use meshwright_policies::suggest::nearest;

use super::input::{Compiled, Input};
use super::{Outcome, terminal};

/// Explain a policy code, the effective values of a cluster and where each comes from, or the network of a pod
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A code such as MW2004, `cluster`, or `network`
    subject: String,

    /// With `cluster` and `network`: the cluster's name
    #[arg(long, value_name = "NAME", short = 'n', visible_alias = "cluster")]
    name: Option<String>,

    #[command(flatten)]
    network: network::NetworkArgs,

    #[command(flatten)]
    input: Input,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.subject == "cluster" {
        let name =
            args.name.as_deref().context("say which cluster: `meshwright explain cluster --name NAME`")?;
        return explain_cluster(args, name);
    }
    if args.subject == "network" {
        let name =
            args.name.as_deref().context("say which cluster: `meshwright explain network --cluster NAME`")?;
        return network::run(&args.network, name, &args.input);
    }
    let Some(rule) = crate::rules::named(&args.subject) else {
        let codes: Vec<&str> = crate::rules::all().iter().flat_map(|rule| [rule.code, rule.name]).collect();
        let near =
            nearest(&args.subject, codes).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        bail!("`{}` is not a policy code{near}", args.subject);
    };
    terminal::print(rule.docs)?;
    Ok(Outcome::Clean)
}

fn explain_cluster(args: &Args, name: &str) -> anyhow::Result<Outcome> {
    let compiled = args.input.compile()?;
    let Some((mesh, cluster)) = compiled.fleet.clusters().find(|(_, cluster)| cluster.name.as_str() == name)
    else {
        return Err(undeclared(name, &compiled));
    };
    terminal::print(&effective::table(&compiled, mesh, cluster))?;
    Ok(if compiled.findings.has_errors() { args.input.report(&compiled)? } else { Outcome::Clean })
}

/// Names the nearest cluster, or else those that there are; and how to see why one is missing.
fn undeclared(name: &str, compiled: &Compiled) -> anyhow::Error {
    const SHOWN: usize = 12;
    let names: Vec<&str> = compiled.fleet.clusters().map(|(_, cluster)| cluster.name.as_str()).collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    let known = || {
        let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        match (shown.is_empty(), names.len().saturating_sub(SHOWN)) {
            (true, _) => String::new(),
            (false, 0) => format!("; declared are {}", shown.join(", ")),
            (false, more) => format!("; declared are {} and {more} more", shown.join(", ")),
        }
    };
    let near = near.unwrap_or_else(known);
    if compiled.findings.has_errors() {
        anyhow::anyhow!(
            "cluster `{name}` is not declared, or its document cannot be read{near}\n  help: `meshwright check` says what cannot be \
             read"
        )
    } else {
        anyhow::anyhow!("cluster `{name}` is not declared{near}")
    }
}
