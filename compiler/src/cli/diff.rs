//! `meshwright diff`: what a change of the intent means.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;

use super::input::{self, Compiled};
use super::{Outcome, terminal};
use crate::build;
use crate::diagnostic::{self, Format, RenderOptions};
use crate::diff::{Diff, DiffFormat, Labels, Side};
use crate::publish::Tree;
use crate::source::commit::{GitError, Repository, short};
use crate::source::discover::{DiscoverOptions, Found, SourceError, discover};

/// Say what a change of the intent means; exit 1 if it means anything
///
/// Warnings that the change brings go to standard error.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory (or file) that holds the intent
    #[arg(default_value = ".")]
    root: PathBuf,

    /// Compare with this revision (branch, tag, commit, `HEAD~1`)
    #[arg(long, value_name = "REV")]
    base: String,

    /// The changed revision. Default: ROOT as it lies on disk
    #[arg(long, value_name = "REV")]
    head: Option<String>,

    /// Git repository of the revisions; ROOT is then a path inside it. Default: the repository that holds ROOT
    #[arg(long, value_name = "PATH", requires = "head")]
    repo: Option<PathBuf>,

    /// Format of the differences
    #[arg(long, value_enum, default_value = "human")]
    format: DiffFormat,

    /// Judge as of this day (YYYY-MM-DD): policy settings expire
    #[arg(long, value_name = "DAY", value_parser = input::parse_date, default_value_t = input::today())]
    date: Date,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (repository, inside) = input::repository(args.repo.as_deref(), &args.root)?;
    let (found, base) = match at(&repository, &args.base, &inside) {
        // Before the first commit of the intent there was none.
        Err(SourceError::Git(GitError::NotThere { rev, .. })) => {
            (Found::default(), format!("{rev} (no intent)"))
        }
        result => result?,
    };
    let old = if found.files.is_empty() && found.findings.is_empty() {
        (Compiled::default(), Tree::new())
    } else {
        sound(found, Path::new(&inside), &base, args.date)?
    };
    let (new, head) = match &args.head {
        Some(rev) => {
            let (found, label) = at(&repository, rev, &inside)?;
            (sound(found, Path::new(&inside), &label, args.date)?, label)
        }
        None => {
            let label = "working tree".to_owned();
            let found = discover(&args.root, DiscoverOptions::default())?;
            (sound(found, &args.root, &label, args.date)?, label)
        }
    };
    let diff =
        Diff::between(Side { fleet: &old.0.fleet, tree: &old.1 }, Side { fleet: &new.0.fleet, tree: &new.1 });
    terminal::print(&diff.render(args.format, &Labels { base, head }))?;
    warn_of_new(&old.0.findings, new.0);
    Ok(if diff.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

/// Says the warnings that the change brings: those of before are no news.
fn warn_of_new(before: &Findings, mut after: Compiled) {
    let known: BTreeSet<(&str, &str)> = before.iter().map(|f| (f.rule.code, f.message.as_str())).collect();
    after.findings.retain_mut(|finding| !known.contains(&(finding.rule.code, finding.message.as_str())));
    if !after.findings.is_empty() {
        let options = RenderOptions { color: terminal::color(), ..RenderOptions::default() };
        terminal::say(&diagnostic::render(Format::Human, &after.findings, &after.sources, &options));
    }
}

/// The intent of a revision, and what the revision is called.
fn at(repository: &Repository, rev: &str, root: &str) -> Result<(Found, String), SourceError> {
    let revision = repository.revision(rev)?;
    let found = repository.discover(&revision, root, DiscoverOptions::default())?;
    let id = short(revision.commit().unwrap_or(revision.tree()));
    let label = if revision.id.starts_with(rev) { id } else { format!("{rev} ({id})") };
    Ok((found, label))
}

/// Compiles and renders one side. Its errors are said, and end the comparison.
fn sound(found: Found, root: &Path, label: &str, today: Date) -> anyhow::Result<(Compiled, Tree)> {
    let mut compiled = input::compile_found(found, root, today);
    if !compiled.findings.has_errors() {
        match build::build_with_warnings(&compiled.fleet) {
            Ok((tree, warnings)) => {
                compiled.findings.extend(warnings);
                return Ok((compiled, tree));
            }
            Err(findings) => compiled.findings.extend(findings),
        }
    }
    let options = RenderOptions { color: terminal::color(), ..RenderOptions::default() };
    terminal::say(&diagnostic::render(Format::Human, &compiled.findings, &compiled.sources, &options));
    bail!("{label} has errors, so what it means cannot be compared");
}
