//! `meshwright render`: intent to an output directory.

use std::path::{Path, PathBuf};

use anyhow::bail;

use meshwright_policies::assembly::STALE_OUTPUT;
use meshwright_policies::finding::Place;

use super::input::{Compiled, Input, compile_found};
use super::remembered::{self, Memory};
use super::{Outcome, terminal};
use crate::build;
use crate::diagnostic::Format;
use crate::publish::{self, Changes, Options, RelativePath};
use crate::source::discover::{DiscoverOptions, at_file, discover, join, shown};

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
    refuse_over_intent(&args.out, &args.input.root)?;
    if !args.check {
        // What an interrupted run decided on is brought to its end, whatever the intent says now.
        publish::recover(&args.out)?;
    }
    let (found, root) = args.input.find()?;
    let input = remembered::input(&found, &root);
    let mut memory = Memory::open(&args.out);
    if let Some(findings) = memory.recall(&args.out, &input, args.input.date)? {
        let outcome = args.input.report_findings(&findings, &found.sources)?;
        terminal::say(&up_to_date(args, memory.stamps.len()));
        return Ok(outcome);
    }
    let mut compiled = compile_found(found, &root, args.input.date);
    let mut tree = None;
    if !compiled.findings.has_errors() {
        match build::build_with_warnings(&compiled.fleet) {
            Ok((built, warnings)) => {
                tree = Some(built);
                compiled.findings.extend(warnings);
            }
            Err(findings) => compiled.findings.extend(findings),
        }
    }
    let of_intent = compiled.findings.clone();
    // What is rendered as before has not changed, and need not be parsed to know it.
    let previous = |path: &str| {
        let rendered = tree.as_ref().and_then(|tree| tree.content(path));
        if rendered.is_some_and(|content| memory.stamps.vouch_for(&args.out, path, content.digest())) {
            return None;
        }
        std::fs::read(args.out.join(path))
            .ok()
            .filter(|old| rendered.is_none_or(|content| content.bytes() != old.as_slice()))
    };
    crate::history::check(&compiled.fleet, previous, &mut compiled.findings);
    let exists = |path: &str| args.out.join(path).exists();
    crate::bootstrap::check(&compiled.fleet, exists, &mut compiled.findings);
    if let Some(tree) = tree.as_ref().filter(|_| args.check && !compiled.findings.has_errors()) {
        let outcome = check(args, tree, &mut compiled, &mut memory)?;
        std::mem::forget((compiled, tree));
        return Ok(outcome);
    }
    let reported = args.input.report(&compiled)?;
    let outcome = match &tree {
        Some(tree) if !compiled.findings.has_errors() => {
            let outcome = write(args, tree, &mut memory)?;
            if outcome == Outcome::Clean {
                memory.keep(input, &compiled.fleet, &of_intent, args.input.date);
            }
            outcome
        }
        _ => reported,
    };
    // The process ends: to free a large fleet piece by piece would take a tenth of the whole time.
    std::mem::forget((compiled, tree));
    Ok(outcome)
}

fn write(args: &Args, tree: &publish::Tree, memory: &mut Memory) -> anyhow::Result<Outcome> {
    let options = Options { force: args.force, ..Options::default() };
    let changes = publish::publish_known(&args.out, tree, &options, &mut memory.stamps)?;
    terminal::say(&summary(args, tree.len(), &changes));
    Ok(Outcome::Clean)
}

/// Compares and reports: what is stale is a list for people, and findings for programs.
fn check(
    args: &Args,
    tree: &publish::Tree,
    compiled: &mut Compiled,
    memory: &mut Memory,
) -> anyhow::Result<Outcome> {
    let options = Options { force: true, ..Options::default() };
    let changes = publish::plan_known(&args.out, tree, &options, &mut memory.stamps)?;
    if args.input.format != Format::Human {
        for (what, path) in stale(&changes) {
            let shown = join(&shown(&args.out), path.as_str());
            let file = compiled.sources.add(shown, Vec::new().into());
            let finding = STALE_OUTPUT.at(at_file(file), format!("`{path}` is {what}"));
            compiled.findings.push(finding.help("run `meshwright render` and commit the result"));
        }
        if changes.unfinished {
            let message = "a run was interrupted while it wrote: the output is between two states";
            compiled.findings.push(
                STALE_OUTPUT.at(Place::unknown(), message).help("run `meshwright render`, which finishes it"),
            );
        }
    }
    args.input.report(compiled)?;
    terminal::say(&summary(args, tree.len(), &changes));
    Ok(if changes.is_up_to_date() { Outcome::Clean } else { Outcome::Findings })
}

/// Every file that is not as it would be rendered, with how it is.
fn stale(changes: &Changes) -> impl Iterator<Item = (&'static str, &RelativePath)> {
    [("missing", &changes.created), ("out of date", &changes.updated), ("left over", &changes.removed)]
        .into_iter()
        .flat_map(|(what, paths)| paths.iter().map(move |path| (what, path)))
}

/// A directory of intent must not become one of output: what is below a rendered tree is not read as intent.
pub(super) fn refuse_over_intent(out: &Path, root: &Path) -> anyhow::Result<()> {
    let (Ok(real_out), Ok(real_root)) = (out.canonicalize(), root.canonicalize()) else { return Ok(()) };
    if real_out == real_root && real_root.is_dir() {
        bail!(
            "`{}` is where the intent is: name another directory for the output, such as `{}`",
            out.display(),
            out.join("rendered").display()
        );
    }
    // An ancestor may hold both: the intent is asked for by name.
    if !real_out.starts_with(&real_root) || publish::is_rendered_tree(&real_out) {
        return Ok(());
    }
    let found = discover(&real_out, DiscoverOptions::default())?;
    let declares = |text: &[u8]| {
        let ours =
            |line: &str| line.strip_prefix("apiVersion:").is_some_and(|v| v.contains("meshwright.dev/"));
        String::from_utf8_lossy(text).lines().any(ours)
    };
    if let Some((_, file)) = found.sources.iter().find(|(_, file)| declares(file.text())) {
        bail!(
            "`{}` holds intent (`{}`), which would no longer be read if output were written there: name another directory",
            out.display(),
            file.path()
        );
    }
    Ok(())
}

fn up_to_date(args: &Args, files: usize) -> String {
    format!("{} is up to date: {files} files\n", args.out.display())
}

fn summary(args: &Args, files: usize, changes: &Changes) -> String {
    let out = args.out.display();
    let mut text = String::new();
    if changes.unfinished {
        return format!(
            "{out} is between two states: a run was interrupted while it wrote; run `meshwright render`, which finishes it\n"
        );
    }
    // Of what is not there, it is enough to say so.
    for path in changes.drifted.iter().filter(|path| !changes.created.contains(path)) {
        text.push_str(&format!("{}: was changed by hand since it was rendered\n", path.as_str()));
    }
    if changes.is_up_to_date() {
        text.push_str(&up_to_date(args, files));
    } else if args.check {
        stale(changes).for_each(|(what, path)| text.push_str(&format!("{}: {what}\n", path.as_str())));
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
