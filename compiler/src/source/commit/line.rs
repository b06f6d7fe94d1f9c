//! The commits between two commits.

use gix::ObjectId;
use gix::objs::{CommitRefIter, Kind};

use super::Repository;

impl Repository {
    /// The commits after `old` and before `new`, oldest first, along first parents (git-log(1), `--first-parent`): those of
    /// which `root`, a path inside the repository, is another than in the commit before. Nothing if `old` is not on that
    /// line, if they are more than `most`, or if the history here does not reach so far.
    pub fn line(&self, old: ObjectId, new: ObjectId, root: &str, most: usize) -> Vec<ObjectId> {
        let mut line = Vec::new();
        let Some((_, mut at)) = self.tree_and_parent(new) else { return Vec::new() };
        let mut looked_at: usize = 0;
        while let Some(id) = at.filter(|id| *id != old) {
            let Some((tree, parent)) = self.tree_and_parent(id) else { return Vec::new() };
            let before = parent.and_then(|parent| self.tree_and_parent(parent));
            let Some((tree_before, _)) = before else { return Vec::new() };
            if tree != tree_before && self.below(tree, root) != self.below(tree_before, root) {
                line.push(id);
            }
            looked_at += 1;
            if line.len() > most || looked_at > LONGEST {
                return Vec::new();
            }
            at = parent;
        }
        if at.is_none() {
            return Vec::new();
        }
        line.reverse();
        line
    }

    /// The tree of a commit, and its first parent.
    fn tree_and_parent(&self, id: ObjectId) -> Option<(ObjectId, Option<ObjectId>)> {
        let object = self.git.try_find_object(id).ok()??;
        if object.kind != Kind::Commit {
            return None;
        }
        let read = || CommitRefIter::from_bytes(&object.data, id.kind());
        let tree = read().tree_id().ok()?;
        Some((tree, read().parent_ids().next()))
    }

    /// What is at a path of a tree.
    fn below(&self, tree: ObjectId, path: &str) -> Option<ObjectId> {
        if path.is_empty() || path == "." {
            return Some(tree);
        }
        let tree = self.git.try_find_object(tree).ok()??.try_into_tree().ok()?;
        Some(tree.lookup_entry_by_path(path).ok()??.object_id())
    }
}

/// Longer ways are not gone: a head that is so far from what is published is published alone.
const LONGEST: usize = 10_000;
