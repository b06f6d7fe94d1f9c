//! What is on the branch now.

use std::sync::{Arc, OnceLock};

use gix::ObjectId;
use gix::objs::Kind;

use super::objects::{self, Entries, Listing};
use super::{Branch, BranchError, message};
use crate::git::{Depth, GitProgramError};
use crate::publish::{self, MANIFEST_FILE, META_DIR, Manifest, Tree};
use crate::source::commit::Repository;

/// How often a branch is read again that moves between the question what it is and the answer.
const ATTEMPTS: usize = 5;

/// The tip of a branch, with everything that was published there.
#[derive(Debug)]
pub struct Tip {
    /// Nothing if there is no such branch yet.
    pub commit: Option<ObjectId>,
    /// Where it came from, if it says so.
    pub provenance: Option<Provenance>,
    pub(super) repository: Repository,
    pub(super) notes: Option<ObjectId>,
    /// When it was committed, in Git's form.
    pub(super) time: Option<String>,
    published: Arc<Published>,
}

/// What a tree of the branch holds. It is a function of the tree, and kept from one look at the branch to the next.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// Nothing if there is no such branch yet.
    pub(super) tree: Option<ObjectId>,
    pub(super) listing: Listing,
    pub(super) manifest: Option<Manifest>,
}

/// What the trailers of a published commit say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The commit of the intent.
    pub commit: ObjectId,
    /// The intent root in its repository; empty for the repository's own.
    pub path: String,
}

impl Tip {
    /// The bytes of a published file.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let entry = self.entries().get(path.as_bytes()).filter(|entry| entry.is_file())?;
        let mut object = self.repository.object(entry.id, path, path).ok()?;
        (object.kind == Kind::Blob).then(|| std::mem::take(&mut object.data))
    }

    /// Whether a file is on the branch.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.entries().contains_key(path.as_bytes())
    }

    /// Whether this tree was published last, whatever somebody made of it since.
    #[must_use]
    pub fn is_of(&self, tree: &Tree) -> bool {
        self.published.manifest.as_ref().is_some_and(|manifest| *manifest == publish::manifest(tree))
    }

    pub(super) fn tree(&self) -> Option<ObjectId> {
        self.published.tree
    }

    pub(super) fn listing(&self) -> &Listing {
        &self.published.listing
    }

    pub(super) fn entries(&self) -> &Entries {
        &self.published.listing.entries
    }

    /// What meshwright published.
    pub(super) fn owned(&self) -> &Manifest {
        static NOTHING: OnceLock<Manifest> = OnceLock::new();
        self.published.manifest.as_ref().unwrap_or_else(|| NOTHING.get_or_init(Manifest::empty))
    }
}

/// The ref under which an own repository keeps what a remote's ref was.
pub(super) fn kept(name: &str) -> String {
    name.replacen("refs/", "refs/meshwright/output/", 1)
}

pub(super) fn read(branch: &Branch) -> Result<Tip, BranchError> {
    let (head, notes) = (branch.head_ref(), branch.notes_ref());
    let names: Vec<&str> = match branch.settings.notes {
        true => vec![&head, &notes],
        false => vec![&head],
    };
    for _ in 0..ATTEMPTS {
        let refs = branch.git.remote_refs(&branch.remote, &names)?;
        let mut repository = branch.repository()?;
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| refs.get(name).is_some_and(|id| !repository.gix().has_object(id)))
            .collect();
        if !missing.is_empty() {
            match fetch(branch, &missing) {
                // It went away between the question and the fetch.
                Err(GitProgramError::NoRef { .. }) => continue,
                result => result?,
            }
            repository = branch.repository()?;
        }
        let wanted = names.iter().filter_map(|name| refs.get(name));
        // What was fetched is what the branch was when it was fetched.
        if wanted.clone().all(|id| repository.gix().has_object(id)) {
            return tip(branch, repository, refs.get(&head), refs.get(&notes));
        }
    }
    Err(BranchError::Unsteady { branch: branch.name.clone() })
}

fn fetch(branch: &Branch, names: &[&str]) -> Result<(), GitProgramError> {
    let refspecs: Vec<String> = names
        .iter()
        .map(|name| match branch.settings.private {
            true => format!("+{name}:{}", kept(name)),
            // Refs of somebody's repository are not touched; a remote-tracking branch follows as with any fetch.
            false => (*name).to_owned(),
        })
        .collect();
    let refspecs: Vec<&str> = refspecs.iter().map(String::as_str).collect();
    // A repository that has its whole history must not be cut off by us.
    let cut = branch.settings.private || branch.git.is_shallow();
    if cut {
        match branch.git.fetch(&branch.remote, &refspecs, Depth::Of(1)) {
            // Served as plain files, over HTTP.
            Err(GitProgramError::Remote { said, .. }) if said.contains("shallow") => {}
            result => return result,
        }
    }
    branch.git.fetch(&branch.remote, &refspecs, Depth::Whole)
}

pub(super) fn tip(
    branch: &Branch,
    repository: Repository,
    commit: Option<ObjectId>,
    notes: Option<ObjectId>,
) -> Result<Tip, BranchError> {
    let mut tip = Tip { commit, provenance: None, repository, notes, time: None, published: Arc::default() };
    let Some(commit) = commit else { return Ok(tip) };
    let tree = objects::tree_of(&tip.repository, commit)?;
    let info = tip.repository.commit_info(commit)?;
    tip.time = Some(info.committer.time);
    tip.provenance = message::provenance(&info.message);
    if let Some(known) = branch.known(tree) {
        tip.published = known;
        return Ok(tip);
    }
    let listing = objects::list(&tip.repository, tree)?;
    tip.published = Arc::new(Published { tree: Some(tree), listing, manifest: None });
    let marker = format!("{META_DIR}/{MANIFEST_FILE}");
    let manifest = match tip.read(&marker) {
        Some(bytes) => {
            let manifest = Manifest::parse(marker.as_ref(), &bytes);
            let failed = |error| BranchError::Marker { branch: branch.name.clone(), source: Box::new(error) };
            Some(manifest.map_err(failed)?)
        }
        // There is nothing to lose in an empty branch.
        None if tip.entries().is_empty() => None,
        None => return Err(BranchError::Foreign { branch: branch.name.clone() }),
    };
    if let Some(published) = Arc::get_mut(&mut tip.published) {
        published.manifest = manifest;
    }
    branch.keep(Arc::clone(&tip.published));
    Ok(tip)
}
