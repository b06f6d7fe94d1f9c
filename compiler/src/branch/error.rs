//! Why a branch was not published to.

use crate::git::{GitProgramError, PushError};
use crate::publish::{PublishError, RelativePath, Shrinkage};
use crate::source::commit::GitError;

/// Why a branch could not be read or published to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError {
    /// Not a name of a branch.
    #[error("`{}` cannot be the name of a branch", .name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// Not a remote.
    #[error("`{}` is not a repository to push to", .remote.escape_debug())]
    Remote {
        /// What was given.
        remote: String,
    },
    /// A branch that is not ours.
    #[error("branch `{branch}` was not made by meshwright: it has files, and no `.meshwright/manifest.json`")]
    Foreign {
        /// The branch.
        branch: String,
    },
    /// Files that are not ours where others are rendered.
    #[error("not written by meshwright, and in the way of rendered files: {}", crate::publish::list(.paths))]
    InTheWay {
        /// Their paths.
        paths: Vec<RelativePath>,
    },
    /// A branch with the output of another directory.
    #[error("branch `{branch}` holds what `{}` renders, not `{}`", root(.was), root(.is))]
    OtherRoot {
        /// The branch.
        branch: String,
        /// The intent root that it was rendered from.
        was: String,
        /// The one that is to be published.
        is: String,
    },
    /// A suspiciously small tree.
    #[error(transparent)]
    Shrunk(#[from] Shrinkage),
    /// A marker that cannot be read.
    #[error("the marker of branch `{branch}` cannot be understood: {source}")]
    Marker {
        /// The branch.
        branch: String,
        /// What is wrong.
        source: Box<PublishError>,
    },
    /// A manifest or note that cannot be written.
    #[error("cannot write JSON: {0}")]
    Json(serde_json::Error),
    /// The branch moved all the time.
    #[error("branch `{branch}` moved each time that it was read")]
    Unsteady {
        /// The branch.
        branch: String,
    },
    /// An object that cannot be written.
    #[error("cannot write a Git object: {why}")]
    Write {
        /// Why.
        why: String,
    },
    /// An object that cannot be read.
    #[error(transparent)]
    Read(#[from] GitError),
    /// `git` failed.
    #[error(transparent)]
    Git(#[from] GitProgramError),
    /// A push that did not come through.
    #[error(transparent)]
    Push(PushError),
}

impl From<PushError> for BranchError {
    fn from(error: PushError) -> BranchError {
        match error {
            PushError::Git(error) => BranchError::Git(error),
            error => BranchError::Push(error),
        }
    }
}

fn root(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

impl BranchError {
    pub(super) fn manifest(error: serde_json::Error) -> BranchError {
        BranchError::Json(error)
    }

    /// Whether somebody else was faster, so that it is worth to start again from the new tip.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, BranchError::Push(PushError::Lost { .. }))
    }

    /// Whether a person has to look: trying again changes nothing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            BranchError::Name { .. }
                | BranchError::Remote { .. }
                | BranchError::Foreign { .. }
                | BranchError::InTheWay { .. }
                | BranchError::OtherRoot { .. }
                | BranchError::Shrunk(_)
                | BranchError::Marker { .. }
                | BranchError::Push(PushError::Refused { .. })
        )
    }

    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            BranchError::Foreign { .. } => {
                "name another branch: one that does not exist is made, and from then on it is meshwright's"
            }
            BranchError::InTheWay { .. } => "remove these files from the branch, or name another branch",
            BranchError::OtherRoot { .. } => "name another branch, or say `--force` to replace what is there",
            BranchError::Shrunk(_) => "if this is meant, publish once with `--force`",
            BranchError::Marker { .. } => {
                "use the version of meshwright that wrote it, or a newer one, or restore it from an earlier commit"
            }
            BranchError::Push(PushError::Refused { .. }) => {
                "the account that pushes needs the right to push to this branch and to `refs/notes/meshwright/` \
                 (or say `--no-notes`)"
            }
            BranchError::Read(error) => return error.help(),
            BranchError::Git(error) => return error.help(),
            _ => return None,
        })
    }
}
