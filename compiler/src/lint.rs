//! Contradictions in a repository of manifests that never heard of intent: documents -> clusters -> findings.
//!
//! What cannot be known is not guessed. It becomes a note, said once: templates, placeholders, values that are kept
//! elsewhere.

mod assign;
mod embedded;
mod kustomize;
mod read;
mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;

use meshwright_policies::contradictions;
use meshwright_policies::finding::Findings;
use meshwright_policies::repository::Repository;

use crate::source::{DiscoverOptions, Found, SourceError, Sources, discover};

pub use assign::ClusterGlob;

/// What a run found.
#[derive(Debug, Default)]
pub struct Linted {
    /// The files that the findings point into.
    pub sources: Sources,
    /// What contradicts what.
    pub findings: Findings,
    /// What could not be known, one line each.
    pub notes: Vec<String>,
    /// The clusters that were told apart, with what was found of each.
    pub repository: Repository,
}

/// How paths are walked: rendered trees are manifests too.
#[must_use]
pub fn options() -> DiscoverOptions {
    DiscoverOptions { read_rendered: true, ..DiscoverOptions::default() }
}

/// Reads everything below the paths and compares it.
///
/// # Errors
///
/// A path does not exist, a file cannot be read, or the files are more than is read.
pub fn lint(paths: &[PathBuf], globs: &[ClusterGlob]) -> Result<Linted, SourceError> {
    let found = paths.iter().map(|path| discover(path, options())).collect::<Result<Vec<_>, _>>()?;
    Ok(lint_found(&found, globs))
}

/// Compares what was found at several places, a file that was found twice once.
#[must_use]
pub fn lint_found(all: &[Found], globs: &[ClusterGlob]) -> Linted {
    let (sources, links) = together(all);
    let mut linted = lint_sources(sources, globs);
    if links > 0 {
        linted.notes.push(format!("{links} symbolic links lead to what is not read"));
    }
    linted
}

/// Every file below the paths, rendered trees included.
///
/// # Errors
///
/// As [`lint`].
pub fn read_paths(paths: &[PathBuf]) -> Result<Sources, SourceError> {
    let found = paths.iter().map(|path| discover(path, options())).collect::<Result<Vec<_>, _>>()?;
    Ok(together(&found).0)
}

/// The files of several places, and how many links were not followed.
fn together(all: &[Found]) -> (Sources, usize) {
    let mut sources = Sources::new();
    let (mut seen, mut links) = (BTreeSet::new(), 0_usize);
    for found in all {
        links = links.saturating_add(found.findings.iter().count());
        for file in found.files.iter().filter_map(|id| found.sources.get(*id)) {
            if all.len() == 1 || seen.insert(file.path()) {
                sources.add(file.path().to_owned(), file.shared_text());
            }
        }
    }
    (sources, links)
}

/// The clusters that files tell of, and what could not be known, without comparing them.
#[must_use]
pub fn repository(sources: &Sources, globs: &[ClusterGlob]) -> (Repository, Vec<String>) {
    tell_apart(sources, globs, false)
}

/// As [`repository`], with the objects that assert nothing.
#[must_use]
pub fn everything(sources: &Sources, globs: &[ClusterGlob]) -> (Repository, Vec<String>) {
    tell_apart(sources, globs, true)
}

fn tell_apart(sources: &Sources, globs: &[ClusterGlob], everything: bool) -> (Repository, Vec<String>) {
    let read = read::read(sources, everything);
    let mut notes = read.notes;
    let repository = assign::assign(read.documents, read.kustomizations, globs, &mut notes);
    (repository, notes)
}

/// Compares files that were read already.
#[must_use]
pub fn lint_sources(sources: Sources, globs: &[ClusterGlob]) -> Linted {
    let read = read::read(&sources, false);
    let (mut findings, mut notes) = (read.findings, read.notes);
    let repository = assign::assign(read.documents, read.kustomizations, globs, &mut notes);
    findings.extend(contradictions::compare(&repository));
    findings.sort();
    Linted { sources, findings, notes, repository }
}
