use std::path::PathBuf;

use super::input::Input;
use super::{Outcome, terminal};
use crate::build;
use crate::publish::{self, Changes, Options};

/// Render one directory per cluster
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,

    /// Directory to bring up to date
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// Write nothing; exit 1 if OUT is not up to date
    #[arg(long)]
    check: bool,

    /// Write even if nothing, or much less than before, is rendered
    #[arg(long, conflicts_with = "check")]
    force: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut compiled = args.input.compile()?;
    crate::history::check(
        &compiled.fleet,
        |path| std::fs::read(args.out.join(path)).ok(),
        &mut compiled.findings,
    );
    if !compiled.findings.has_errors() {
        match build::build(&compiled.fleet) {
            Ok(tree) => {
                args.input.report(&compiled)?;
                return write(args, &tree);
            }
            Err(findings) => compiled.findings.extend(findings),
        }
    }
    args.input.report(&compiled)
}

fn write(args: &Args, tree: &publish::Tree) -> anyhow::Result<Outcome> {
    let options = Options { force: args.force || args.check, ..Options::default() };
    let changes = if args.check {
        publish::plan(&args.out, tree, &options)?
    } else {
        publish::publish(&args.out, tree, &options)?
    };
    terminal::say(&summary(args, tree.len(), &changes));
    Ok(if args.check && !changes.is_up_to_date() { Outcome::Findings } else { Outcome::Clean })
}

fn summary(args: &Args, files: usize, changes: &Changes) -> String {
    let out = args.out.display();
    let mut text = String::new();
    for path in &changes.drifted {
        text.push_str(&format!("{}: was changed by hand since it was rendered\n", path.as_str()));
    }
    if changes.is_up_to_date() {
        text.push_str(&format!("{out} is up to date: {files} files\n"));
    } else if args.check {
        let lists = [
            ("missing", &changes.created),
            ("out of date", &changes.updated),
            ("left over", &changes.removed),
        ];
        for (what, paths) in lists {
            paths.iter().for_each(|path| text.push_str(&format!("{}: {what}\n", path.as_str())));
        }
        text.push_str(&format!("{out} is not up to date: run `meshwright render` and commit the result\n"));
    } else {
        text.push_str(&format!(
            "{out}: {files} files, {} created, {} updated, {} removed\n",
            changes.created.len(),
            changes.updated.len(),
            changes.removed.len()
        ));
    }
    text
}
