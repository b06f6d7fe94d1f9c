//! `meshwright lint`: manifests compared, without intent.

use std::path::{Path, PathBuf};

use anyhow::bail;
use meshwright_policies::intent::Date;

use super::{Outcome, input, terminal};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::lint::{self, ClusterGlob};
use crate::source::{Found, discover};

/// Find contradictions in manifests that were written without intent
///
/// Reads Kubernetes objects, chart values, kustomizations and rendered trees, works out which belong to which cluster,
/// and compares what they say about clusters, networks, gateways and meshes. What is delivered to a cluster together with
/// its MeshDeclaration is judged by that, as the admission webhook will judge it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories or files with manifests; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read the paths as this commit holds them (branch, tag, `HEAD~1`), not as they lie on disk
    #[arg(long, value_name = "REV")]
    rev: Option<String>,

    /// Git repository of REV; the paths are then inside it. Default: the repository that holds each path
    #[arg(long, value_name = "PATH", requires = "rev")]
    repo: Option<PathBuf>,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Which directories are clusters: the star stands for the name, as in `clusters/*`
    #[arg(long, value_name = "GLOB")]
    cluster_glob: Vec<ClusterGlob>,

    /// Judge as of this day (YYYY-MM-DD): exceptions of declarations expire
    #[arg(long, value_name = "DAY", value_parser = input::parse_date, default_value_t = input::today())]
    date: Date,
}

impl Args {
    fn read(&self) -> anyhow::Result<Vec<Found>> {
        self.paths.iter().map(|path| self.read_one(path)).collect()
    }

    fn read_one(&self, path: &Path) -> anyhow::Result<Found> {
        match &self.rev {
            Some(_) if path == Path::new("-") => {
                bail!("standard input has no revision: leave out `--rev`")
            }
            Some(rev) => {
                let (repository, inside) = input::repository(self.repo.as_deref(), path)?;
                let revision = repository.revision(rev)?;
                Ok(repository.discover(&revision, &inside, lint::options())?)
            }
            None if path == Path::new("-") => input::standard_input(),
            None => Ok(discover(path, lint::options())?),
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let linted = lint::lint_found(&args.read()?, &args.cluster_glob, args.date);
    let human = args.format == Format::Human;
    let options = RenderOptions {
        color: human && terminal::color(),
        // Paths in a commit start at the repository's root already.
        repository_prefix: if args.rev.is_some() { String::new() } else { input::repository_prefix() },
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
