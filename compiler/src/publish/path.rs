//! Paths inside a rendered tree: relative, portable, and unable to leave it.

use std::borrow::Borrow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The longest path, in bytes, that a rendered tree may hold. Linux allows 4096 for the whole path; the rest
/// is left for the directory that the tree is checked out in.
const MAX_PATH_BYTES: usize = 1024;

/// The longest file or directory name, in bytes (`NAME_MAX` of Linux, APFS and NTFS).
const MAX_SEGMENT_BYTES: usize = 255;

/// A path of a rendered tree: segments separated by `/`, below the root of the tree.
///
/// A value of this type can be joined to an output directory on any system without leaving it: it is not
/// absolute and has no empty, `.` or `..` segment. It is also portable: printable ASCII without the characters
/// and names that Windows reserves, and no segment that git or meshwright keeps for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

/// Why a string is not a [`RelativePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a path of a rendered tree: {reason}", .path.escape_debug())]
pub struct PathError {
    /// The string as it was given.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl RelativePath {
    /// Checks `path` and wraps it.
    ///
    /// # Errors
    /// [`PathError`] when the path is empty, too long, absolute, not portable, or has a segment that is empty,
    /// `.`, `..`, `.git` or `.meshwright` (in any case).
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        match problem(&path) {
            None => Ok(Self(path)),
            Some(reason) => Err(PathError { path, reason }),
        }
    }

    /// The path as text, separated by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `root`, in the form of the running system.
    #[must_use]
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// The directories above the file, outermost first, without the root of the tree.
    pub fn parents(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }

    /// The cluster whose directory holds the file: `c1` for `clusters/c1/mesh/namespaces.yaml`.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.split_cluster().map(|(cluster, _)| cluster)
    }

    /// The cluster whose directory holds the file, and the path below that directory.
    pub(super) fn split_cluster(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix("clusters/")?.split_once('/')
    }
}

fn problem(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > MAX_PATH_BYTES {
        return Some("it is longer than 1024 bytes");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    path.split('/').find_map(segment_problem)
}

fn segment_problem(segment: &str) -> Option<&'static str> {
    match segment {
        "" => return Some("it has an empty segment"),
        "." | ".." => return Some("it has a segment `.` or `..`"),
        _ => {}
    }
    if segment.len() > MAX_SEGMENT_BYTES {
        return Some("it has a segment longer than 255 bytes");
    }
    if !segment.bytes().all(is_portable) {
        return Some("it has a character that is not portable across file systems");
    }
    if segment.ends_with(['.', ' ']) {
        return Some("it has a segment that ends with a dot or a space");
    }
    let folded = segment.to_ascii_lowercase();
    match folded.as_str() {
        // `git~1` is how NTFS may spell `.git`.
        ".git" | "git~1" => Some("it has a segment that git keeps for itself"),
        ".meshwright" => Some("it has a segment that is kept for the marker of a rendered tree"),
        _ if is_device(&folded) => Some("it has a segment that is a device name on Windows"),
        _ => None,
    }
}

fn is_portable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b':' | b'<' | b'>' | b'"' | b'|' | b'?' | b'*')
}

/// Whether Windows would open a device for this (lower-case) name, whatever its extension.
fn is_device(folded: &str) -> bool {
    let stem = folded.split('.').next().unwrap_or_default().trim_end();
    if matches!(stem, "con" | "prn" | "aux" | "nul") {
        return true;
    }
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    number.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = PathError;

    fn try_from(path: String) -> Result<Self, PathError> {
        Self::new(path)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

impl Borrow<str> for RelativePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_paths_that_are_rendered() {
        for path in
            ["PLAN.md", "clusters/c1/mesh/kustomization.yaml", "argocd/.hidden", "console/a b.yaml", "a..b/c"]
        {
            assert_eq!(RelativePath::new(path).expect(path).as_str(), path);
        }
    }

    #[test]
    fn refuses_what_leaves_the_tree_or_is_not_portable() {
        let long = "a/".repeat(600) + "b";
        let name = "a".repeat(256);
        let bad = [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a/./b",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "a\0b",
            "C:/a",
            "a:b",
            "a\nb",
            "é",
            "a.",
            "a ",
            "a./b",
            ".git/config",
            "x/.GIT/hooks",
            "GIT~1/x",
            ".meshwright/manifest.json",
            "x/.Meshwright",
            "con",
            "NUL.yaml",
            "com1",
            "lpt9.txt",
            "aux .txt",
            "what?",
            &long,
            &name,
        ];
        for path in bad {
            assert!(RelativePath::new(path).is_err(), "{path:?} was accepted");
        }
    }

    #[test]
    fn the_error_shows_control_characters_escaped() {
        let error = RelativePath::new("a\u{1b}[31m").expect_err("control character");
        insta::assert_snapshot!(error, @r"`a\u{1b}[31m` cannot be a path of a rendered tree: it has a character that is not portable across file systems");
    }

    #[test]
    fn knows_its_parents_and_cluster() {
        let path = RelativePath::new("clusters/c1/mesh/a.yaml").unwrap();
        assert_eq!(path.parents().collect::<Vec<_>>(), ["clusters", "clusters/c1", "clusters/c1/mesh"]);
        assert_eq!(path.cluster(), Some("c1"));
        assert_eq!(RelativePath::new("clusters/kustomization.yaml").unwrap().cluster(), None);
        assert_eq!(RelativePath::new("PLAN.md").unwrap().parents().count(), 0);
    }
}
