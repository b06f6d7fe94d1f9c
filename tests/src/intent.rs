//! Intent of tests: files in memory, read from a directory or written by a test, changed, compiled.

use std::collections::BTreeMap;
use std::path::Path;

use meshwright::build::{build, build_with_warnings};
use meshwright::compile::{self, Loaded, SourceText};
use meshwright::diagnostic::{self, Format, RenderOptions};
use meshwright::publish::Tree;
use meshwright::source::{DiscoverOptions, Sources, discover};
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;
use meshwright_policies::node::FileId;

use crate::repository;

/// The day on which all tests judge.
pub const TODAY: Date = Date { year: 2026, month: 1, day: 1 };

/// Intent files by their path below the intent root.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// The files.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Intent {
    /// The intent files below a directory, found as the program finds them.
    #[must_use]
    pub fn read(root: &Path) -> Intent {
        let found = discover(root, DiscoverOptions::default()).unwrap();
        assert!(found.findings.is_empty(), "{:#?}", found.findings);
        let shown = format!("{}/", root.display());
        let files = found.files.iter().map(|id| {
            let file = found.sources.get(*id).unwrap();
            (file.path().strip_prefix(&shown).unwrap().to_owned(), file.text().to_vec())
        });
        Intent { files: files.collect() }
    }

    /// The example repository.
    #[must_use]
    pub fn example() -> Intent {
        Intent::read(&repository("example-repo"))
    }

    /// One file, `intent.yaml`.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Intent {
        Intent { files: BTreeMap::from([("intent.yaml".to_owned(), text.into().into_bytes())]) }
    }

    /// The text of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> &str {
        std::str::from_utf8(&self.files[path]).unwrap()
    }

    /// Replaces the one place where `old` stands in a file.
    #[must_use]
    pub fn edit(mut self, path: &str, old: &str, new: &str) -> Intent {
        let text = self.file(path);
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {path}:\n{text}");
        let text = text.replace(old, new);
        self.files.insert(path.to_owned(), text.into_bytes());
        self
    }

    /// Adds lines at the end of a file, or a file.
    #[must_use]
    pub fn append(mut self, path: &str, text: &str) -> Intent {
        self.files.entry(path.to_owned()).or_default().extend_from_slice(text.as_bytes());
        self
    }

    /// Reads, resolves and judges.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let sources = (0..).map(FileId).zip(&self.files);
        compile::load(sources.map(|(id, (path, text))| SourceText { id, path, text }), TODAY)
    }

    /// The files as diagnostics show them.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let mut sources = Sources::new();
        for (path, text) in &self.files {
            sources.add(path.clone(), text.as_slice().into());
        }
        sources
    }

    /// Findings as people read them.
    #[must_use]
    pub fn human(&self, findings: &Findings) -> String {
        diagnostic::render(Format::Human, findings, &self.sources(), &RenderOptions::default())
    }

    /// What `meshwright check` says.
    #[must_use]
    pub fn check(&self) -> String {
        let loaded = self.load();
        let mut findings = loaded.findings;
        if !findings.has_errors() {
            let built = build_with_warnings(&loaded.fleet);
            findings.extend(built.map_or_else(|findings| findings, |(_, warnings)| warnings));
        }
        self.human(&findings)
    }

    /// The findings of severity error, and no tree if there is one.
    ///
    /// # Errors
    /// What `meshwright render` would say.
    pub fn try_build(&self) -> Result<Tree, String> {
        let loaded = self.load();
        if loaded.findings.has_errors() {
            return Err(self.human(&loaded.findings));
        }
        build(&loaded.fleet).map_err(|findings| self.human(&findings))
    }

    /// The rendered tree of intent that has no error.
    #[must_use]
    pub fn build(&self) -> Tree {
        self.try_build().unwrap_or_else(|said| panic!("{said}"))
    }
}

/// The files of a tree.
#[must_use]
pub fn files(tree: &Tree) -> BTreeMap<String, Vec<u8>> {
    tree.iter().map(|(path, bytes)| (path.as_str().to_owned(), bytes.to_vec())).collect()
}

/// The files below a directory, by path; none if it is not there.
#[must_use]
pub fn files_below(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files_below(&entry.path());
            all.extend(below.into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            all.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// How two sets of files differ, one line per file.
#[must_use]
pub fn difference(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, bytes) in expected {
        match found.get(path) {
            None => lines.push(format!("{path}: is missing")),
            Some(other) if other != bytes => {
                lines.push(format!("{path}: {}", first_difference(bytes, other)))
            }
            Some(_) => {}
        }
    }
    lines.extend(
        found.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("{path}: is too many")),
    );
    lines
}

fn first_difference(expected: &[u8], found: &[u8]) -> String {
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let mut found = found.lines();
    for (number, line) in (1..).zip(expected.lines()) {
        match found.next() {
            Some(other) if other == line => {}
            Some(other) => return format!("line {number}: expected `{line}`, found `{other}`"),
            None => return format!("line {number}: expected `{line}`, found the end"),
        }
    }
    format!("expected the end, found `{}`", found.next().unwrap_or("another line ending"))
}
