//! Files that were found -> intent that was resolved and judged, with what it was read from.

use std::path::Path;

use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::node::FileId;

use crate::compile::{self, SourceText};
use crate::source::Sources;
use crate::source::discover::{Found, shown};

/// Intent that was read, with its findings not yet said.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The files.
    pub sources: Sources,
    /// What they mean, as far as they do.
    pub fleet: Fleet,
    /// What is wrong with them.
    pub findings: Findings,
}

/// Resolves and judges what was found below `root`, as of `today`.
#[must_use]
pub fn compile_found(found: Found, root: &Path, today: Date) -> Compiled {
    let paths = found.relative_paths(root);
    let Found { sources, files, findings, .. } = found;
    let text =
        |id: &FileId| Some(SourceText { id: *id, path: paths.get(id)?, text: sources.get(*id)?.text() });
    let mut loaded = compile::load(files.iter().filter_map(text), today);
    loaded.findings.extend(findings);
    loaded.findings.sort();
    Compiled { sources, fleet: loaded.fleet, findings: loaded.findings }
}

/// What shown paths of files below the root start with.
pub(crate) fn shown_prefix(root: &Path) -> String {
    match shown(root).as_str() {
        "." => String::new(),
        text if text.ends_with('/') => text.to_owned(),
        text => format!("{text}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_cut_off_however_it_is_written() {
        for (root, prefix) in [
            (".", ""),
            ("./", ""),
            ("a", "a/"),
            ("./a/b/", "a/b/"),
            ("/x", "/x/"),
            ("/", "/"),
            ("a//b", "a/b/"),
            ("/a//b/./c/.", "/a/b/c/"),
        ] {
            assert_eq!(shown_prefix(Path::new(root)), prefix, "{root}");
        }
    }
}
