//! Git objects, read and written by gix.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::objs::{CommitRefIter, Kind, TreeRefIter};

use super::BranchError;
use crate::source::commit::{GitError, Repository};

/// Most entries of all trees of a branch that are looked at.
const MOST_ENTRIES: usize = 4_000_000;

/// Most directories inside each other.
const MOST_DEPTH: usize = 256;

/// A file of a branch: an ordinary one, a link, a submodule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
}

impl Entry {
    pub(super) fn file(id: ObjectId) -> Entry {
        Entry { mode: EntryKind::Blob.into(), id }
    }

    pub(super) fn is_file(&self) -> bool {
        self.mode.is_blob()
    }
}

/// Files by path. Paths are bytes: Git asks for no encoding.
pub(super) type Entries = BTreeMap<Vec<u8>, Entry>;

/// The tree of a commit.
pub(super) fn tree_of(repository: &Repository, commit: ObjectId) -> Result<ObjectId, BranchError> {
    let object = repository.object(commit, &commit.to_string(), "")?;
    if object.kind != Kind::Commit {
        return Err(GitError::NotACommit { rev: commit.to_string() }.into());
    }
    let tree = CommitRefIter::from_bytes(&object.data, commit.kind()).tree_id();
    Ok(tree.map_err(|_| repository.damaged(commit))?)
}

/// All files of a tree.
pub(super) fn entries(repository: &Repository, tree: ObjectId) -> Result<Entries, BranchError> {
    let mut found = Entries::new();
    walk(repository, tree, &mut Vec::new(), 0, &mut found)?;
    Ok(found)
}

fn walk(
    repository: &Repository,
    tree: ObjectId,
    path: &mut Vec<u8>,
    depth: usize,
    found: &mut Entries,
) -> Result<(), BranchError> {
    if depth > MOST_DEPTH || found.len() > MOST_ENTRIES {
        return Err(GitError::TooManyEntries {
            rev: tree.to_string(),
            root: String::from_utf8_lossy(path).into_owned(),
            limit: MOST_ENTRIES,
        }
        .into());
    }
    let object = repository.object(tree, &tree.to_string(), "")?;
    for entry in TreeRefIter::from_bytes(&object.data, tree.kind()) {
        let entry = entry.map_err(|_| repository.damaged(tree))?;
        let length = path.len();
        path.extend_from_slice(entry.filename);
        if entry.mode.is_tree() {
            path.push(b'/');
            walk(repository, entry.oid.to_owned(), path, depth + 1, found)?;
        } else {
            found.insert(path.clone(), Entry { mode: entry.mode, id: entry.oid.to_owned() });
        }
        path.truncate(length);
    }
    Ok(())
}

/// The ID of a blob.
pub(super) fn hash(bytes: &[u8]) -> Result<ObjectId, BranchError> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, bytes).map_err(write)
}

/// Writes a blob unless it is there.
pub(super) fn blob(repository: &gix::Repository, id: ObjectId, bytes: &[u8]) -> Result<(), BranchError> {
    if repository.has_object(id) {
        return Ok(());
    }
    repository.write_blob(bytes).map(drop).map_err(write)
}

/// Writes the trees of all directories, and gives the topmost.
pub(super) fn tree(repository: &gix::Repository, entries: &Entries) -> Result<ObjectId, BranchError> {
    let entries: Vec<(&[u8], Entry)> =
        entries.iter().map(|(path, entry)| (path.as_slice(), *entry)).collect();
    directory(repository, &entries, 0)
}

/// The tree of files that share the first `prefix` bytes of their paths; sorted by path, files of one directory stand
/// together.
fn directory(
    repository: &gix::Repository,
    entries: &[(&[u8], Entry)],
    prefix: usize,
) -> Result<ObjectId, BranchError> {
    let mut tree = gix::objs::Tree::empty();
    let mut rest = entries;
    while let Some((path, entry)) = rest.first() {
        let name = path.get(prefix..).unwrap_or_default();
        let Some(slash) = name.iter().position(|byte| *byte == b'/') else {
            tree.entries.push(gix::objs::tree::Entry {
                mode: entry.mode,
                filename: name.into(),
                oid: entry.id,
            });
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let below = path.get(..=prefix + slash).unwrap_or_default();
        let end = rest.partition_point(|(path, _)| path.starts_with(below));
        let (inside, after) = rest.split_at(end);
        let oid = directory(repository, inside, below.len())?;
        let filename = name.get(..slash).unwrap_or_default().into();
        tree.entries.push(gix::objs::tree::Entry { mode: EntryKind::Tree.into(), filename, oid });
        rest = after;
    }
    // Git sorts directories as if their names ended in a slash.
    tree.entries.sort();
    repository.write_object(&tree).map(gix::Id::detach).map_err(write)
}

fn write(error: impl std::fmt::Display) -> BranchError {
    BranchError::Write { why: error.to_string() }
}
