//! A rendered tree in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use gix::ObjectId;

use super::manifest::Digest;
use super::path::RelativePath;

/// The bytes of a file with what names them, which is computed when it is first asked for.
#[derive(Debug)]
pub struct Content {
    bytes: Vec<u8>,
    digest: OnceLock<Digest>,
    blob: OnceLock<ObjectId>,
}

impl Content {
    /// The content of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Content {
        Content { bytes, digest: OnceLock::new(), blob: OnceLock::new() }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&self.bytes))
    }

    /// The ID that they have in Git.
    ///
    /// # Errors
    /// The bytes are an attempt to collide with others (SHA-1).
    pub(crate) fn blob(&self) -> Result<ObjectId, gix::Error> {
        if let Some(id) = self.blob.get() {
            return Ok(*id);
        }
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &self.bytes)?;
        Ok(*self.blob.get_or_init(|| id))
    }
}

/// The files of a rendered tree, by path, before any of them is on disk.
///
/// A tree can be written to any file system: no two of its names differ only by case, and no file is also the
/// directory of another.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    files: BTreeMap<RelativePath, Arc<Content>>,
    /// Every file and directory by its lower-case path.
    names: BTreeMap<String, Name>,
    /// The directory of the last file: files come directory by directory, and its parents are known.
    last: String,
}

#[derive(Debug, Clone)]
struct Name {
    spelling: String,
    is_dir: bool,
}

/// Why a file was not taken into a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The path already has a file.
    #[error("`{path}` is rendered twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// Another name is the same where case does not count.
    #[error("`{path}` and `{other}` are one name on a file system that ignores case")]
    Case {
        /// The path that was refused, or the directory of it that collides.
        path: String,
        /// The one that was there before.
        other: String,
    },
    /// A path is a file for one owner and a directory for another.
    #[error("`{path}` would be both a file and a directory")]
    FileAndDirectory {
        /// The path.
        path: String,
    },
}

impl Tree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`TreeError`] when the path, or a directory above it, collides with one that is already there. The tree
    /// is then as it was.
    pub fn insert(&mut self, path: RelativePath, bytes: Vec<u8>) -> Result<(), TreeError> {
        self.insert_content(path, Arc::new(Content::new(bytes)))
    }

    /// [`Tree::insert`] of content that others may share.
    ///
    /// # Errors
    /// As there.
    pub fn insert_content(&mut self, path: RelativePath, content: Arc<Content>) -> Result<(), TreeError> {
        let folded = path.as_str().to_ascii_lowercase();
        if let Some(name) = self.names.get(&folded) {
            return Err(name.collision(path.as_str(), false));
        }
        let directory = path.parents().next_back().unwrap_or_default();
        if self.last != directory {
            self.insert_parents(&path, &folded)?;
            directory.clone_into(&mut self.last);
        }
        self.names.insert(folded, Name { spelling: path.as_str().to_owned(), is_dir: false });
        self.files.insert(path, content);
        Ok(())
    }

    /// Gives a file that is there another content, and says whether it was there.
    pub(crate) fn replace(&mut self, path: &RelativePath, content: Arc<Content>) -> bool {
        self.files.get_mut(path).map(|old| *old = content).is_some()
    }

    fn insert_parents(&mut self, path: &RelativePath, folded: &str) -> Result<(), TreeError> {
        for dir in path.parents() {
            if let Some(name) = folded.get(..dir.len()).and_then(|folded| self.names.get(folded))
                && !(name.is_dir && name.spelling == dir)
            {
                return Err(name.collision(dir, true));
            }
        }
        for dir in path.parents() {
            if let Some(folded) = folded.get(..dir.len())
                && !self.names.contains_key(folded)
            {
                self.names.insert(folded.to_owned(), Name { spelling: dir.to_owned(), is_dir: true });
            }
        }
        Ok(())
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|content| content.bytes())
    }

    /// The content of a file.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&Content> {
        self.files.get(path).map(|content| &**content)
    }

    /// The content of every file, sorted by path.
    pub fn contents(&self) -> impl ExactSizeIterator<Item = (&RelativePath, &Content)> {
        self.files.iter().map(|(path, content)| (path, &**content))
    }

    /// The files, sorted by path.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&RelativePath, &[u8])> {
        self.files.iter().map(|(path, content)| (path, content.bytes()))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Name {
    fn collision(&self, path: &str, is_dir: bool) -> TreeError {
        let path = path.to_owned();
        if self.spelling != path {
            TreeError::Case { path, other: self.spelling.clone() }
        } else if self.is_dir == is_dir {
            TreeError::Twice { path }
        } else {
            TreeError::FileAndDirectory { path }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        tree.insert(RelativePath::new(path).unwrap(), path.as_bytes().to_vec())
    }

    fn refused(first: &str, second: &str) -> String {
        let mut tree = Tree::new();
        insert(&mut tree, first).unwrap();
        let error = insert(&mut tree, second).expect_err(second);
        assert_eq!(tree.len(), 1, "a refused file must leave nothing behind");
        insert(&mut tree, "z/unrelated").unwrap();
        error.to_string()
    }

    #[test]
    fn keeps_files_sorted() {
        let mut tree = Tree::new();
        for path in ["b/x", "a", "b/c/d", "b/a"] {
            insert(&mut tree, path).unwrap();
        }
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a", "b/a", "b/c/d", "b/x"]);
        assert_eq!(tree.get("b/c/d"), Some("b/c/d".as_bytes()));
        assert_eq!(tree.get("b/c"), None);
    }

    #[test]
    fn refuses_collisions() {
        insta::assert_snapshot!(refused("a/b", "a/b"), @"`a/b` is rendered twice");
        insta::assert_snapshot!(refused("a/b", "a/B"), @"`a/B` and `a/b` are one name on a file system that ignores case");
        insta::assert_snapshot!(refused("a/b", "A/c"), @"`A` and `a` are one name on a file system that ignores case");
        insta::assert_snapshot!(refused("a/b", "a"), @"`a` would be both a file and a directory");
        insta::assert_snapshot!(refused("a", "a/b"), @"`a` would be both a file and a directory");
        insta::assert_snapshot!(refused("a/b/c", "A/b"), @"`A/b` and `a/b` are one name on a file system that ignores case");
    }
}
