//! What a commit says of itself.

use gix::ObjectId;
use gix::objs::{CommitRefIter, Kind};

use super::{GitError, Repository, Revision};
use crate::git::Signature;

/// Digits of an ID that people are shown, enough for any repository of intent.
const SHORT: usize = 10;

/// An ID as people are shown it.
pub(crate) fn short(id: ObjectId) -> String {
    id.to_hex_with_len(SHORT).to_string()
}

/// Who made a commit, when, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its ID.
    pub id: ObjectId,
    /// Who wrote the change.
    pub author: Signature,
    /// Who made the commit.
    pub committer: Signature,
    /// The first line of the message.
    pub subject: String,
    /// The whole message.
    pub message: String,
}

impl CommitInfo {
    /// When it was committed, in seconds since 1970.
    #[must_use]
    pub fn committed(&self) -> i64 {
        seconds(&self.committer.time)
    }
}

/// The seconds of a time in Git's form.
pub(crate) fn seconds(time: &str) -> i64 {
    time.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

impl Revision {
    /// The commit, unless a tree was asked for.
    #[must_use]
    pub fn commit(&self) -> Option<ObjectId> {
        self.commit
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> ObjectId {
        self.tree
    }
}

impl Repository {
    /// Reads what a commit says of itself.
    ///
    /// # Errors
    ///
    /// It is missing, damaged, or no commit.
    pub fn commit_info(&self, id: ObjectId) -> Result<CommitInfo, GitError> {
        let object = self.object(id, &id.to_string(), "")?;
        if object.kind != Kind::Commit {
            return Err(GitError::NotACommit { rev: id.to_string() });
        }
        let read = || CommitRefIter::from_bytes(&object.data, id.kind());
        let damaged = |_| self.damaged(id);
        let (author, committer) = (read().author().map_err(damaged)?, read().committer().map_err(damaged)?);
        let message = String::from_utf8_lossy(read().message().map_err(damaged)?).into_owned();
        let subject =
            message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        Ok(CommitInfo { id, author: signature(&author), committer: signature(&committer), subject, message })
    }
}

/// Git refuses to commit by nobody, and drops what would end a name early.
fn signature(of: &gix::actor::SignatureRef<'_>) -> Signature {
    let clean = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes);
        text.chars()
            .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
            .collect::<String>()
            .trim()
            .to_owned()
    };
    let name = clean(of.name);
    let (seconds, zone) = of.time.trim().split_once(' ').unwrap_or((of.time.trim(), "+0000"));
    let seconds: i64 = seconds.parse().unwrap_or(0);
    let zoned = zone.len() == 5
        && zone.starts_with(['+', '-'])
        && zone.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    Signature {
        name: if name.is_empty() { "unknown".to_owned() } else { name },
        email: clean(of.email),
        time: format!("{} {}", seconds.max(0), if zoned { zone } else { "+0000" }),
    }
}
