//! Why a tree could not be brought to an output directory.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::guard::Shrinkage;
use super::path::RelativePath;

/// How many paths a message names before it only counts.
const EXAMPLES: usize = 5;

/// Why planning, applying or recovering an output directory failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The system refused an operation.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Files that meshwright does not own are in the way of rendered ones.
    #[error("not written by meshwright, and in the way of rendered files: {}", list(.paths))]
    Foreign {
        /// Their paths below the output directory.
        paths: Vec<RelativePath>,
    },
    /// A symbolic link is where a file or directory of the tree should be.
    #[error("`{}` is a symbolic link: nothing is written through links", .path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// Something else is where a directory should be.
    #[error("`{}` is not a directory", .path.display())]
    NotADirectory {
        /// Its path.
        path: PathBuf,
    },
    /// Something else is where a file should be.
    #[error("`{}` is not a regular file", .path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The output path has no name that a directory could be created by.
    #[error("`{}` cannot be created as an output directory", .path.display())]
    Unnamed {
        /// The path as given.
        path: PathBuf,
    },
    /// The new tree is empty, or far smaller than the one it replaces.
    #[error(transparent)]
    Shrunk(#[from] Shrinkage),
    /// Another process is writing the output directory.
    #[error("another process is writing: it holds `{}`", .path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The output directory is not as it was when the changes were planned.
    #[error("`{}` changed after the changes were planned", .path.display())]
    Stale {
        /// The output directory.
        path: PathBuf,
    },
    /// An earlier write was interrupted and has to be finished before another one.
    #[error("an earlier write of `{}` was interrupted", .path.display())]
    Unfinished {
        /// The output directory.
        path: PathBuf,
    },
    /// The tree that is applied is not the one that was planned.
    #[error("`{path}` is planned but not in the tree that is written")]
    NotInTree {
        /// The path.
        path: RelativePath,
    },
    /// The manifest or the journal does not say what meshwright writes there.
    #[error("cannot understand `{}`", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ContentError,
    },
}

/// What is wrong with the content of a manifest or journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// It is not JSON of the right shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is of a format that this version does not know.
    #[error("it has format {found}; this version of meshwright reads format {known}")]
    Format {
        /// The format that it says it has.
        found: u32,
        /// The format that is understood.
        known: u32,
    },
    /// It is larger than any that meshwright writes.
    #[error("it is larger than 256 MiB")]
    TooLarge,
    /// A journal would change a file that the manifest does not own, or names a path twice.
    #[error("it would change `{path}`, which the manifest does not own or which it names twice")]
    NotOwned {
        /// The path.
        path: RelativePath,
    },
}

impl PublishError {
    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Foreign { .. } => "move these files away, or render to another directory",
            Self::Symlink { .. } => "replace the link with what it points to, or render to another directory",
            Self::NotADirectory { .. } | Self::NotAFile { .. } => {
                "move it away, or render to another directory"
            }
            Self::Unnamed { .. } => "name a directory, for example `-o rendered`",
            Self::Shrunk(_) => "if this is meant, render again with `--force`",
            Self::Locked { .. } => "wait until the other process is done, then try again",
            Self::Stale { .. } => "render again",
            Self::Unfinished { .. } => "run `meshwright render` to finish it",
            Self::Content { source: ContentError::Format { .. }, .. } => {
                "use the version of meshwright that wrote it, or a newer one"
            }
            Self::Content { .. } => "restore the file from version control, or delete it and render again",
            Self::Io { .. } | Self::NotInTree { .. } => return None,
        })
    }
}

/// The first few paths in backticks, and how many more there are.
pub(crate) fn list<T: std::fmt::Display>(paths: &[T]) -> String {
    let mut text = String::new();
    for (at, path) in paths.iter().take(EXAMPLES).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let _infallible = write!(text, "{separator}`{path}`");
    }
    if let Some(more) = paths.len().checked_sub(EXAMPLES).filter(|more| *more > 0) {
        let _infallible = write!(text, " and {more} more");
    }
    text
}

/// Says what was tried, and where, when the system refused it.
pub(super) fn io_at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    move |source| PublishError::Io { action, path: path.to_owned(), source }
}
