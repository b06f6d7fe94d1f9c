//! Why `git` could not do its work.

use std::time::Duration;

use super::url::{redact_all, redacted};

/// How many lines of what Git said are repeated.
const LINES: usize = 8;

/// Why a call of `git` failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitProgramError {
    /// It cannot be started.
    #[error("`git` cannot be run: {source}")]
    NotRun {
        /// Why.
        source: std::io::Error,
    },
    /// It lacks options that are needed.
    #[error("`git` is too old: {found}, and {oldest} is the oldest that will do")]
    TooOld {
        /// What it says it is.
        found: String,
        /// What is needed.
        oldest: String,
    },
    /// It was ended because the program is to end.
    #[error("`git {command}` was ended, since the program is to end")]
    Stopped {
        /// The command.
        command: &'static str,
    },
    /// It took too long.
    #[error("`git {command}` did not end within {after:?}")]
    TimedOut {
        /// The command.
        command: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The remote wants other credentials.
    #[error("`{remote}` does not let us in: {said}")]
    Denied {
        /// The remote, without user information.
        remote: String,
        /// What Git said.
        said: String,
    },
    /// The remote does not have a ref that was asked for.
    #[error("`{remote}` has no such ref: {said}")]
    NoRef {
        /// The remote, without user information.
        remote: String,
        /// What Git said.
        said: String,
    },
    /// The remote cannot be reached, or is none.
    #[error("`git {command}` of `{remote}` failed: {said}")]
    Remote {
        /// The command.
        command: &'static str,
        /// The remote, without user information.
        remote: String,
        /// What Git said.
        said: String,
    },
    /// Anything else.
    #[error("`git {command}` failed: {said}")]
    Failed {
        /// The command.
        command: &'static str,
        /// What Git said.
        said: String,
    },
}

/// What Git says when credentials are missing or wrong; it has no exit code for it.
const DENIED: [&str; 6] = [
    "Authentication failed",
    "terminal prompts disabled",
    "could not read Username",
    "could not read Password",
    "Permission denied (",
    "Host key verification failed",
];

impl GitProgramError {
    /// What went wrong with a remote.
    pub(super) fn remote(command: &'static str, remote: &str, err: &[u8]) -> GitProgramError {
        let said = said(err);
        let remote = redacted(remote);
        if DENIED.iter().any(|sign| said.contains(sign)) {
            GitProgramError::Denied { remote, said }
        } else if said.contains("couldn't find remote ref") {
            GitProgramError::NoRef { remote, said }
        } else {
            GitProgramError::Remote { command, remote, said }
        }
    }

    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            GitProgramError::NotRun { .. } => Some("install git, and put it on the PATH"),
            GitProgramError::TooOld { .. } => Some("install a newer git"),
            GitProgramError::Denied { .. } => Some(
                "`git ls-remote` with the same URL has to work for this user: set up a credential helper, an ssh key \
                 or known_hosts",
            ),
            GitProgramError::Remote { .. } => Some("`git ls-remote` with the same URL has to work"),
            GitProgramError::Stopped { .. }
            | GitProgramError::TimedOut { .. }
            | GitProgramError::NoRef { .. }
            | GitProgramError::Failed { .. } => None,
        }
    }

    /// Whether it ended because it was asked to.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self, GitProgramError::Stopped { .. })
    }
}

/// The last lines of what Git said, in one line, without user information of URLs and without control characters.
pub(super) fn said(err: &[u8]) -> String {
    let text = String::from_utf8_lossy(err);
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:")).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    let text = last.join("; ");
    let text = if text.is_empty() { "it said nothing".to_owned() } else { text };
    crate::diagnostic::visible(&redact_all(&text), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(said: &str) -> String {
        GitProgramError::remote("fetch", "https://u:secret@example.com/r.git", said.as_bytes()).to_string()
    }

    #[test]
    fn what_git_says_is_told_apart_and_keeps_no_secret() {
        let denied = "fatal: Authentication failed for 'https://u:secret@example.com/r.git/'\n";
        insta::assert_snapshot!(judged(denied), @"`https://example.com/r.git` does not let us in: fatal: Authentication failed for 'https://example.com/r.git/'");
        let prompt = "fatal: could not read Username for 'https://example.com': terminal prompts disabled\n";
        assert!(judged(prompt).contains("does not let us in"));
        let missing = "fatal: couldn't find remote ref refs/heads/nope\n";
        insta::assert_snapshot!(judged(missing), @"`https://example.com/r.git` has no such ref: fatal: couldn't find remote ref refs/heads/nope");
        let gone = "fatal: unable to access 'https://u:secret@example.com/r.git/': Could not resolve host: example.com\nhint: x\n";
        insta::assert_snapshot!(judged(gone), @"`git fetch` of `https://example.com/r.git` failed: fatal: unable to access 'https://example.com/r.git/': Could not resolve host: example.com");
        assert_eq!(said(b"\x1b[31mred\n\n"), "␛[31mred");
        assert_eq!(said(b""), "it said nothing");
    }
}
