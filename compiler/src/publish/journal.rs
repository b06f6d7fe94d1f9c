//! The journal: the commit point of a write that cannot exchange the directory, and how it is carried out.
//!
//! `.meshwright/staging/` holds the new bytes: `0`, `1`, ... for the files in the order of the journal's
//! `install`, `manifest.json`, and `source.json` if there is one. Each is renamed to its place, so a staged file that is gone is one that is
//! done, and carrying out a journal again continues where it stopped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, sync_all};
use super::error::{ContentError, PublishError, io_at};
use super::lock::Lock;
use super::manifest::{MANIFEST_FILE, META_DIR, Manifest, SOURCE_FILE, parse_format, read_limited, to_json};
use super::path::RelativePath;
use super::place::{Found, Places, look, out_exists, real};
use super::sibling::Sibling;

/// The journal's name in `.meshwright`.
pub(super) const JOURNAL_FILE: &str = "journal.json";

/// The version of the journal's layout.
const FORMAT: u32 = 1;

/// What a write that was decided on still has to do, or has done in part.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    format: u32,
    remove: Vec<RelativePath>,
    install: Vec<Install>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Install {
    pub(super) path: RelativePath,
    /// Whether an owned file is there, which the new one replaces.
    pub(super) replace: bool,
}

impl Journal {
    pub(super) fn new(remove: Vec<RelativePath>, install: Vec<Install>) -> Self {
        Self { format: FORMAT, remove, install }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_json(self)
    }

    fn read(path: &Path) -> Result<Option<Self>, PublishError> {
        let Some(bytes) = read_limited(path)? else { return Ok(None) };
        let parsed = parse_format(&bytes, FORMAT);
        parsed.map(Some).map_err(|source| PublishError::Content { path: path.to_owned(), source })
    }

    /// Checks that only owned files are replaced or removed, and that no path is named twice.
    fn check(&self, owned: Option<&Manifest>) -> Result<(), ContentError> {
        let mut seen = BTreeSet::new();
        let removed = self.remove.iter().map(|path| (path, true));
        for (path, needs_owner) in removed.chain(self.install.iter().map(|i| (&i.path, i.replace))) {
            let is_owned = owned.is_some_and(|manifest| manifest.files().contains_key(path));
            if !seen.insert(path) || needs_owner && !is_owned {
                return Err(ContentError::NotOwned { path: path.clone() });
            }
        }
        Ok(())
    }
}

/// The paths in `.meshwright` that a write uses.
pub(super) struct Meta {
    pub(super) dir: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) journal: PathBuf,
}

impl Meta {
    pub(super) fn of(out: &Path) -> Self {
        let dir = out.join(META_DIR);
        Self { staging: dir.join("staging"), journal: dir.join(JOURNAL_FILE), dir }
    }

    /// Where the bytes of the journal's file number `at` wait.
    pub(super) fn staged(&self, at: usize) -> PathBuf {
        self.staging.join(at.to_string())
    }

    /// Where the new manifest waits.
    pub(super) fn staged_manifest(&self) -> PathBuf {
        self.staging.join(MANIFEST_FILE)
    }

    /// Where waits what the tree was rendered from.
    pub(super) fn staged_source(&self) -> PathBuf {
        self.staging.join(SOURCE_FILE)
    }
}

/// What [`recover`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// No write was interrupted.
    Nothing,
    /// A write was interrupted before it was decided on, or after it was complete; what it had prepared, or
    /// replaced, was discarded.
    Discarded,
    /// A write was interrupted after it was decided on; it is complete now.
    Completed,
}

/// Finishes or discards what an interrupted write of `out` left behind. Without such a write nothing is touched.
///
/// # Errors
/// [`PublishError::Locked`] when the write is still going on; [`PublishError::Content`] when the journal is not
/// one that meshwright wrote; otherwise what [`super::apply`] may report. The journal stays, and recovery may be tried again.
pub fn recover(out: &Path) -> Result<Recovery, PublishError> {
    recover_on(out, Disk::real())
}

pub(super) fn recover_on(out: &Path, disk: Disk<'_>) -> Result<Recovery, PublishError> {
    if !out_exists(out)? {
        let Ok(sibling) = Sibling::of(out) else { return Ok(Recovery::Nothing) };
        return sibling.discard(out, disk);
    }
    let real = real(out)?;
    let sibling = Sibling::of(&real).ok().filter(Sibling::is_left);
    let meta = Meta::of(out);
    let is_staged = !matches!((look(&meta.journal)?, look(&meta.staging)?), (Found::Nothing, Found::Nothing));
    if sibling.is_none() && !is_staged {
        return Ok(Recovery::Nothing);
    }
    let _lock = Lock::acquire(out)?;
    if let Some(sibling) = sibling {
        sibling.discard(&real, disk)?;
    }
    if !is_staged {
        return Ok(Recovery::Discarded);
    }
    let Some(journal) = Journal::read(&meta.journal)? else {
        disk.remove_dir_all(&meta.staging)?;
        return Ok(Recovery::Discarded);
    };
    carry_out(out, &journal, disk)?;
    Ok(Recovery::Completed)
}

/// Whether a write of `out` was decided on and is not complete.
pub(super) fn is_present(out: &Path) -> Result<bool, PublishError> {
    Ok(!matches!(look(&Meta::of(out).journal)?, Found::Nothing))
}

/// Does what is left to do of a journal and removes it. The lock is held.
pub(super) fn carry_out(out: &Path, journal: &Journal, disk: Disk<'_>) -> Result<(), PublishError> {
    let meta = Meta::of(out);
    let manifest = meta.staged_manifest();
    // The manifest is the last to be put in its place.
    if let Found::File(_) = look(&manifest)? {
        let owned = Manifest::read(out)?;
        let checked = journal.check(owned.as_ref());
        checked.map_err(|source| PublishError::Content { path: meta.journal.clone(), source })?;
        let mut files = Files { out, meta: &meta, disk, places: Places::below(out), dirs: BTreeSet::new() };
        files.remove(journal)?;
        files.install(journal)?;
        files.sync()?;
        disk.rename(&manifest, &meta.dir.join(MANIFEST_FILE))?;
        disk.sync(&meta.dir)?;
    }
    if let Found::File(_) = look(&meta.staged_source())? {
        disk.rename(&meta.staged_source(), &meta.dir.join(SOURCE_FILE))?;
    }
    disk.remove_file(&meta.journal)?;
    disk.sync(&meta.dir)?;
    disk.remove_dir_all(&meta.staging)
}

/// The files of the tree while a journal is carried out.
struct Files<'a> {
    out: &'a Path,
    meta: &'a Meta,
    disk: Disk<'a>,
    places: Places<'a>,
    /// The directories in which names changed.
    dirs: BTreeSet<PathBuf>,
}

impl Files<'_> {
    fn remove(&mut self, journal: &Journal) -> Result<(), PublishError> {
        let needed: BTreeSet<&str> =
            journal.install.iter().flat_map(|install| install.path.parents()).collect();
        for path in &journal.remove {
            if let Found::File(_) = self.places.look(path)? {
                self.disk.remove_file(&path.under(self.out))?;
            }
            self.prune(path, &needed)?;
        }
        Ok(())
    }

    /// Removes the directories above a removed file that are empty now and not needed again.
    fn prune(&mut self, path: &RelativePath, needed: &BTreeSet<&str>) -> Result<(), PublishError> {
        let mut changed = self.out;
        let above: Vec<&str> = path.parents().collect();
        let kept;
        for (at, dir) in above.iter().enumerate().rev() {
            let full = self.out.join(dir);
            let is_dir = matches!(look(&full)?, Found::Directory);
            if is_dir && (needed.contains(dir) || !self.disk.remove_empty_dir(&full)?) {
                kept = full;
                changed = &kept;
                break;
            }
            above.get(at..).unwrap_or_default().iter().for_each(|gone| self.places.forget(gone));
        }
        self.dirs.insert(changed.to_owned());
        Ok(())
    }

    fn install(&mut self, journal: &Journal) -> Result<(), PublishError> {
        for (at, install) in journal.install.iter().enumerate() {
            let staged = self.meta.staged(at);
            match look(&staged)? {
                Found::File(_) => {}
                Found::Nothing => continue,
                _ => return Err(PublishError::NotAFile { path: staged }),
            }
            let target = install.path.under(self.out);
            self.dirs.extend(self.places.create_parents(&install.path, self.disk)?);
            match look(&target)? {
                Found::Nothing => {}
                Found::File(_) if install.replace || same_files(&staged, &target)? => {}
                _ => return Err(PublishError::Foreign { paths: vec![install.path.clone()] }),
            }
            self.disk.rename(&staged, &target)?;
            self.dirs.extend(target.parent().map(Path::to_owned));
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), PublishError> {
        let dirs: Vec<&PathBuf> = self.dirs.iter().filter(|dir| dir.is_dir()).collect();
        sync_all(&dirs, |dir| self.disk.sync(dir))
    }
}

fn same_files(one: &Path, other: &Path) -> Result<bool, PublishError> {
    let read = |path: &Path| fs::read(path).map_err(io_at("read", path));
    Ok(read(one)? == read(other)?)
}
