//! `meshwright schema`: what editors and people know of intent.

use std::path::{Path, PathBuf};

use anyhow::Context;
use meshwright_policies::intent::IntentKind;

use super::{Outcome, terminal};
use crate::schema;

/// Print the JSON Schema of the intent, for editors
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this kind: Mesh, Network, Cluster or PolicyConfig. Default: one schema for all of them
    #[arg(value_parser = parse_kind)]
    kind: Option<IntentKind>,

    /// Write `intent.schema.json` and one file per kind into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    write: Option<PathBuf>,

    /// Print the documentation of every field, as in docs/intent.md
    #[arg(long, conflicts_with_all = ["kind", "write"])]
    markdown: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.markdown {
        terminal::print(&schema::page())?;
        return Ok(Outcome::Clean);
    }
    match (&args.write, args.kind) {
        (Some(dir), _) => write(dir)?,
        (None, Some(kind)) => terminal::print(&schema::of(kind))?,
        (None, None) => terminal::print(&schema::all())?,
    }
    Ok(Outcome::Clean)
}

fn write(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make `{}`", dir.display()))?;
    for (name, text) in schema::files() {
        let path = dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn parse_kind(text: &str) -> Result<IntentKind, String> {
    let known = IntentKind::ALL.map(IntentKind::as_str);
    IntentKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("kinds are {}", known.join(", ")))
}
