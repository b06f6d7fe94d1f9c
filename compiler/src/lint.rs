//! Contradictions in a repository of manifests that never heard of intent: documents -> clusters -> findings.
//!
//! What cannot be known is not guessed. It becomes a note, said once: templates, placeholders, values that are kept
//! elsewhere.

mod assign;
mod delivery;
mod embedded;
mod helm;
mod home;
mod kustomize;
mod read;
mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;

use meshwright_policies::contradictions;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;
use meshwright_policies::policy::{self, Policy};
use meshwright_policies::repository::{Manifest, Repository};
use meshwright_policies::sources::TOO_DEEP;
use meshwright_policies::witness::{self, SOME_DAY};

use crate::source::{DiscoverOptions, Found, SourceError, Sources, discover};
use crate::threads;

pub use home::ClusterGlob;

/// Fewer clusters than this are judged by one thread.
const LEAST: usize = 16;
/// Fewer objects than this are compared by one thread.
const LEAST_OBJECTS: usize = 256;

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
    DiscoverOptions { read_rendered: true, read_json: true, ..DiscoverOptions::default() }
}

/// Reads everything below the paths and compares it.
///
/// # Errors
///
/// A path does not exist, a file cannot be read, or the files are more than is read.
pub fn lint(paths: &[PathBuf], globs: &[ClusterGlob]) -> Result<Linted, SourceError> {
    let found = paths.iter().map(|path| discover(path, options())).collect::<Result<Vec<_>, _>>()?;
    Ok(lint_found(&found, globs, SOME_DAY))
}

/// Compares what was found at several places, a file that was found twice once. Exceptions hold until their last day.
#[must_use]
pub fn lint_found(all: &[Found], globs: &[ClusterGlob], today: Date) -> Linted {
    let (sources, unread) = together(all);
    let mut linted = lint_on(sources, globs, today);
    linted.notes.extend(unread);
    linted
}

/// Every file below the paths, rendered trees included, and what is not read there.
///
/// # Errors
///
/// As [`lint`].
pub fn read_paths(paths: &[PathBuf]) -> Result<(Sources, Vec<String>), SourceError> {
    let found = paths.iter().map(|path| discover(path, options())).collect::<Result<Vec<_>, _>>()?;
    Ok(together(&found))
}

/// The files of several places, and what is not read there.
fn together(all: &[Found]) -> (Sources, Vec<String>) {
    let mut sources = Sources::new();
    let (mut seen, mut unread, mut links) = (BTreeSet::new(), Vec::new(), 0_usize);
    for found in all {
        for finding in &found.findings {
            match finding.rule.code == TOO_DEEP.code {
                true => unread.push(finding.message.clone()),
                false => links = links.saturating_add(1),
            }
        }
        for file in found.files.iter().filter_map(|id| found.sources.get(*id)) {
            if all.len() == 1 || seen.insert(file.path()) {
                sources.add(file.path().to_owned(), file.shared_text());
            }
        }
    }
    if links > 0 {
        unread.push(format!("{links} symbolic links lead to what is not read"));
    }
    (sources, unread)
}

/// The clusters that files tell of, and what could not be known, without comparing them.
#[must_use]
pub fn repository(sources: &Sources, globs: &[ClusterGlob]) -> (Repository, Vec<String>) {
    tell_apart(sources, globs, false)
}

/// As [`repository`], with the objects that assert nothing, and with what is no YAML among what could not be known.
#[must_use]
pub fn everything(sources: &Sources, globs: &[ClusterGlob]) -> (Repository, Vec<String>) {
    tell_apart(sources, globs, true)
}

/// The cluster that the path of a file names, by directories alone.
pub(crate) fn named_by_path(path: &str, globs: &[ClusterGlob]) -> Option<String> {
    let naming = home::Naming::by_path(globs);
    home::Home::of(path, &naming).map(|home| home.name)
}

fn tell_apart(sources: &Sources, globs: &[ClusterGlob], everything: bool) -> (Repository, Vec<String>) {
    let mut files = read::read(sources);
    let mut notes = std::mem::take(&mut files.notes);
    for finding in files.findings.iter().filter(|_| everything) {
        let Some(place) = sources.place(finding.place.span) else { continue };
        let (message, code) = (&finding.message, finding.rule.code);
        notes.push(format!("{message} ({code}) in {place}: what cannot be read is not here"));
    }
    let repository = assign::assign(&files, globs, everything, &mut notes);
    (repository, notes)
}

/// Compares files that were read already. Every exception of a declaration holds.
#[must_use]
pub fn lint_sources(sources: Sources, globs: &[ClusterGlob]) -> Linted {
    lint_on(sources, globs, SOME_DAY)
}

/// Compares files that were read already, and judges the objects of a cluster whose `MeshDeclaration` is among them by
/// that. Exceptions hold until their last day.
#[must_use]
pub fn lint_on(sources: Sources, globs: &[ClusterGlob], today: Date) -> Linted {
    let (mut findings, notes, repository) = {
        let mut files = read::read(&sources);
        let findings = std::mem::take(&mut files.findings);
        let mut notes = std::mem::take(&mut files.notes);
        let repository = assign::assign(&files, globs, false, &mut notes);
        (findings, notes, repository)
    };
    let parts =
        threads::in_parts(&repository.clusters, LEAST, |clusters| witness::judge(&repository, clusters));
    let mut judged = Findings::new();
    parts.into_iter().for_each(|part| judged.extend(part));
    findings.extend(witness::settle(&repository, today, judged, compare(&repository)));
    findings.sort();
    Linted { sources, findings, notes, repository }
}

/// [`contradictions::compare`] on all processors: few policies take most of the time.
fn compare(repository: &Repository) -> Findings {
    let objects: usize = repository.clusters.iter().map(|cluster| cluster.subjects.len()).sum();
    if objects < LEAST_OBJECTS {
        return contradictions::compare(repository);
    }
    let policies: Vec<&dyn Policy> = policy::all().collect();
    let parts = threads::each(&policies, |policy| {
        let mut findings = Findings::new();
        policy.compare(repository, &mut findings);
        findings
    });
    let mut findings = Findings::new();
    parts.into_iter().for_each(|part| findings.extend(part));
    findings.sort();
    findings
}

/// The objects of the kustomize root in a directory, as lint sees them, and whether all of it was followed; nothing when
/// there is no root.
#[must_use]
pub fn kustomized(sources: &Sources, directory: &str) -> Option<(Vec<Manifest>, bool)> {
    let files = read::read(sources);
    let built = kustomize::Builder::new(&files).build(directory)?;
    let objects = built.objects.iter().map(|object| read::object(object.node().clone(), sources));
    Some((objects.collect(), built.complete))
}
