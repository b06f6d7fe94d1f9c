//! `meshwright explain network`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use meshwright_policies::version::Version;

use super::super::input::{Compiled, Input};
use super::super::{Outcome, terminal};
use crate::build;
use crate::diagnostic::{self, Format, RenderOptions};
use crate::explain::{self, Pod, Traffic};
use crate::lint::{self, ClusterGlob};

/// The pod that is asked about, and where to look.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With `network`")]
pub(super) struct NetworkArgs {
    /// The pod's namespace
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// The pod's labels, such as topology.istio.io/network=network-c1
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    pod_labels: Vec<(String, String)>,

    /// The pod's address: ranges of meshNetworks are decided by it
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,

    /// Ask manifests that were written without intent, not ROOT
    #[arg(long, value_name = "PATH", num_args = 1..)]
    manifests: Vec<PathBuf>,

    /// With --manifests: which directories are clusters, as in `clusters/*`
    #[arg(long, value_name = "GLOB", requires = "manifests")]
    cluster_glob: Vec<ClusterGlob>,

    /// With --manifests: the release of Istio that reads them, where they do not say it
    #[arg(long, value_name = "VERSION", requires = "manifests", value_parser = version)]
    istio: Option<Version>,

    /// With --manifests: the data plane
    #[arg(long, value_enum, requires = "manifests", default_value = "sidecar")]
    data_plane: Traffic,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a label is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn version(text: &str) -> Result<Version, String> {
    text.parse().map_err(|error: meshwright_policies::version::VersionError| error.to_string())
}

/// Says warnings, for people in any case: standard output is the answer's.
fn say_warnings(compiled: &Compiled) {
    if !compiled.findings.is_empty() {
        let options = RenderOptions { color: terminal::color(), ..RenderOptions::default() };
        terminal::say(&diagnostic::render(Format::Human, &compiled.findings, &compiled.sources, &options));
    }
}

pub(super) fn run(args: &NetworkArgs, cluster: &str, input: &Input) -> anyhow::Result<Outcome> {
    let json = match input.format {
        Format::Human => false,
        Format::Json => true,
        _ => bail!("`explain network` speaks `--format human` and `--format json`"),
    };
    let pod = Pod {
        namespace: args.namespace.clone(),
        labels: args.pod_labels.iter().cloned().collect::<BTreeMap<_, _>>(),
        ip: args.ip,
    };
    let explained = if args.manifests.is_empty() {
        let mut compiled = input.compile()?;
        let found = compiled.fleet.clusters().find(|(_, c)| c.name.as_str() == cluster);
        if found.is_none() || compiled.findings.has_errors() {
            let reported = input.report(&compiled)?;
            return match found {
                Some(_) => Ok(reported),
                None => Err(super::undeclared(cluster, &compiled)),
            };
        }
        let Some(found) = found else { return Err(super::undeclared(cluster, &compiled)) };
        let tree = match build::build_with_warnings(&compiled.fleet) {
            Ok((tree, warnings)) => {
                compiled.findings.extend(warnings);
                tree
            }
            Err(findings) => {
                return input.report(&Compiled { findings, ..compiled });
            }
        };
        say_warnings(&compiled);
        explain::of_intent(&compiled.fleet, &tree, &compiled.sources, found, pod)
    } else {
        let (sources, unread) = lint::read_paths(&args.manifests).context("cannot read the manifests")?;
        let (repository, _) = lint::repository(&sources, &args.cluster_glob);
        let release = args.istio.clone();
        let mut explained =
            explain::of_manifests(&repository, &sources, cluster, release, args.data_plane, pod)?;
        explained.notes.extend(unread);
        explained
    };
    terminal::print(&if json { explain::json(&explained) } else { explain::human(&explained) })?;
    Ok(Outcome::Clean)
}
