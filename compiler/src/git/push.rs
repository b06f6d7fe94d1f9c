//! What a push came to.

use gix::ObjectId;

use super::error::{GitProgramError, said};
use super::process::Ended;
use super::url::redacted;

/// One ref of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Its full name.
    pub name: String,
    /// What it must be before; nothing if it must not be there.
    pub old: Option<ObjectId>,
    /// What it is to be.
    pub new: ObjectId,
}

impl Update {
    pub(super) fn lease(&self) -> String {
        let old = self.old.map(|id| id.to_string()).unwrap_or_default();
        format!("--force-with-lease={}:{old}", self.name)
    }

    pub(super) fn refspec(&self) -> String {
        format!("{}:{}", self.new, self.name)
    }
}

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Somebody else was faster: a ref is not what it was.
    #[error("`{name}` of `{remote}` moved meanwhile ({why})")]
    Lost {
        /// The remote, without user information.
        remote: String,
        /// The ref.
        name: String,
        /// Git's word for it.
        why: String,
    },
    /// The remote does not want it: protection, a hook, a limit.
    #[error("`{remote}` refuses `{name}`: {why}")]
    Refused {
        /// The remote, without user information.
        remote: String,
        /// The ref.
        name: String,
        /// What it says.
        why: String,
    },
    /// It did not come that far.
    #[error(transparent)]
    Git(#[from] GitProgramError),
}

/// Reasons that mean that a ref moved. The first three are Git's own (`builtin/send-pack.c`,
/// `transport.c`), the others a server's that compared when it wrote (`refs/files-backend.c`).
const LOST: [&str; 8] = [
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock ref",
    "failed to update ref",
    "incorrect old value provided",
    "reference already exists",
    "failed to lock",
];

/// Reasons of a ref that was only given up with another one.
const WITH_ANOTHER: [&str; 3] = ["atomic push failed", "atomic push failure", "atomic transaction failed"];

/// Reads the output of `git push --porcelain`: `<flag> TAB <from>:<to> TAB <summary>`, git-push(1) "OUTPUT".
pub(super) fn judge(remote: &str, updates: &[Update], ended: &Ended) -> Result<(), PushError> {
    if ended.code == Some(0) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&ended.out);
    let rejected: Vec<(&str, &str)> = text.lines().filter_map(rejection).collect();
    let is = |reasons: &[&str], why: &str| reasons.iter().any(|reason| why.contains(reason));
    let own = rejected.iter().find(|(_, why)| !is(&WITH_ANOTHER, why)).or(rejected.first());
    let Some((name, why)) = own else {
        return Err(GitProgramError::remote("push", remote, &ended.err).into());
    };
    let (remote, name) = (redacted(remote), (*name).to_owned());
    let err = said(&ended.err);
    let known = updates.iter().any(|update| update.name == name);
    if known && (is(&LOST, why) || is(&WITH_ANOTHER, why) && is(&LOST, &err)) {
        return Err(PushError::Lost { remote, name, why: crate::diagnostic::visible(why, usize::MAX) });
    }
    // What a hook prints says more than that it declined.
    Err(PushError::Refused {
        remote,
        name,
        why: format!("{}; {err}", crate::diagnostic::visible(why, usize::MAX)),
    })
}

/// The ref and the reason of a line that starts with `!`.
fn rejection(line: &str) -> Option<(&str, &str)> {
    let mut parts = line.strip_prefix("!\t")?.splitn(2, '\t');
    let (_, name) = parts.next()?.split_once(':')?;
    let summary = parts.next().unwrap_or_default();
    let why = summary.split_once("] ").map_or(summary, |(_, why)| why);
    Some((name, why.trim_start_matches('(').trim_end_matches(')')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(out: &str, err: &str) -> String {
        let ended = Ended { code: Some(1), out: out.into(), err: err.into() };
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let update = |name: &str| Update { name: name.to_owned(), old: None, new: id };
        let updates = [update("refs/heads/r"), update("refs/notes/meshwright/r")];
        match judge("https://u:p@h/r.git", &updates, &ended) {
            Ok(()) => "pushed".to_owned(),
            Err(error @ PushError::Lost { .. }) => format!("lost: {error}"),
            Err(error @ PushError::Refused { .. }) => format!("refused: {error}"),
            Err(error) => format!("failed: {error}"),
        }
    }

    #[test]
    fn a_lost_race_is_told_from_a_refusal() {
        let stale = "To x\n!\ta1:refs/heads/r\t[rejected] (stale info)\n!\tb2:refs/notes/meshwright/r\t[rejected] (atomic push failed)\nDone\n";
        insta::assert_snapshot!(judged(stale, "error: failed to push some refs\n"), @"lost: `refs/heads/r` of `https://h/r.git` moved meanwhile (stale info)");
        let note = "!\ta1:refs/heads/r\t[rejected] (atomic push failed)\n!\tb2:refs/notes/meshwright/r\t[rejected] (stale info)\n";
        assert!(judged(note, "").starts_with("lost: `refs/notes/meshwright/r`"));
        let server = "!\ta1:refs/heads/r\t[remote rejected] (cannot lock ref 'refs/heads/r': is at 1 but expected 2)\n";
        assert!(judged(server, "").starts_with("lost"));
        let transaction = "!\ta1:refs/heads/r\t[remote rejected] (atomic transaction failed)\n";
        assert!(judged(transaction, "remote: error: cannot lock ref 'refs/heads/r'\n").starts_with("lost"));
        let hook = "!\ta1:refs/heads/r\t[remote rejected] (pre-receive hook declined)\n";
        insta::assert_snapshot!(judged(hook, "remote: branch is protected\nerror: failed to push some refs to 'https://u:p@h/r.git'\n"), @"refused: `https://h/r.git` refuses `refs/heads/r`: pre-receive hook declined; remote: branch is protected; error: failed to push some refs to 'https://h/r.git'");
        insta::assert_snapshot!(judged("", "fatal: unable to access 'https://u:p@h/r.git/': Could not resolve host: h\n"), @"failed: `git push` of `https://h/r.git` failed: fatal: unable to access 'https://h/r.git/': Could not resolve host: h");
    }

    #[test]
    fn a_lease_names_the_old_value() {
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let update = Update { name: "refs/heads/r".to_owned(), old: Some(id), new: id };
        assert_eq!(update.lease(), format!("--force-with-lease=refs/heads/r:{id}"));
        assert_eq!(Update { old: None, ..update }.lease(), "--force-with-lease=refs/heads/r:");
    }
}
