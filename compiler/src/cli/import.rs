//! `meshwright import`: manifests to intent.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use meshwright_policies::intent::Date;

use super::{Outcome, input, terminal};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::import::{self, Imported};
use crate::lint::{self, ClusterGlob};

/// Write the intent that renders what existing manifests claim
///
/// Where manifests contradict each other, one value is taken and the others are named in a comment beside it. What the
/// intent has no word for is carried over as it is. Nothing is written into a directory that holds anything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories or files with manifests
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Directory to write the intent into; made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    /// Which directories are clusters: the star stands for the name, as in `clusters/*`
    #[arg(long, value_name = "GLOB")]
    cluster_glob: Vec<ClusterGlob>,

    /// Judge the intent as of this day (YYYY-MM-DD)
    #[arg(long, value_name = "DAY", value_parser = input::parse_date, default_value_t = input::today())]
    date: Date,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) || args.out.is_file() {
        bail!("`{}` is not empty: nothing was written", args.out.display());
    }
    let (sources, unread) = lint::read_paths(&args.paths)?;
    let mut imported = import::import(&sources, &args.cluster_glob, args.date)?;
    imported.notes.extend(unread);
    for (path, bytes) in &imported.files {
        let path = args.out.join(path);
        let write = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, bytes)
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    terminal::say(&told(args, &imported));
    Ok(Outcome::Clean)
}

/// What a person should know of what was written.
fn told(args: &Args, imported: &Imported) -> String {
    let mut text = String::new();
    let options = RenderOptions { color: terminal::color(), ..RenderOptions::default() };
    for intent in &imported.intents {
        text.push_str(&diagnostic::render(Format::Human, &intent.findings, &intent.sources, &options));
    }
    for (what, lines) in [
        ("contradicts what was taken", &imported.contradictions),
        ("is not in the intent", &imported.left_out),
        ("is for you to say", &imported.questions),
        ("is not known", &imported.notes),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("\nWhat {what}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    for intent in &imported.intents {
        let clusters = intent.clusters.len();
        let plural = if clusters == 1 { "" } else { "s" };
        let dir = args.out.join(&intent.directory);
        let dir = dir.display().to_string();
        let dir = dir.trim_end_matches('/');
        text.push_str(&format!(
            "\nwrote the intent of {clusters} cluster{plural} into {dir}\n  judge it:  meshwright check {dir}\n  \
             render it: meshwright render {dir} -o {dir}/rendered\n"
        ));
    }
    text
}
