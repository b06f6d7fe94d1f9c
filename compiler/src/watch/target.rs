//! Where output goes: a directory, or a branch.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use crate::branch::{Branch, BranchError, Differences, Prepared, Source, Tip};
use crate::publish::{self, META_DIR, Options, PublishError, SOURCE_FILE, Tree, publish_from};

/// Where output goes.
#[derive(Debug)]
pub enum Target {
    /// An output directory.
    Directory(PathBuf),
    /// A branch of a repository.
    Branch(Box<Branch>),
}

/// What is published now.
#[derive(Debug)]
pub(super) enum Published {
    Directory(Option<ObjectId>),
    Branch(Box<Tip>),
}

impl Published {
    /// The commit of the intent that it was rendered from, where that is known.
    pub(super) fn source(&self) -> Option<ObjectId> {
        match self {
            Published::Directory(source) => *source,
            Published::Branch(tip) => tip.provenance.as_ref().map(|provenance| provenance.commit),
        }
    }
}

/// What is published, and what was made to be published with it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) published: Published,
    /// Commits on top of that.
    made: Option<Prepared>,
}

impl Line {
    pub(super) fn new(published: Published) -> Line {
        Line { published, made: None }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The published commit, of a branch.
    pub commit: Option<ObjectId>,
    /// What it changed.
    pub differences: Differences,
}

/// Why output was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// To a directory.
    #[error(transparent)]
    Directory(#[from] PublishError),
    /// To a branch.
    #[error(transparent)]
    Branch(#[from] BranchError),
    /// A branch is made of commits.
    #[error("a directory has no commits, of which a branch could be made")]
    NoCommit,
}

impl TargetError {
    /// Whether another writer was faster.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            TargetError::Directory(error) => {
                matches!(
                    error,
                    PublishError::Locked { .. }
                        | PublishError::Stale { .. }
                        | PublishError::Unfinished { .. }
                )
            }
            TargetError::Branch(error) => error.is_lost(),
            TargetError::NoCommit => false,
        }
    }

    /// Whether a person has to look: trying again changes nothing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            TargetError::Directory(error) => !matches!(error, PublishError::Io { .. }) && !self.is_lost(),
            TargetError::Branch(error) => error.is_refusal(),
            TargetError::NoCommit => true,
        }
    }

    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            TargetError::Directory(error) => error.help(),
            TargetError::Branch(error) => error.help(),
            TargetError::NoCommit => Some("name a revision of a repository with `--rev`"),
        }
    }
}

impl Target {
    /// As it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Target::Directory(out) => out.display().to_string(),
            Target::Branch(branch) => branch.shown(),
        }
    }

    /// Reads what is published now.
    pub(super) fn published(&self) -> Result<Published, TargetError> {
        Ok(match self {
            Target::Directory(out) => {
                publish::recover(out)?;
                Published::Directory(read_sidecar(out))
            }
            Target::Branch(branch) => Published::Branch(Box::new(branch.tip()?)),
        })
    }

    /// The bytes of a published file.
    pub(super) fn read(&self, published: &Published, path: &str) -> Option<Vec<u8>> {
        match (self, published) {
            (Target::Directory(out), _) => std::fs::read(out.join(path)).ok(),
            (_, Published::Branch(tip)) => tip.read(path),
            _ => None,
        }
    }

    /// Whether a file is where output goes, rendered or not.
    pub(super) fn holds(&self, published: &Published, path: &str) -> bool {
        match (self, published) {
            (Target::Directory(out), _) => out.join(path).exists(),
            (_, Published::Branch(tip)) => tip.holds(path),
            _ => false,
        }
    }

    /// Whether the tree may follow what is published: it is not suspiciously small. A directory is guarded when it is written.
    pub(super) fn guard(
        &self,
        published: &Published,
        tree: &Tree,
        options: &Options,
    ) -> Result<(), TargetError> {
        match (self, published) {
            (Target::Branch(branch), Published::Branch(tip)) => Ok(branch.guard(tip, tree, options)?),
            _ => Ok(()),
        }
    }

    /// Whether a branch was brought to the tree.
    pub(super) fn is_at(&self, published: &Published, tree: &Tree) -> bool {
        match published {
            Published::Branch(tip) => tip.is_of(tree),
            Published::Directory(_) => false,
        }
    }

    /// Makes the commit of an earlier commit of the intent, to be pushed with the newest one's.
    pub(super) fn make(
        &self,
        line: &mut Line,
        tree: &Tree,
        source: Source<'_>,
        options: &Options,
    ) -> Result<(), TargetError> {
        let (Target::Branch(branch), Published::Branch(tip)) = (self, &line.published) else { return Ok(()) };
        let made = match &line.made {
            None => branch.prepare(tip, tree, source, options)?,
            Some(before) => match branch.prepare(&branch.after(before)?, tree, source, options)? {
                Some(later) => Some(before.and(later, branch.differences(tip, tree)?)),
                None => return Ok(()),
            },
        };
        line.made = made;
        Ok(())
    }

    /// Brings what is published to `tree`; nothing if it is there already.
    pub(super) fn write(
        &self,
        mut line: Line,
        tree: &Tree,
        source: Option<Source<'_>>,
        options: &Options,
    ) -> Result<Option<Written>, TargetError> {
        if matches!(self, Target::Branch(_)) {
            self.make(&mut line, tree, source.ok_or(TargetError::NoCommit)?, options)?;
        }
        match (self, &line.published) {
            (Target::Branch(branch), Published::Branch(_)) => {
                let Some(prepared) = line.made else { return Ok(None) };
                branch.push(&prepared)?;
                Ok(Some(Written { commit: Some(prepared.commit), differences: prepared.differences }))
            }
            (Target::Directory(out), _) => {
                let sidecar = source.map(|source| sidecar_of(out, source)).transpose()?;
                let changes = publish_from(out, tree, sidecar.as_deref(), options)?;
                if changes.is_up_to_date() {
                    return Ok(None);
                }
                let touched = [&changes.created, &changes.updated, &changes.removed].into_iter().flatten();
                let clusters = touched.filter_map(|path| path.cluster().map(str::to_owned)).collect();
                Ok(Some(Written {
                    commit: None,
                    differences: Differences {
                        created: changes.created,
                        updated: changes.updated,
                        removed: changes.removed,
                        drifted: changes.drifted,
                        clusters,
                    },
                }))
            }
            _ => Ok(None),
        }
    }
}

/// [`SOURCE_FILE`]: the commit that a directory was rendered from.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sidecar {
    source_repository: String,
    source_commit: String,
    source_path: String,
}

fn read_sidecar(out: &Path) -> Option<ObjectId> {
    let bytes = std::fs::read(out.join(META_DIR).join(SOURCE_FILE)).ok()?;
    let sidecar: Sidecar = serde_json::from_slice(&bytes).ok()?;
    ObjectId::from_hex(sidecar.source_commit.as_bytes()).ok()
}

fn sidecar_of(out: &Path, source: Source<'_>) -> Result<Vec<u8>, PublishError> {
    let sidecar = Sidecar {
        source_repository: source.repository.to_owned(),
        source_commit: source.commit.id.to_string(),
        source_path: if source.path.is_empty() { ".".to_owned() } else { source.path.to_owned() },
    };
    let content = |error: serde_json::Error| PublishError::Content {
        path: out.join(META_DIR).join(SOURCE_FILE),
        source: error.into(),
    };
    let mut bytes = serde_json::to_vec_pretty(&sidecar).map_err(content)?;
    bytes.push(b'\n');
    Ok(bytes)
}
