//! Why a commit could not be read.

/// Why a commit could not be read. Paths are as people are shown them.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository at a path or around it.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// The path.
        path: String,
    },
    /// A repository that cannot be opened.
    #[error("cannot open the git repository of `{path}`: {why}")]
    Open {
        /// The path.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// A path that leads out of the repository.
    #[error("`{path}` is not inside the git repository")]
    Outside {
        /// The path.
        path: String,
    },
    /// A revision that does not exist.
    #[error("`{rev}` is not a revision of the git repository `{path}`")]
    Unknown {
        /// The revision.
        rev: String,
        /// The repository.
        path: String,
        /// What to try.
        help: &'static str,
    },
    /// A revision that names a file.
    #[error("`{rev}` is not a commit")]
    NotACommit {
        /// The revision.
        rev: String,
    },
    /// A root that the revision does not have.
    #[error("`{path}` does not exist in `{rev}`")]
    NotThere {
        /// The revision.
        rev: String,
        /// The root.
        path: String,
    },
    /// A root that is a link or a submodule.
    #[error("`{path}` is a {what} in `{rev}`, which is not followed")]
    NotFollowed {
        /// The revision.
        rev: String,
        /// The root.
        path: String,
        /// `symbolic link` or `submodule`.
        what: &'static str,
    },
    /// An object that the repository should have.
    #[error("the object {id} of `{rev}{}{path}` is missing in the repository", separator(.path))]
    Missing {
        /// The revision.
        rev: String,
        /// The file or directory; empty for the commit itself.
        path: String,
        /// The object.
        id: String,
        /// What to try.
        help: &'static str,
    },
    /// An object that cannot be read.
    #[error("the object {id} cannot be read: {why}")]
    Damaged {
        /// The object.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// A tree with more entries than anybody wrote.
    #[error("`{rev}` holds more than {limit} files and directories below `{root}`")]
    TooManyEntries {
        /// The revision.
        rev: String,
        /// The root.
        root: String,
        /// The limit.
        limit: usize,
    },
}

fn separator(path: &str) -> &'static str {
    if path.is_empty() { "" } else { ":" }
}

impl GitError {
    /// What to try.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            GitError::Unknown { help, .. } | GitError::Missing { help, .. } => Some(help),
            GitError::NoRepository { .. } => Some("name one with `--repo PATH`"),
            GitError::Outside { .. } => Some("name the repository with `--repo PATH`, and a path inside it"),
            GitError::NotThere { .. } => Some("name the directory as it was called in that revision"),
            GitError::Damaged { .. } => Some("`git fsck` says what else is damaged"),
            GitError::Open { .. }
            | GitError::NotACommit { .. }
            | GitError::NotFollowed { .. }
            | GitError::TooManyEntries { .. } => None,
        }
    }
}
