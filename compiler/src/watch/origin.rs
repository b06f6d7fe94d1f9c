//! Where intent comes from: a directory as it lies there, a repository here, or one elsewhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gix::ObjectId;

use crate::git::{Depth, Git, GitProgramError, redacted};
use crate::source::commit::{CommitInfo, GitError, Repository};
use crate::source::discover::{DiscoverOptions, Found, SourceError, discover};

/// How often a ref is read again that moves between the question what it is and the answer.
const ATTEMPTS: usize = 5;

/// How many commits more are fetched, step by step, to learn whether one commit descends from another.
const STEPS: [u32; 3] = [100, 1_000, 10_000];

/// Git's own value for "all of it" (git-fetch(1), `--unshallow`).
const ALL: u32 = 2_147_483_647;

/// More commits at once than these are published as the newest of them.
const MOST_BETWEEN: usize = 100;

/// How often a directory is read that changes all the time.
const READINGS: usize = 20;

/// Time between two readings of a directory.
const REST: Duration = Duration::from_millis(25);

/// Where the cache keeps the head that was fetched last.
const KEPT: &str = "refs/meshwright/source";

/// Where intent comes from.
#[derive(Debug)]
pub enum Origin {
    /// A directory or file, read as it lies there.
    Directory(PathBuf),
    /// A revision of a repository on this machine.
    Repository(Local),
    /// A ref of a repository elsewhere, fetched into one that is ours.
    Remote(Remote),
}

/// A revision of a repository on this machine.
#[derive(Debug)]
pub struct Local {
    /// `git` on it.
    pub git: Git,
    /// A path at or in it.
    pub path: PathBuf,
    /// The revision: `main`, `HEAD`.
    pub rev: String,
    /// The intent root inside; empty for the repository's own.
    pub root: String,
    /// What published commits call the repository.
    pub shown: String,
}

/// A ref of a repository elsewhere.
#[derive(Debug)]
pub struct Remote {
    /// `git` on the cache.
    pub git: Git,
    /// Where it is.
    pub url: String,
    /// A branch or tag, or a full name; nothing for the branch that the remote's `HEAD` is.
    pub rev: Option<String>,
    /// The intent root inside; empty for the repository's own.
    pub root: String,
}

/// Intent as it is now.
#[derive(Debug)]
pub enum Head {
    /// A directory has no history.
    Directory,
    /// A commit, with the repository that holds it.
    Commit(Box<At>),
}

/// A commit, with the repository that holds it.
#[derive(Debug)]
pub struct At {
    /// The commit.
    pub commit: CommitInfo,
    /// What is asked for: `main`.
    pub rev: String,
    repository: Repository,
}

impl Head {
    /// The commit.
    #[must_use]
    pub fn commit(&self) -> Option<&CommitInfo> {
        match self {
            Head::Directory => None,
            Head::Commit(at) => Some(&at.commit),
        }
    }
}

/// Why intent cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// The remote has no such branch or tag.
    #[error("`{url}` has no branch or tag `{rev}`")]
    NoRef {
        /// The remote, without user information.
        url: String,
        /// What was asked for.
        rev: String,
    },
    /// The remote has no commit.
    #[error("`{url}` is empty: its HEAD is no commit yet")]
    Empty {
        /// The remote, without user information.
        url: String,
    },
    /// The ref moved all the time.
    #[error("`{rev}` of `{url}` moved each time that it was read")]
    Unsteady {
        /// The remote, without user information.
        url: String,
        /// The ref.
        rev: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] SourceError),
    /// `git` failed.
    #[error(transparent)]
    Git(#[from] GitProgramError),
}

impl From<GitError> for OriginError {
    fn from(error: GitError) -> OriginError {
        OriginError::Read(error.into())
    }
}

impl OriginError {
    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            OriginError::NoRef { .. } => Some("`git ls-remote --heads --tags` says what there is"),
            OriginError::Empty { .. } => Some("push a first commit"),
            OriginError::Read(SourceError::Git(error)) => error.help(),
            OriginError::Git(error) => error.help(),
            OriginError::Unsteady { .. } | OriginError::Read(_) => None,
        }
    }
}

impl Origin {
    /// What published commits call it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Origin::Directory(root) => root.display().to_string(),
            Origin::Repository(local) => local.shown.clone(),
            Origin::Remote(remote) => redacted(&remote.url),
        }
    }

    /// The intent root inside the repository.
    #[must_use]
    pub fn root(&self) -> &str {
        match self {
            Origin::Directory(_) => "",
            Origin::Repository(local) => &local.root,
            Origin::Remote(remote) => &remote.root,
        }
    }

    /// Where the intent is now; of a remote, after fetching it.
    ///
    /// # Errors
    /// The repository cannot be read or reached, or has no such revision.
    pub fn head(&self) -> Result<Head, OriginError> {
        match self {
            Origin::Directory(_) => Ok(Head::Directory),
            Origin::Repository(local) => at(Repository::open(&local.path)?, &local.rev, &local.rev),
            Origin::Remote(remote) => remote.head(),
        }
    }

    /// Reads the intent of a head.
    ///
    /// # Errors
    /// The intent root is not there, or a bound is crossed.
    pub fn read(&self, head: &Head) -> Result<Found, OriginError> {
        let options = DiscoverOptions::default();
        Ok(match (self, head) {
            (Origin::Directory(root), _) => steady(root)?,
            (_, Head::Commit(at)) => {
                let revision = at.repository.revision(&at.commit.id.to_string())?;
                at.repository.discover(&revision, self.root(), options)?
            }
            (_, Head::Directory) => Found::default(),
        })
    }

    /// The path that shown paths of files start with.
    #[must_use]
    pub fn prefix(&self) -> &Path {
        match self {
            Origin::Directory(root) => root,
            _ => Path::new(self.root()),
        }
    }

    /// Whether `old` is `new` or an ancestor of it; nothing where the history here does not reach far enough to know.
    /// Of a remote, as much history is fetched as it takes.
    ///
    /// # Errors
    /// `git` fails.
    pub fn descends(&self, old: ObjectId, new: ObjectId) -> Result<Option<bool>, OriginError> {
        let git = match self {
            Origin::Directory(_) => return Ok(None),
            Origin::Repository(local) => return Ok(local.git.is_ancestor(old, new)?),
            Origin::Remote(remote) => &remote.git,
        };
        let mut answer = git.is_ancestor(old, new)?;
        for step in STEPS.into_iter().chain([ALL]) {
            if answer.is_some() {
                break;
            }
            self.deepen(step)?;
            answer = git.is_ancestor(old, new)?;
        }
        Ok(answer)
    }

    /// The commits of the intent between a commit and a head, oldest first, if they are known and not too many:
    /// [`Repository::line`].
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn between(&self, old: ObjectId, head: &Head) -> Result<Vec<Head>, OriginError> {
        let Head::Commit(newest) = head else { return Ok(Vec::new()) };
        let line = newest.repository.line(old, newest.commit.id, self.root(), MOST_BETWEEN);
        let place = newest.repository.place();
        line.into_iter().map(|id| at(Repository::open(place)?, &id.to_string(), &newest.rev)).collect()
    }

    fn deepen(&self, by: u32) -> Result<(), OriginError> {
        let Origin::Remote(remote) = self else { return Ok(()) };
        let name = remote.name(&remote.refs()?)?;
        let depth = if by == ALL { Depth::Of(ALL) } else { Depth::More(by) };
        Ok(remote.git.fetch(&remote.url, &[&format!("+{name}:{KEPT}")], depth)?)
    }
}

/// Reads a directory until two readings are the same: whoever writes files one after the other is not overtaken. A
/// directory that never rests is taken as it is.
fn steady(root: &Path) -> Result<Found, SourceError> {
    let options = DiscoverOptions::default();
    let texts = |found: &Found| -> Vec<(String, std::sync::Arc<[u8]>)> {
        found.sources.iter().map(|(_, file)| (file.path().to_owned(), file.shared_text())).collect()
    };
    let mut before = discover(root, options)?;
    for _ in 0..READINGS {
        std::thread::sleep(REST);
        let found = discover(root, options)?;
        if texts(&found) == texts(&before) {
            return Ok(found);
        }
        before = found;
    }
    Ok(before)
}

fn at(repository: Repository, rev: &str, shown: &str) -> Result<Head, OriginError> {
    let revision = repository.revision(rev)?;
    let id = revision.commit().ok_or_else(|| GitError::NotACommit { rev: shown.to_owned() })?;
    let commit = repository.commit_info(id)?;
    Ok(Head::Commit(Box::new(At { commit, rev: shown.to_owned(), repository })))
}

impl Remote {
    /// Names under which the remote may have what is asked for.
    fn names(&self) -> Vec<String> {
        match self.rev.as_deref() {
            None => vec!["HEAD".to_owned()],
            Some(rev) if rev.starts_with("refs/") => vec![rev.to_owned()],
            Some(rev) => vec![format!("refs/heads/{rev}"), format!("refs/tags/{rev}")],
        }
    }

    fn refs(&self) -> Result<crate::git::RemoteRefs, OriginError> {
        let names = self.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(self.git.remote_refs(&self.url, &names)?)
    }

    /// The first of the names that the remote has.
    fn name(&self, refs: &crate::git::RemoteRefs) -> Result<String, OriginError> {
        let found = self.names().into_iter().find(|name| refs.get(name).is_some());
        found.ok_or_else(|| {
            let url = redacted(&self.url);
            match &self.rev {
                Some(rev) => OriginError::NoRef { url, rev: rev.clone() },
                None => OriginError::Empty { url },
            }
        })
    }

    fn head(&self) -> Result<Head, OriginError> {
        let mut shown = String::new();
        for _ in 0..ATTEMPTS {
            let refs = self.refs()?;
            let name = self.name(&refs)?;
            let Some(id) = refs.get(&name) else { continue };
            shown = refs.head().unwrap_or(&name).trim_start_matches("refs/heads/").to_owned();
            let repository = Repository::open(self.git.directory())?;
            if !repository.gix().has_object(id) {
                match self.fetch(&name) {
                    // It went away between the question and the fetch.
                    Err(GitProgramError::NoRef { .. }) => continue,
                    result => result?,
                }
            }
            let repository = Repository::open(self.git.directory())?;
            // What was fetched is what the ref was when it was fetched.
            if repository.gix().has_object(id) {
                return at(repository, &id.to_string(), &shown);
            }
        }
        Err(OriginError::Unsteady { url: redacted(&self.url), rev: shown })
    }

    /// The first time only the newest commit; from then on what came since.
    fn fetch(&self, name: &str) -> Result<(), GitProgramError> {
        let refspec = format!("+{name}:{KEPT}");
        let known = Repository::open(self.git.directory()).is_ok_and(|cache| cache.revision(KEPT).is_ok());
        if !known {
            match self.git.fetch(&self.url, &[&refspec], Depth::Of(1)) {
                // Served as plain files, over HTTP.
                Err(GitProgramError::Remote { said, .. }) if said.contains("shallow") => {}
                result => return result,
            }
        }
        self.git.fetch(&self.url, &[&refspec], Depth::Whole)
    }
}
