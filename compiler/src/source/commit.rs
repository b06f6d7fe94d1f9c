//! Intent as a commit holds it, read from the object database: no work tree, no checkout, so a half-written directory
//! is never compiled and a bare repository is as good as any.
//!
//! What is read, in which order, and what is skipped is the same as in [`super::discover()`]. A commit has no file system
//! around it: links are followed in the commit only, submodules are not there, and neither are files that Git LFS keeps
//! elsewhere.

mod error;
mod info;
mod line;
mod links;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Component, Path};

use gix::objs::{CommitRefIter, Kind, TagRefIter};

pub use error::GitError;
pub use info::CommitInfo;
pub(crate) use info::{seconds, short};

use super::discover::{DiscoverOptions, Found, SourceError};

/// Most tags that lead to tags: more is a loop or a joke.
const MOST_TAGS: usize = 16;

/// Reads every YAML file below `root` in the tree of `rev`, as [`super::discover()`] reads a directory. `repo` is a
/// repository (bare or not) or any directory in its work tree; `root` is a path inside the repository, `/`-separated.
///
/// # Errors
///
/// There is no repository, no such revision, no such path in it, an object is missing, or a bound of `options` is
/// crossed.
pub fn discover(repo: &Path, rev: &str, root: &str, options: DiscoverOptions) -> Result<Found, SourceError> {
    let repository = Repository::open(repo)?;
    let revision = repository.revision(rev)?;
    repository.discover(&revision, root, options)
}

/// A Git repository, for reading.
#[derive(Debug)]
pub struct Repository {
    git: gix::Repository,
    shown: String,
}

/// A revision that was resolved once: a branch that moves meanwhile changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// What was asked for: `main`, `HEAD~1`.
    pub rev: String,
    /// Hexadecimal ID of the commit; of the tree where a tree was asked for (`git write-tree`).
    pub id: String,
    tree: gix::ObjectId,
    commit: Option<gix::ObjectId>,
}

impl Repository {
    /// Opens the repository that is at `path` or around it. Only the repository's own configuration is read.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be opened.
    pub fn open(path: &Path) -> Result<Repository, GitError> {
        let options = gix::open::Options::isolated;
        let trust = gix::sec::trust::Mapping { full: options(), reduced: options() };
        let shown = super::discover::shown(path);
        match gix::ThreadSafeRepository::discover_opts(
            path,
            gix::discover::upwards::Options::default(),
            trust,
        ) {
            Ok(git) => Ok(Repository { git: git.to_thread_local(), shown }),
            Err(error) if error.is_not_found() => Err(GitError::NoRepository { path: shown }),
            Err(error) => Err(GitError::Open { path: shown, why: error.probable_cause().to_string() }),
        }
    }

    /// The repository around `path`, which need not exist any more, and the way from the repository's root to it.
    ///
    /// # Errors
    ///
    /// There is no repository, or `path` leads out of it.
    pub fn around(path: &Path) -> Result<(Repository, String), GitError> {
        let shown = super::discover::shown(path);
        let read = |error: std::io::Error| GitError::Open { path: shown.clone(), why: error.to_string() };
        let path = std::path::absolute(path).map_err(read)?;
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(&path);
        let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
        let existing = std::fs::canonicalize(existing).map_err(read)?;
        let directory =
            if existing.is_dir() { existing.as_path() } else { existing.parent().unwrap_or(&existing) };
        let mut repository = Repository::open(directory)?;
        repository.shown = ".".to_owned();
        let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let top = real(repository.git.workdir().unwrap_or(repository.git.path()));
        match existing.join(rest).strip_prefix(&top) {
            Ok(inside) => {
                let inside =
                    inside_path(&inside.to_string_lossy()).ok_or(GitError::Outside { path: shown })?;
                Ok((repository, inside))
            }
            Err(_) => Err(GitError::Outside { path: shown }),
        }
    }

    /// Resolves a revision: a branch, a tag, a commit, `HEAD~1`, or the tree of `git write-tree`.
    ///
    /// # Errors
    ///
    /// There is no such revision, it names neither a commit nor a tree, or an object is missing.
    pub fn revision(&self, rev: &str) -> Result<Revision, GitError> {
        let id = self.git.rev_parse_single(rev).map_err(|_| self.unknown(rev))?.detach();
        let (mut id, mut at, mut commit) = (id, id, None);
        for _ in 0..MOST_TAGS {
            let object = self.object(at, rev, "")?;
            match object.kind {
                Kind::Tree => {
                    return Ok(Revision { rev: rev.to_owned(), id: id.to_string(), tree: at, commit });
                }
                Kind::Commit => {
                    (id, commit) = (at, Some(at));
                    let tree = CommitRefIter::from_bytes(&object.data, at.kind()).tree_id();
                    at = tree.map_err(|_| self.damaged(at))?;
                }
                Kind::Tag => {
                    let target = TagRefIter::from_bytes(&object.data, at.kind()).target_id();
                    at = target.map_err(|_| self.damaged(at))?;
                    id = at;
                }
                Kind::Blob => break,
            }
        }
        Err(GitError::NotACommit { rev: rev.to_owned() })
    }

    /// Reads every YAML file below `root`, a path inside the repository.
    ///
    /// # Errors
    ///
    /// `root` is not in the tree, an object is missing, or a bound of `options` is crossed.
    pub fn discover(
        &self,
        revision: &Revision,
        root: &str,
        options: DiscoverOptions,
    ) -> Result<Found, SourceError> {
        let inside = inside_path(root).ok_or_else(|| GitError::Outside { path: root.to_owned() })?;
        walk::discover(self, revision, &inside, options)
    }

    /// The directory that holds objects and refs: `.git`, or the bare repository; of a linked worktree the one it shares.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.git.common_dir()
    }

    /// Where it is: the work tree, or the bare repository.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.git.workdir().unwrap_or(self.git.path())
    }

    /// The repository as gix knows it.
    pub(crate) fn gix(&self) -> &gix::Repository {
        &self.git
    }

    /// An object that has to be there.
    pub(crate) fn object(
        &self,
        id: gix::ObjectId,
        rev: &str,
        path: &str,
    ) -> Result<gix::Object<'_>, GitError> {
        match self.git.try_find_object(id) {
            Ok(Some(object)) => Ok(object),
            Ok(None) => Err(GitError::Missing {
                rev: rev.to_owned(),
                path: path.to_owned(),
                id: id.to_string(),
                help: if self.is_partial() {
                    "the repository is a partial clone: clone it without `--filter`"
                } else {
                    "`git fsck` says what else is missing"
                },
            }),
            Err(error) => Err(GitError::Damaged { id: id.to_string(), why: error.to_string() }),
        }
    }

    pub(crate) fn damaged(&self, id: gix::ObjectId) -> GitError {
        GitError::Damaged { id: id.to_string(), why: "it cannot be decoded".to_owned() }
    }

    fn unknown(&self, rev: &str) -> GitError {
        let unborn = self.git.head().is_ok_and(|head| head.is_unborn());
        let help = if unborn && self.git.head_id().is_err() && rev.starts_with("HEAD") {
            "the repository has no commit yet"
        } else if self.git.is_shallow().unwrap_or(false) {
            "the repository is a shallow clone: fetch more of its history (`git fetch --deepen=50`, `fetch-depth: 0`)"
        } else {
            "`git rev-parse` and `git branch --all` tell what there is; a branch of a remote may have to be fetched"
        };
        GitError::Unknown { rev: rev.to_owned(), path: self.shown.clone(), help }
    }

    fn is_partial(&self) -> bool {
        let config = self.git.config_snapshot();
        self.git
            .remote_names()
            .iter()
            .any(|remote| config.boolean(&format!("remote.{remote}.promisor")).is_some())
    }
}

/// A path inside a repository without `.` parts and doubled separators; nothing if it leads out of it.
pub(crate) fn inside_path(path: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}
