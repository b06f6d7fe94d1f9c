//! Compiling again what changed a little: for whoever keeps an output up to date.
//!
//! The result is that of [`compile::load`] and [`crate::build::build`], whatever was compiled before. That is so by
//! construction: what is taken from an earlier run are results of pure functions whose whole input is the same, compared
//! value by value: what one file means, by its bytes; whether a rendered object is sound, by the object and its
//! declaration; the text of a file, by its object. What joins clusters (resolving, policies, rendering) runs anew, since any
//! cluster may matter to any other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::node::FileId;

use crate::build::Built;
use crate::compile::{self, SourceText};
use crate::intent::Intent;
use crate::publish::Tree;
use crate::source::{Found, Sources};
use crate::threads;

/// Fewer files are read by one thread.
const FILES_FOR_THREADS: usize = 64;

/// A compiler that keeps what it has read and written, as long as it lives.
#[derive(Debug, Default)]
pub struct Compiler {
    files: BTreeMap<String, ReadFile>,
    built: Built,
}

/// What one file meant.
#[derive(Debug)]
struct ReadFile {
    id: FileId,
    text: Arc<[u8]>,
    intent: Intent,
    findings: Findings,
}

/// What a set of files came to.
#[derive(Debug)]
pub struct Compilation {
    /// The files, for the places of findings.
    pub sources: Sources,
    /// The resolved meshes, as far as they could be.
    pub fleet: Fleet,
    /// Everything that is wrong, in the order in which it is printed.
    pub findings: Findings,
    /// The files to write; `None` when a finding is an error.
    pub tree: Option<Arc<Tree>>,
}

impl Compiler {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// Compiles what was found below `root`, as of `today`: [`crate::source::discover()`] finds it on disk,
    /// [`crate::source::commit::Repository`] in a commit.
    ///
    /// Drop the trees of earlier compilations first: a tree that somebody holds is copied before it is changed.
    #[must_use]
    pub fn compile(&mut self, found: Found, root: &Path, today: Date) -> Compilation {
        let paths = found.relative_paths(root);
        let Found { sources, files, findings: of_sources, .. } = found;
        self.read(&sources, &files);
        let read = files.iter().filter_map(|id| self.files.get(sources.get(*id)?.path()));
        let read = read.map(|file| (file.intent.clone(), file.findings.clone()));
        let loaded = compile::judge(read, paths, today);
        let (fleet, mut findings) = (loaded.fleet, loaded.findings);
        findings.extend(of_sources);
        let mut tree = None;
        if !findings.has_errors() {
            match self.built.rebuild(&fleet) {
                Ok((built, warnings)) => {
                    tree = Some(built);
                    findings.extend(warnings);
                }
                Err(unsound) => findings.extend(unsound),
            }
        }
        findings.sort();
        Compilation { sources, fleet, findings, tree }
    }

    /// Reads the files that are not known as they are, and forgets those that are gone.
    fn read(&mut self, sources: &Sources, files: &[FileId]) {
        let mut known = std::mem::take(&mut self.files);
        let mut fresh = Vec::new();
        for (id, file) in files.iter().filter_map(|id| Some((*id, sources.get(*id)?))) {
            match known.remove(file.path()) {
                // Places name files by ID.
                Some(old) if old.id == id && *old.text == *file.text() => {
                    self.files.insert(file.path().to_owned(), old);
                }
                _ => fresh.push((id, file)),
            }
        }
        let parts = threads::in_parts(&fresh, FILES_FOR_THREADS, |part| {
            let read = part.iter().map(|(id, file)| {
                let text = SourceText { id: *id, path: file.path(), text: file.text() };
                let (intent, findings) = compile::read_file(text);
                let read = ReadFile { id: *id, text: file.shared_text(), intent, findings };
                (file.path().to_owned(), read)
            });
            read.collect::<Vec<_>>()
        });
        self.files.extend(parts.into_iter().flatten());
    }
}
