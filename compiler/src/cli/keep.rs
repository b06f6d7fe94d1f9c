//! What `publish` and `watch` share: where intent comes from, and the branch that output goes to.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::input;
use crate::branch::{Branch, Settings};
use crate::git::{Git, Manner, is_url, redacted};
use crate::publish::Options;
use crate::shell;
use crate::watch::{Allowed, Local, Origin, Remote};

/// The file in a cache that its user holds locked.
const LOCK: &str = "meshwright.lock";

/// Where intent comes from.
#[derive(Debug, clap::Args)]
pub(super) struct From {
    /// Directory that holds the intent, or URL of the Git repository whose root does
    #[arg(value_name = "ROOT|URL", default_value = ".")]
    pub(super) root: String,

    /// Git repository of the intent, a path or a URL; ROOT is then a path inside it
    #[arg(long, value_name = "PATH|URL")]
    pub(super) repo: Option<String>,

    /// Branch or tag (here also a commit, `HEAD~1`). Default: HEAD
    #[arg(long, value_name = "REV")]
    pub(super) rev: Option<String>,

    /// Directory for what is fetched of a URL, kept for the next run. Default: a temporary one
    #[arg(long, value_name = "DIR", env = "MESHWRIGHT_CACHE")]
    pub(super) cache: Option<PathBuf>,
}

/// The branch that output goes to.
#[derive(Debug, clap::Args)]
pub(super) struct To {
    /// Branch to bring up to date; it is made if it does not exist, and must be meshwright's own if it does
    #[arg(long, value_name = "BRANCH")]
    pub(super) branch: Option<String>,

    /// Repository of BRANCH: a remote's name, a URL or a path. Default: the repository of the intent
    #[arg(long, value_name = "REPO", requires = "branch")]
    push_to: Option<String>,

    /// Sign commits, as Git's `user.signingKey` and `gpg.format` say
    #[arg(long, requires = "branch")]
    sign: bool,

    /// Do not push a note with the provenance (`refs/notes/meshwright/BRANCH`)
    #[arg(long, requires = "branch")]
    no_notes: bool,

    /// Who commits. Default: what Git is configured to, or meshwright itself
    #[arg(long, value_name = "NAME <EMAIL>", env = "MESHWRIGHT_COMMITTER", value_parser = committer)]
    committer: Option<(String, String)>,

    /// Write even if nothing, or much less than before, is rendered, or another intent root was
    #[arg(long)]
    force: bool,

    /// Publish a commit that does not descend from the published one: history was rewritten on purpose
    #[arg(long)]
    allow_forced_update: bool,
}

/// A cache of what is fetched, ours alone until it is dropped.
#[derive(Debug)]
pub(super) struct Cache {
    _temporary: Option<tempfile::TempDir>,
    _lock: std::fs::File,
}

impl To {
    /// What is allowed.
    pub(super) fn allowed(&self) -> Allowed {
        Allowed {
            options: Options { force: self.force, ..Options::default() },
            forced_update: self.allow_forced_update,
            ..Allowed::default()
        }
    }

    /// The branch, if one is named.
    pub(super) fn branch(&self, origin: &Origin) -> anyhow::Result<Option<Branch>> {
        let Some(name) = &self.branch else { return Ok(None) };
        let (git, own) = match origin {
            Origin::Directory(_) => bail!("a branch is made of commits: name a revision with `--rev`"),
            Origin::Repository(local) => (&local.git, local.git.directory().to_string_lossy().into_owned()),
            Origin::Remote(remote) => (&remote.git, remote.url.clone()),
        };
        let private = matches!(origin, Origin::Remote(_));
        let configured = || {
            let name = || env!("CARGO_PKG_NAME").to_owned();
            Ok::<_, crate::git::GitProgramError>(
                git.committer()?.unwrap_or_else(|| (name(), "meshwright@localhost".to_owned())),
            )
        };
        let committer = match &self.committer {
            Some(committer) => committer.clone(),
            None => configured()?,
        };
        let settings = Settings { committer, sign: self.sign, notes: !self.no_notes, private };
        let remote = self.push_to.as_deref().unwrap_or(&own);
        Ok(Some(Branch::new(git.clone(), remote, name, settings)?))
    }
}

impl From {
    /// The URL of the repository, and the intent root inside, unless it is on this machine.
    fn url(&self) -> anyhow::Result<Option<(&str, String)>> {
        Ok(match &self.repo {
            Some(repo) if is_url(repo) => {
                if is_url(&self.root) {
                    bail!("`{}` is not a path inside `{}`", redacted(&self.root), redacted(repo));
                }
                let inside = crate::source::commit::inside_path(&self.root);
                let inside =
                    inside.with_context(|| format!("`{}` leads out of the repository", self.root))?;
                Some((repo, inside))
            }
            None if is_url(&self.root) => Some((&self.root, String::new())),
            _ => None,
        })
    }

    /// The command that judges a commit of the intent, for people.
    pub(super) fn check(&self, id: &str) -> anyhow::Result<String> {
        if let Some((_, inside)) = self.url()? {
            let root = if inside.is_empty() { "." } else { &inside };
            return Ok(format!("`meshwright check {} --rev {id}` in a clone", shell::word(root)));
        }
        let repo = self.repo.as_deref().map(|repo| format!(" --repo {}", shell::word(repo)));
        let (root, repo) = (shell::word(&self.root), repo.unwrap_or_default());
        Ok(format!("`meshwright check {root}{repo} --rev {id}`"))
    }

    /// Whether the intent is a directory as it lies there.
    pub(super) fn is_directory(&self) -> bool {
        self.rev.is_none() && self.repo.is_none() && !is_url(&self.root)
    }

    /// Opens a repository, here or elsewhere.
    pub(super) fn repository(&self, manner: Manner) -> anyhow::Result<(Origin, Option<Cache>)> {
        if let Some((url, root)) = self.url()? {
            let (cache, directory) = Cache::open(self.cache.as_deref())?;
            let git = Git::init_bare(&directory, manner)?;
            let remote = Remote { git, url: url.to_owned(), rev: self.rev.clone(), root };
            return Ok((Origin::Remote(remote), Some(cache)));
        }
        let repo = self.repo.as_deref().map(Path::new);
        let root = Path::new(&self.root);
        let (repository, inside) = input::repository(repo, root)?;
        let path = match repo {
            Some(repo) => repo.to_owned(),
            // The root need not exist any more; the repository around it does.
            None => repository.place().to_owned(),
        };
        let git = Git::new(std::path::absolute(repository.directory())?, manner)?;
        let shown = match git.remote_url("origin")? {
            Some(url) => redacted(&url),
            None => repository.place().display().to_string(),
        };
        let rev = self.rev.clone().unwrap_or_else(|| "HEAD".to_owned());
        Ok((Origin::Repository(Local { git, path, rev, root: inside, shown }), None))
    }
}

impl Cache {
    fn open(directory: Option<&Path>) -> anyhow::Result<(Cache, PathBuf)> {
        let (temporary, directory) = match directory {
            Some(directory) => (None, directory.to_owned()),
            None => {
                let made = tempfile::Builder::new().prefix("meshwright-").tempdir();
                let made = made.context("cannot make a temporary directory; name one with `--cache`")?;
                let directory = made.path().to_owned();
                (Some(made), directory)
            }
        };
        let shown = directory.display();
        std::fs::create_dir_all(&directory).with_context(|| format!("cannot make the cache `{shown}`"))?;
        let lock = directory.join(LOCK);
        let lock =
            std::fs::File::create(&lock).with_context(|| format!("cannot write the cache `{shown}`"))?;
        if lock.try_lock().is_err() {
            bail!("the cache `{shown}` is in use by another process: give each its own");
        }
        let repository = directory.join("repository.git");
        remove_locks(&repository);
        Ok((Cache { _temporary: temporary, _lock: lock }, repository))
    }
}

/// A `git` that was killed leaves its lock files behind; nobody else uses the cache.
fn remove_locks(repository: &Path) {
    let mut pending = vec![repository.to_owned()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && path.file_name().is_none_or(|name| name != "objects") {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "lock") {
                let _gone = std::fs::remove_file(&path);
            }
        }
    }
}

/// `NAME <EMAIL>`.
fn committer(text: &str) -> Result<(String, String), String> {
    let refuse = || format!("`{text}` is not of the form `NAME <EMAIL>`");
    let (name, rest) = text.split_once('<').ok_or_else(refuse)?;
    let (name, email) = (name.trim(), rest.strip_suffix('>').ok_or_else(refuse)?.trim());
    let bad = |text: &str| text.is_empty() || text.contains(['<', '>']);
    if bad(name) || bad(email) || text.contains(['\n', '\0']) {
        Err(refuse())
    } else {
        Ok((name.to_owned(), email.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committer_has_a_name_and_an_address() {
        assert_eq!(committer("A B <a@b.c>"), Ok(("A B".to_owned(), "a@b.c".to_owned())));
        for bad in ["", "A", "<a@b>", "A <>", "A <a", "A <a>b>", "A\n <a>"] {
            assert!(committer(bad).is_err(), "{bad:?}");
        }
    }
}
