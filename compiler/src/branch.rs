//! Publishing a rendered tree to a branch: one commit for one commit of the intent.
//!
//! The branch is that of a directory which `render` writes: it has `.meshwright/manifest.json`, files that the manifest
//! does not name stay as they are, and owned files that are no longer rendered are removed. Nothing is checked out. Blobs
//! and trees are written by gix; `git` fetches, makes the commit, and pushes.
//!
//! Whoever pushes says what the branch was when the commit was made ([`Update::old`]). A branch that moved meanwhile
//! refuses, and the caller starts again from the new tip: so there is no lock, and any number of publishers may run. The
//! same source and the same tip make the same commit, byte for byte, unless it is signed.

mod delivery;
mod error;
mod layout;
mod message;
mod objects;
mod tip;

use std::sync::{Arc, Mutex, PoisonError};

use gix::ObjectId;
use objects::Listing;
use tip::Published;

pub use delivery::check as check_delivery;
pub use error::BranchError;
pub use layout::Differences;
pub use tip::{Provenance, Tip};

use crate::git::{Git, NewCommit, Signature, Update, redacted};
use crate::publish::{self, Digest, Options, Tree};
use crate::source::commit::{CommitInfo, Repository};

/// Where output is published.
#[derive(Clone, Debug)]
pub struct Branch {
    git: Git,
    remote: String,
    name: String,
    settings: Settings,
    /// What the tree held that was read or made last.
    last: Arc<Mutex<Arc<Published>>>,
}

/// How commits are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who commits.
    pub committer: (String, String),
    /// Whether to sign, as Git is configured to.
    pub sign: bool,
    /// Whether to push a note with the provenance too.
    pub notes: bool,
    /// Whether the repository of `git` is ours alone, so that history may be cut off and refs kept in it.
    pub private: bool,
}

/// Where the intent comes from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The repository, as it may be shown.
    pub repository: &'a str,
    /// The intent's directory inside it; empty for its root.
    pub path: &'a str,
    /// The commit.
    pub commit: &'a CommitInfo,
}

/// A commit that is made and not pushed yet.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The commit.
    pub commit: ObjectId,
    /// What it changes.
    pub differences: Differences,
    updates: Vec<Update>,
}

impl Prepared {
    /// This commit and the one that was made on top of it, which together change `differences`: both are pushed at once.
    #[must_use]
    pub fn and(&self, later: Prepared, differences: Differences) -> Prepared {
        let updates = later.updates.into_iter().map(|update| {
            let first = self.updates.iter().find(|first| first.name == update.name);
            Update { old: first.map_or(update.old, |first| first.old), ..update }
        });
        Prepared { commit: later.commit, differences, updates: updates.collect() }
    }
}

impl Branch {
    /// A branch of a remote: a name that `git` knows, a URL, or a path.
    ///
    /// # Errors
    /// The name is not one of a branch, or the remote looks like an option.
    pub fn new(git: Git, remote: &str, name: &str, settings: Settings) -> Result<Branch, BranchError> {
        let full = format!("refs/heads/{name}");
        if name.starts_with('-') || gix::refs::FullName::try_from(full.as_str()).is_err() {
            return Err(BranchError::Name { name: name.to_owned() });
        }
        if remote.is_empty() || remote.starts_with('-') {
            return Err(BranchError::Remote { remote: redacted(remote) });
        }
        Ok(Branch { git, remote: remote.to_owned(), name: name.to_owned(), settings, last: Arc::default() })
    }

    /// What a tree holds, if that was read or made last.
    fn known(&self, tree: ObjectId) -> Option<Arc<Published>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.tree == Some(tree)).then(|| Arc::clone(&last))
    }

    fn keep(&self, published: Arc<Published>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = published;
    }

    /// The branch and the remote, as they may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} of {}", self.name, redacted(&self.remote))
    }

    fn head_ref(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    /// One ref of notes for each branch: publishers of other branches are not in each other's way.
    fn notes_ref(&self) -> String {
        format!("refs/notes/meshwright/{}", self.name)
    }

    /// Reads what is published now.
    ///
    /// # Errors
    /// The remote cannot be reached, or what is on the branch was not put there by meshwright.
    pub fn tip(&self) -> Result<Tip, BranchError> {
        tip::read(self)
    }

    /// The tip as it will be when the commit is pushed.
    ///
    /// # Errors
    /// What was just made cannot be read.
    pub fn after(&self, prepared: &Prepared) -> Result<Tip, BranchError> {
        let new =
            |name: &str| prepared.updates.iter().find(|update| update.name == name).map(|update| update.new);
        tip::tip(self, self.repository()?, new(&self.head_ref()), new(&self.notes_ref()))
    }

    /// What the tree changes of the tip.
    ///
    /// # Errors
    /// The tree is in the way of files that are not ours.
    pub fn differences(&self, tip: &Tip, tree: &Tree) -> Result<Differences, BranchError> {
        let manifest = publish::manifest(tree).to_bytes().map_err(BranchError::manifest)?;
        Ok(layout::layout(tip, tree, &manifest)?.differences)
    }

    /// Whether the tree may follow the tip: it is not suspiciously small.
    ///
    /// # Errors
    /// It is.
    pub fn guard(&self, tip: &Tip, tree: &Tree, options: &Options) -> Result<(), BranchError> {
        Ok(publish::check_shrinkage(tip.owned(), tree, options)?)
    }

    /// Makes the commit that brings the tip to `tree`; nothing if the tip is there already. No ref moves.
    ///
    /// # Errors
    /// The tree is suspiciously small, or in the way of files that are not ours; or the commit cannot be made.
    pub fn prepare(
        &self,
        tip: &Tip,
        tree: &Tree,
        source: Source<'_>,
        options: &Options,
    ) -> Result<Option<Prepared>, BranchError> {
        if let Some(was) = &tip.provenance
            && was.path != source.path
            && !options.force
        {
            let (was, is) = (was.path.clone(), source.path.to_owned());
            return Err(BranchError::OtherRoot { branch: self.name.clone(), was, is });
        }
        let manifest = publish::manifest(tree);
        self.guard(tip, tree, options)?;
        let bytes = manifest.to_bytes().map_err(BranchError::manifest)?;
        let layout = layout::layout(tip, tree, &bytes)?;
        let repository = tip.repository.gix();
        for (id, bytes) in &layout.blobs {
            objects::blob(repository, *id, bytes)?;
        }
        let (new, listing) = objects::tree(repository, layout.entries, tip.listing())?;
        if tip.tree() == Some(new) {
            return Ok(None);
        }
        let hash = Digest::of(&bytes).to_string();
        let text = message::commit(source, &hash, &layout.differences, manifest.clusters().len());
        self.keep(Arc::new(Published { tree: Some(new), listing, manifest: Some(manifest) }));
        let committer = self.committer(tip, source.commit);
        let commit = self.git.commit_tree(&NewCommit {
            tree: new,
            parent: tip.commit,
            author: &source.commit.author,
            committer: &committer,
            message: &text,
            sign: self.settings.sign,
        })?;
        let mut updates = vec![Update { name: self.head_ref(), old: tip.commit, new: commit }];
        if self.settings.notes {
            let note = message::note(source, &hash, &layout.differences).map_err(BranchError::manifest)?;
            updates.push(self.note(tip, commit, &note, &committer)?);
        }
        Ok(Some(Prepared { commit, differences: layout.differences, updates }))
    }

    /// The committer's time is a function of what is committed, so that two publishers make one commit of it; it never
    /// goes back, which would mislead whoever walks history by time.
    fn committer(&self, tip: &Tip, source: &CommitInfo) -> Signature {
        let (name, email) = self.settings.committer.clone();
        let time = match &tip.time {
            Some(time) if crate::source::commit::seconds(time) > source.committed() => time.clone(),
            _ => source.committer.time.clone(),
        };
        Signature { name, email, time }
    }

    /// Adds a note to the published commit, in the layout of git-notes(1) with one level of directories.
    fn note(&self, tip: &Tip, commit: ObjectId, note: &str, who: &Signature) -> Result<Update, BranchError> {
        let repository = tip.repository.gix();
        let old = match tip.notes {
            Some(notes) => objects::list(&tip.repository, objects::tree_of(&tip.repository, notes)?)?,
            None => Listing::default(),
        };
        let mut entries = old.entries.clone();
        let hex = commit.to_string();
        let (directory, file) = hex.split_at(2);
        let id = objects::hash(note.as_bytes())?;
        objects::blob(repository, id, note.as_bytes())?;
        entries.insert(format!("{directory}/{file}").into_bytes(), objects::Entry::file(id));
        let new = self.git.commit_tree(&NewCommit {
            tree: objects::tree(repository, entries, &old)?.0,
            parent: tip.notes,
            author: who,
            committer: who,
            message: "Notes added by meshwright\n",
            sign: false,
        })?;
        Ok(Update { name: self.notes_ref(), old: tip.notes, new })
    }

    /// Pushes a prepared commit, with its note, or nothing.
    ///
    /// # Errors
    /// [`BranchError::is_lost`] if the branch moved since its tip was read; otherwise the remote's refusal.
    pub fn push(&self, prepared: &Prepared) -> Result<(), BranchError> {
        self.git.push(&self.remote, &prepared.updates)?;
        if self.settings.private {
            // Only keeps what is there from being collected: the remote says what is published.
            for update in &prepared.updates {
                if let Err(error) = self.git.keep(&tip::kept(&update.name), update.new) {
                    tracing::debug!(%error, "a ref of the cache was not moved");
                }
            }
        }
        Ok(())
    }

    fn repository(&self) -> Result<Repository, BranchError> {
        Ok(Repository::open(self.git.directory())?)
    }
}
