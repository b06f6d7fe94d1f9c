//! The `git` program: fetching and pushing, which gix does not do, and signing, which is Git's to configure.
//!
//! Credentials, proxies, keys and hosts are what the user's Git is configured for; nothing here knows them. What is said
//! about a remote never shows the user information of its URL.

mod error;
mod process;
mod push;
mod refs;
mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gix::ObjectId;

pub use error::GitProgramError;
pub use push::{PushError, Update};
pub use refs::RemoteRefs;
pub use url::{is_url, redacted};

use process::{Call, Ended};

/// The oldest `git` that has every option used here (`fetch --no-write-fetch-head`).
const OLDEST: (u32, u32) = (2, 29);

/// How long one call of `git` may take, unless told otherwise: a first fetch of a large repository is slow.
const DEADLINE: Duration = Duration::from_secs(600);

/// Set from outside to end whatever runs; shared by all that should end together.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to end.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether to end.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How `git` is run.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Whether nobody is there to answer: no prompts, and a process group of its own, so that all of it can be ended.
    pub unattended: bool,
    /// The longest that one call may take.
    pub deadline: Duration,
    /// Ends what runs.
    pub stop: Stop,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { unattended: false, deadline: DEADLINE, stop: Stop::default() }
    }
}

/// The `git` program on one repository.
#[derive(Clone, Debug)]
pub struct Git {
    directory: PathBuf,
    manner: Manner,
    /// `-c` settings of every call.
    settings: Vec<String>,
}

/// Who made a commit and when, in the form of Git's environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Seconds since 1970 and time zone: `1790000000 +0200`.
    pub time: String,
}

/// A commit to make.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// Its tree.
    pub tree: ObjectId,
    /// Its only parent, if it is not the first.
    pub parent: Option<ObjectId>,
    /// Who wrote the change.
    pub author: &'a Signature,
    /// Who makes the commit.
    pub committer: &'a Signature,
    /// What it says.
    pub message: &'a str,
    /// Whether to sign it, as `user.signingKey` and `gpg.format` say.
    pub sign: bool,
}

impl Git {
    /// `git` on the repository whose Git directory (`.git`, or a bare repository) this is.
    ///
    /// # Errors
    /// There is no `git`, or it is too old.
    pub fn new(directory: impl Into<PathBuf>, manner: Manner) -> Result<Git, GitProgramError> {
        let git = Git { directory: directory.into(), manner, settings: Vec::new() };
        git.check_version()?;
        Ok(git)
    }

    /// A new bare repository for objects that were fetched; one that is there already is used.
    ///
    /// # Errors
    /// `git init` fails.
    pub fn init_bare(directory: &Path, manner: Manner) -> Result<Git, GitProgramError> {
        let git = Git { directory: directory.to_owned(), manner, settings: Vec::new() };
        git.check_version()?;
        git.ok("init", Call::new(&["init", "--quiet", "--bare", "--template=", "--initial-branch=main"]))?;
        Ok(git)
    }

    /// The Git directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How it is run.
    #[must_use]
    pub fn manner(&self) -> &Manner {
        &self.manner
    }

    /// Adds a setting to every call (`-c`).
    #[must_use]
    pub fn with_setting(mut self, setting: &str) -> Git {
        self.settings.push(setting.to_owned());
        self
    }

    fn check_version(&self) -> Result<(), GitProgramError> {
        let text = self.ok("version", Call::new(&["version"]).outside())?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        match refs::version(&text) {
            Some(version) if version >= OLDEST => Ok(()),
            _ => Err(GitProgramError::TooOld { found: text, oldest: format!("{}.{}", OLDEST.0, OLDEST.1) }),
        }
    }

    /// What the named refs of a remote point to, and where its `HEAD` leads when `HEAD` is asked for.
    ///
    /// # Errors
    /// The remote cannot be reached or refuses.
    pub fn remote_refs(&self, remote: &str, names: &[&str]) -> Result<RemoteRefs, GitProgramError> {
        let args = [&["ls-remote", "--quiet", "--symref", "--", remote][..], names].concat();
        let text = self.remote("ls-remote", remote, Call::new(&args))?;
        Ok(refs::parse(&String::from_utf8_lossy(&text), names))
    }

    /// Fetches refspecs; `depth` cuts the history off, where the repository allows it.
    ///
    /// # Errors
    /// The remote cannot be reached, refuses, or has no such ref.
    pub fn fetch(&self, remote: &str, refspecs: &[&str], depth: Depth) -> Result<(), GitProgramError> {
        let depth = match depth {
            Depth::Whole => None,
            Depth::Of(n) => Some(format!("--depth={n}")),
            Depth::More(n) => Some(format!("--deepen={n}")),
        };
        let mut args = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-show-forced-updates",
        ];
        args.extend(depth.as_deref());
        args.extend(["--", remote]);
        args.extend_from_slice(refspecs);
        self.remote("fetch", remote, Call::new(&args)).map(drop)
    }

    /// Pushes all updates, or none: each only if the remote's ref is still what it was.
    ///
    /// # Errors
    /// [`PushError::Lost`] if a ref moved meanwhile; [`PushError::Refused`] if the remote does not want it.
    pub fn push(&self, remote: &str, updates: &[Update]) -> Result<(), PushError> {
        let leases: Vec<String> = updates.iter().map(Update::lease).collect();
        let refspecs: Vec<String> = updates.iter().map(Update::refspec).collect();
        let mut args =
            vec!["push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"];
        // One ref is atomic by itself, also where the server does not offer it.
        if updates.len() > 1 {
            args.push("--atomic");
        }
        args.extend(leases.iter().map(String::as_str));
        args.extend(["--", remote]);
        args.extend(refspecs.iter().map(String::as_str));
        let ended = self.run("push", Call::new(&args))?;
        push::judge(remote, updates, &ended)
    }

    /// Makes a commit; no ref moves.
    ///
    /// # Errors
    /// `git commit-tree` fails, mostly because it cannot sign.
    pub fn commit_tree(&self, commit: &NewCommit<'_>) -> Result<ObjectId, GitProgramError> {
        let (tree, parent) = (commit.tree.to_string(), commit.parent.map(|id| id.to_string()));
        let mut args = vec!["commit-tree", "-F", "-"];
        if let Some(parent) = &parent {
            args.extend(["-p", parent]);
        }
        args.push(if commit.sign { "-S" } else { "--no-gpg-sign" });
        args.push(&tree);
        let mut call = Call::new(&args);
        call.input = Some(commit.message.as_bytes());
        for (prefix, who) in [("GIT_AUTHOR", commit.author), ("GIT_COMMITTER", commit.committer)] {
            call.env.push((format!("{prefix}_NAME"), who.name.clone()));
            call.env.push((format!("{prefix}_EMAIL"), who.email.clone()));
            call.env.push((format!("{prefix}_DATE"), format!("@{}", who.time)));
        }
        let text = self.ok("commit-tree", call)?;
        let hex = text.trim_ascii();
        ObjectId::from_hex(hex).map_err(|_| GitProgramError::Failed {
            command: "commit-tree",
            said: format!("`{}` is not the ID of a commit", String::from_utf8_lossy(hex)),
        })
    }

    /// Sets a ref of the repository itself.
    ///
    /// # Errors
    /// `git update-ref` fails.
    pub fn keep(&self, name: &str, id: ObjectId) -> Result<(), GitProgramError> {
        let id = id.to_string();
        self.ok("update-ref", Call::new(&["update-ref", "--no-deref", name, &id])).map(drop)
    }

    /// Whether `old` is `new` or one of its ancestors; nothing when the repository does not reach far enough to know.
    ///
    /// # Errors
    /// `git merge-base` cannot be run.
    pub fn is_ancestor(&self, old: ObjectId, new: ObjectId) -> Result<Option<bool>, GitProgramError> {
        if old == new {
            return Ok(Some(true));
        }
        let (old, new) = (old.to_string(), new.to_string());
        let ended = self.run("merge-base", Call::new(&["merge-base", "--is-ancestor", &old, &new]))?;
        match ended.code {
            Some(0) => Ok(Some(true)),
            // A shallow clone ends before the ancestor would come.
            Some(1) => Ok((!self.is_shallow()).then_some(false)),
            // It is not even here; history that is whole would have it.
            _ if error::said(&ended.err).contains("Not a valid commit name") => {
                Ok((!self.is_shallow()).then_some(false))
            }
            _ => Err(GitProgramError::Failed { command: "merge-base", said: error::said(&ended.err) }),
        }
    }

    /// Whether history is cut off somewhere.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        let call = Call::new(&["rev-parse", "--is-shallow-repository"]);
        self.ok("rev-parse", call).is_ok_and(|text| text.trim_ascii() == b"true")
    }

    /// The URL that a configured remote is pushed to; nothing if there is no remote of the name.
    ///
    /// # Errors
    /// `git` cannot be run.
    pub fn remote_url(&self, name: &str) -> Result<Option<String>, GitProgramError> {
        let ended = self.run("remote", Call::new(&["remote", "get-url", "--push", "--", name]))?;
        let text = String::from_utf8_lossy(&ended.out).trim().to_owned();
        Ok((ended.code == Some(0) && !text.is_empty()).then_some(text))
    }

    /// Name and address that Git is told to commit by: `GIT_COMMITTER_NAME` and `_EMAIL`, `user.name` and `user.email`.
    ///
    /// # Errors
    /// `git` cannot be run.
    pub fn committer(&self) -> Result<Option<(String, String)>, GitProgramError> {
        let git = self.clone().with_setting("user.useConfigOnly=true");
        let ended = git.run("var", Call::new(&["var", "GIT_COMMITTER_IDENT"]))?;
        let text = String::from_utf8_lossy(&ended.out).into_owned();
        Ok((ended.code == Some(0)).then(|| refs::identity(&text)).flatten())
    }

    fn remote(
        &self,
        command: &'static str,
        remote: &str,
        call: Call<'_>,
    ) -> Result<Vec<u8>, GitProgramError> {
        let ended = self.run(command, call)?;
        match ended.code {
            Some(0) => Ok(ended.out),
            _ => Err(GitProgramError::remote(command, remote, &ended.err)),
        }
    }

    fn ok(&self, command: &'static str, call: Call<'_>) -> Result<Vec<u8>, GitProgramError> {
        let ended = self.run(command, call)?;
        match ended.code {
            Some(0) => Ok(ended.out),
            _ => Err(GitProgramError::Failed { command, said: error::said(&ended.err) }),
        }
    }

    fn run(&self, command: &'static str, call: Call<'_>) -> Result<Ended, GitProgramError> {
        process::run(command, call, &self.directory, &self.settings, &self.manner)
    }
}

/// How much history to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// So many commits from the tip.
    Of(u32),
    /// So many more than there are.
    More(u32),
}
