//! Which files the branch is to hold: rendered ones, and those that are not ours.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;

use super::objects::{self, Entries, Entry};
use super::{BranchError, Tip};
use crate::publish::{Content, Digest, MANIFEST_FILE, META_DIR, RelativePath, Tree};
use crate::threads;

/// Fewer files are hashed by one thread.
const MIN_PARALLEL: usize = 256;

/// What a commit changes, in paths and names that are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Files that are new.
    pub created: Vec<RelativePath>,
    /// Files with other bytes.
    pub updated: Vec<RelativePath>,
    /// Files that are no longer rendered.
    pub removed: Vec<RelativePath>,
    /// Clusters with any of them.
    pub clusters: BTreeSet<String>,
    /// Owned files that somebody had changed on the branch, and that are as rendered again.
    pub drifted: Vec<RelativePath>,
}

/// The files of the branch.
pub(super) struct Layout<'a> {
    pub(super) entries: Entries,
    /// What the tip does not have.
    pub(super) blobs: Vec<(ObjectId, &'a [u8])>,
    pub(super) differences: Differences,
}

pub(super) fn layout<'a>(tip: &Tip, tree: &'a Tree, manifest: &'a [u8]) -> Result<Layout<'a>, BranchError> {
    let files: Vec<(&RelativePath, &Content)> = tree.contents().collect();
    let hashes = threads::in_parts(&files, MIN_PARALLEL, |part| {
        part.iter().map(|(_, content)| content.blob().map_err(objects::write)).collect::<Vec<_>>()
    });
    let mut layout =
        Layout { entries: tip.entries().clone(), blobs: Vec::new(), differences: Differences::default() };
    let marker = format!("{META_DIR}/{MANIFEST_FILE}");
    layout.entries.remove(marker.as_bytes());
    let owned = tip.owned().files();
    // What is ours leaves, and comes back if it is still rendered.
    for path in owned.keys() {
        layout.entries.remove(path.as_str().as_bytes());
        if tree.get(path.as_str()).is_none() && tip.entries().contains_key(path.as_str().as_bytes()) {
            layout.differences.removed.push(path.clone());
        }
    }
    let others = layout.entries.clone();
    let mut in_the_way = BTreeSet::new();
    for ((path, content), id) in files.into_iter().zip(hashes.into_iter().flatten()) {
        let id = id?;
        in_the_way.extend(obstacles(&others, path, id));
        layout.file(tip, path, id, content.bytes(), owned.contains_key(path));
    }
    if !in_the_way.is_empty() {
        return Err(BranchError::InTheWay { paths: in_the_way.into_iter().collect() });
    }
    let id = objects::hash(manifest)?;
    layout.blobs.push((id, manifest));
    layout.entries.insert(marker.into_bytes(), Entry::file(id));
    let Differences { created, updated, removed, .. } = &layout.differences;
    let touched = [created, updated, removed].into_iter().flatten();
    let clusters = touched.filter_map(RelativePath::cluster).map(str::to_owned).collect();
    layout.differences.drifted = drifted(tip, updated.iter().chain(removed), owned);
    layout.differences.clusters = clusters;
    Ok(layout)
}

impl<'a> Layout<'a> {
    fn file(&mut self, tip: &Tip, path: &RelativePath, id: ObjectId, bytes: &'a [u8], owned: bool) {
        let key = path.as_str().as_bytes();
        let was = tip.entries().get(key).filter(|entry| entry.is_file());
        match was {
            Some(was) if was.id == id => {}
            Some(_) if owned => self.differences.updated.push(path.clone()),
            _ => self.differences.created.push(path.clone()),
        }
        if was.is_none_or(|was| was.id != id) {
            self.blobs.push((id, bytes));
        }
        self.entries.insert(key.to_vec(), Entry::file(id));
    }
}

/// Files of others where a rendered file is to be: one with other bytes, one in place of a directory, or those in a
/// directory of its name.
fn obstacles(others: &Entries, path: &RelativePath, id: ObjectId) -> Vec<RelativePath> {
    let key = path.as_str().as_bytes();
    let mut found = Vec::new();
    let mut there = |at: &str| found.extend(RelativePath::new(at).ok().or_else(|| Some(path.clone())));
    if others.get(key).is_some_and(|entry| !entry.is_file() || entry.id != id) {
        there(path.as_str());
    }
    path.parents().filter(|parent| others.contains_key(parent.as_bytes())).for_each(&mut there);
    let below = [key, b"/"].concat();
    let first = others.range(below.clone()..).next().filter(|(path, _)| path.starts_with(&below));
    if let Some((inside, _)) = first {
        there(&String::from_utf8_lossy(inside));
    }
    found
}

/// Files whose bytes on the branch are not the ones that were published.
fn drifted<'p>(
    tip: &Tip,
    paths: impl Iterator<Item = &'p RelativePath>,
    owned: &BTreeMap<RelativePath, Digest>,
) -> Vec<RelativePath> {
    let changed = |path: &&RelativePath| {
        tip.read(path.as_str()).is_some_and(|bytes| owned.get(*path) != Some(&Digest::of(&bytes)))
    };
    let mut paths: Vec<RelativePath> = paths.filter(changed).cloned().collect();
    paths.sort();
    paths
}
