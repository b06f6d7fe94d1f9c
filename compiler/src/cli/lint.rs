use std::path::PathBuf;

use super::{Outcome, input, terminal};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::lint::{self, ClusterGlob};

/// Find contradictions in manifests that were written without intent
///
/// Reads Kubernetes objects, chart values, kustomizations and rendered trees, works out which belong to which cluster,
/// and compares what they say about clusters, networks, gateways and meshes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories or files with manifests
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Which directories are clusters: the star stands for the name, as in `clusters/*`
    #[arg(long, value_name = "GLOB", value_parser = parse_glob)]
    cluster_glob: Vec<ClusterGlob>,
}

fn parse_glob(text: &str) -> Result<ClusterGlob, String> {
    text.parse()
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let linted = lint::lint(&args.paths, &args.cluster_glob)?;
    let human = args.format == Format::Human;
    let options = RenderOptions {
        color: human && terminal::color(),
        repository_prefix: input::repository_prefix(),
        ..RenderOptions::default()
    };
    let text = diagnostic::render(args.format, &linted.findings, &linted.sources, &options);
    if human {
        terminal::say(&text);
    } else {
        terminal::print(&text)?;
    }
    for note in &linted.notes {
        terminal::say(&format!("note: {note}\n"));
    }
    Ok(if linted.findings.has_errors() { Outcome::Findings } else { Outcome::Clean })
}
