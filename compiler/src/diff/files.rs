//! The rendered trees, file by file.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::publish::Tree;

/// Lines around a change.
const CONTEXT: usize = 3;

/// A rendered file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path below the output directory.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Lines that are new.
    pub added: usize,
    /// Lines that are gone.
    pub removed: usize,
    /// Unified diff without its two header lines; empty for a file that is no text.
    pub hunks: String,
}

/// The bytes of a file on both sides.
type Versions<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The files that differ, by path.
pub(super) fn compare(base: &Tree, head: &Tree) -> Vec<FileChange> {
    let mut paths: BTreeMap<&str, Versions<'_>> = BTreeMap::new();
    base.iter().for_each(|(path, bytes)| paths.entry(path.as_str()).or_default().0 = Some(bytes));
    head.iter().for_each(|(path, bytes)| paths.entry(path.as_str()).or_default().1 = Some(bytes));
    let differs = paths.into_iter().filter(|(_, (old, new))| old != new);
    differs.map(|(path, (old, new))| change(path, old, new)).collect()
}

fn change(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> FileChange {
    let change = match (old, new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let (old, new) = (text(old), text(new));
    let hunks = TextDiff::from_lines(&old, &new).unified_diff().context_radius(CONTEXT).to_string();
    let starting = |sign: char| hunks.lines().filter(|line| line.starts_with(sign)).count();
    FileChange { path: path.to_owned(), change, added: starting('+'), removed: starting('-'), hunks }
}

/// Files with the same change, their cluster's own name apart; the first stands for all. What clusters run comes first, the
/// plan last: it repeats the rest for people.
pub(super) fn groups(files: &[FileChange]) -> Vec<Vec<&FileChange>> {
    let mut index: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&FileChange>> = Vec::new();
    let is_plan = |file: &&FileChange| file.path == "PLAN.md";
    for file in files.iter().filter(|file| !is_plan(file)).chain(files.iter().filter(is_plan)) {
        let next = groups.len();
        let at = *index.entry((file.change, anonymous(file))).or_insert(next);
        match groups.get_mut(at) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}

/// The lines that change, without the name of the cluster whose directory it is.
fn anonymous(file: &FileChange) -> String {
    let mut parts = file.path.split('/');
    let cluster = match (parts.next(), parts.next()) {
        (Some("clusters"), Some(cluster)) => cluster,
        _ => "",
    };
    let changed =
        file.hunks.lines().filter(|line| line.starts_with(['+', '-'])).collect::<Vec<_>>().join("\n");
    if cluster.is_empty() {
        format!("{}\n{changed}", file.path)
    } else {
        changed.replace(cluster, "<cluster>")
    }
}

/// The header of a unified diff.
pub(super) fn header(file: &FileChange) -> String {
    let (old, new) = (format!("a/{}", file.path), format!("b/{}", file.path));
    let null = "/dev/null".to_owned();
    let (old, new) = match file.change {
        "added" => (null, new),
        "removed" => (old, null),
        _ => (old, new),
    };
    format!("--- {old}\n+++ {new}\n")
}
