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

/// The files of a tree, and the tree of every directory by its path, which ends in a slash; that of the topmost is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub(super) entries: Entries,
    trees: BTreeMap<Vec<u8>, ObjectId>,
}

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
pub(super) fn list(repository: &Repository, tree: ObjectId) -> Result<Listing, BranchError> {
    let mut found = Listing::default();
    walk(repository, tree, &mut Vec::new(), 0, &mut found)?;
    Ok(found)
}

fn walk(
    repository: &Repository,
    tree: ObjectId,
    path: &mut Vec<u8>,
    depth: usize,
    found: &mut Listing,
) -> Result<(), BranchError> {
    if depth > MOST_DEPTH || found.entries.len() > MOST_ENTRIES {
        return Err(GitError::TooManyEntries {
            rev: tree.to_string(),
            root: String::from_utf8_lossy(path).into_owned(),
            limit: MOST_ENTRIES,
        }
        .into());
    }
    found.trees.insert(path.clone(), tree);
    let object = repository.object(tree, &tree.to_string(), "")?;
    for entry in TreeRefIter::from_bytes(&object.data, tree.kind()) {
        let entry = entry.map_err(|_| repository.damaged(tree))?;
        let length = path.len();
        path.extend_from_slice(entry.filename);
        if entry.mode.is_tree() {
            path.push(b'/');
            walk(repository, entry.oid.to_owned(), path, depth + 1, found)?;
        } else {
            found.entries.insert(path.clone(), Entry { mode: entry.mode, id: entry.oid.to_owned() });
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

/// Writes the trees of all directories, and gives the topmost with the listing of it. Directories in which nothing is other
/// than in `known` have the tree that they have there.
pub(super) fn tree(
    repository: &gix::Repository,
    entries: Entries,
    known: &Listing,
) -> Result<(ObjectId, Listing), BranchError> {
    let mut trees = known.trees.clone();
    for path in differing(&known.entries, &entries) {
        let parents = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at + 1);
        for end in parents.chain([0]) {
            trees.remove(path.get(..end).unwrap_or_default());
        }
    }
    let listed: Vec<(&[u8], Entry)> = entries.iter().map(|(path, entry)| (path.as_slice(), *entry)).collect();
    let top = directory(repository, &listed, b"", &mut trees)?;
    Ok((top, Listing { entries, trees }))
}

/// The paths that only one of the two has, or that both have otherwise.
fn differing<'a>(old: &'a Entries, new: &'a Entries) -> impl Iterator<Item = &'a Vec<u8>> {
    let gone = old.iter().filter(|(path, _)| !new.contains_key(*path));
    let changed = new.iter().filter(|(path, entry)| old.get(*path) != Some(*entry));
    gone.chain(changed).map(|(path, _)| path)
}

/// The tree of the directory `path`, of which `entries` are the files; sorted by path, files of one directory stand
/// together. Trees that are known are not written again.
fn directory(
    repository: &gix::Repository,
    entries: &[(&[u8], Entry)],
    path: &[u8],
    trees: &mut BTreeMap<Vec<u8>, ObjectId>,
) -> Result<ObjectId, BranchError> {
    if let Some(known) = trees.get(path) {
        return Ok(*known);
    }
    let mut tree = gix::objs::Tree::empty();
    let mut rest = entries;
    while let Some((file, entry)) = rest.first() {
        let name = file.get(path.len()..).unwrap_or_default();
        let Some(slash) = name.iter().position(|byte| *byte == b'/') else {
            tree.entries.push(gix::objs::tree::Entry {
                mode: entry.mode,
                filename: name.into(),
                oid: entry.id,
            });
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let below = file.get(..=path.len() + slash).unwrap_or_default();
        let end = rest.partition_point(|(file, _)| file.starts_with(below));
        let (inside, after) = rest.split_at(end);
        let oid = directory(repository, inside, below, trees)?;
        let filename = name.get(..slash).unwrap_or_default().into();
        tree.entries.push(gix::objs::tree::Entry { mode: EntryKind::Tree.into(), filename, oid });
        rest = after;
    }
    // Git sorts directories as if their names ended in a slash.
    tree.entries.sort();
    let id = repository.write_object(&tree).map_err(write)?.detach();
    trees.insert(path.to_vec(), id);
    Ok(id)
}

pub(super) fn write(error: impl std::fmt::Display) -> BranchError {
    BranchError::Write { why: error.to_string() }
}
