//! Bringing an output directory to a tree, all or nothing.

use std::fs;
use std::path::Path;

use super::disk::{Disk, sync_all};
use super::error::PublishError;
use super::exchange::exchange;
use super::fresh;
use super::journal::{Install, Journal, Meta, carry_out, is_present, recover_on};
use super::lock::Lock;
use super::manifest::{META_DIR, SOURCE_DRAFT, SOURCE_FILE, manifest_path, read_limited};
use super::path::RelativePath;
use super::place::{Found, look, out_exists};
use super::plan::{Base, Changes, Options, plan, plan_known};
use super::stamps::Stamps;
use super::tree::Tree;

/// Brings `out` to `tree`: recovers what an earlier write left, plans, and applies. An output directory that is
/// up to date is not touched at all.
///
/// # Errors
/// What [`super::recover`], [`plan`] and [`apply`] report.
pub fn publish(out: &Path, tree: &Tree, options: &Options) -> Result<Changes, PublishError> {
    publish_on(out, tree, None, options, Disk::real())
}

/// [`publish`] of a tree that was rendered from what `source` says: it becomes [`SOURCE_FILE`], at one with the tree.
///
/// # Errors
/// As there.
pub fn publish_from(
    out: &Path,
    tree: &Tree,
    source: Option<&[u8]>,
    options: &Options,
) -> Result<Changes, PublishError> {
    publish_on(out, tree, source, options, Disk::real())
}

/// [`publish`] that reads no file which the stamps vouch for. Afterwards they are those of the directory as it is.
///
/// # Errors
/// As there; the stamps are then none.
pub fn publish_known(
    out: &Path,
    tree: &Tree,
    options: &Options,
    known: &mut Stamps,
) -> Result<Changes, PublishError> {
    let mut stamps = std::mem::take(known);
    recover_on(out, Disk::real())?;
    let changes = plan_known(out, tree, options, &mut stamps)?;
    let write = Write { tree, changes: &changes, source: None };
    if apply_on(out, &write, Disk::real())? == Manner::Exchanged {
        stamps.linked_anew(out);
    }
    if !changes.is_up_to_date() {
        let written = tree.contents().filter(|(path, _)| changes.writes(path));
        let written: Vec<_> = written.map(|(path, content)| (path, content.digest())).collect();
        stamps.add(out, &written);
        stamps.seal(out, &changes.manifest);
    }
    *known = stamps;
    Ok(changes)
}

pub(super) fn publish_on(
    out: &Path,
    tree: &Tree,
    source: Option<&[u8]>,
    options: &Options,
    disk: Disk<'_>,
) -> Result<Changes, PublishError> {
    recover_on(out, disk)?;
    let changes = plan(out, tree, options)?;
    apply_on(out, &Write { tree, changes: &changes, source }, disk)?;
    Ok(changes)
}

/// Applies planned changes. Whenever the process ends, `out` is the tree of before or the new one; where the directory
/// cannot be exchanged, once [`super::recover`] has run.
///
/// # Errors
/// [`PublishError::Unfinished`] when the plan found an interrupted write; [`PublishError::Stale`] when the
/// directory changed since it was planned; [`PublishError::Locked`] when another process writes it;
/// [`PublishError::NotInTree`] when the tree is not the planned one; [`PublishError::Io`] and the refusals of
/// [`plan`] when the system, or something that appeared meanwhile, stands in the way.
pub fn apply(out: &Path, tree: &Tree, changes: &Changes) -> Result<(), PublishError> {
    apply_on(out, &Write { tree, changes, source: None }, Disk::real()).map(drop)
}

/// What is to be written.
pub(super) struct Write<'a> {
    pub(super) tree: &'a Tree,
    /// What that changes.
    pub(super) changes: &'a Changes,
    /// What the tree was rendered from, for [`SOURCE_FILE`].
    pub(super) source: Option<&'a [u8]>,
}

/// How something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The tree was there already.
    UpToDate,
    /// There was no directory.
    Created,
    /// The directory was exchanged: what stays has a new change time, since it was linked.
    Exchanged,
    /// File by file, by a journal.
    InPlace,
}

pub(super) fn apply_on(out: &Path, write: &Write<'_>, disk: Disk<'_>) -> Result<Manner, PublishError> {
    if write.changes.unfinished {
        return Err(PublishError::Unfinished { path: out.to_owned() });
    }
    if write.changes.is_up_to_date() {
        renew_source(out, write, disk)?;
        return Ok(Manner::UpToDate);
    }
    match write.changes.base {
        Base::NoDirectory => fresh::create(out, write, disk).map(|()| Manner::Created),
        base => replace(out, write, base, disk),
    }
}

/// The tree is there, but it was rendered from something else.
fn renew_source(out: &Path, write: &Write<'_>, disk: Disk<'_>) -> Result<(), PublishError> {
    let meta = out.join(META_DIR);
    let file = meta.join(SOURCE_FILE);
    let Some(source) = write.source else { return Ok(()) };
    if fs::read(&file).is_ok_and(|old| old == source) {
        return Ok(());
    }
    let _lock = Lock::acquire(out)?;
    let draft = meta.join(SOURCE_DRAFT);
    disk.remove_file(&draft)?;
    disk.write(&draft, source, true)?;
    disk.rename(&draft, &file)
}

fn replace(out: &Path, write: &Write<'_>, base: Base, disk: Disk<'_>) -> Result<Manner, PublishError> {
    if !out_exists(out)? {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    let lock = Lock::acquire(out)?;
    if is_present(out)? {
        return Err(PublishError::Unfinished { path: out.to_owned() });
    }
    if Base::of(read_limited(&manifest_path(out))?.as_deref()) != base {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    let Some(_lock) = exchange(out, write, lock, disk)? else { return Ok(Manner::Exchanged) };
    let meta = Meta::of(out);
    let journal = journal_of(write.changes);
    if let Err(error) = stage(&meta, write, &journal, disk) {
        // Unless the journal is in its place, nothing happened yet, and nothing will.
        if matches!(look(&meta.journal), Ok(Found::Nothing)) {
            let _the_first_error_counts = fs::remove_dir_all(&meta.staging);
        }
        return Err(error);
    }
    carry_out(out, &journal, disk)?;
    Ok(Manner::InPlace)
}

fn journal_of(changes: &Changes) -> Journal {
    let created = changes.created.iter().map(|path| Install { path: path.clone(), replace: false });
    let updated = changes.updated.iter().map(|path| Install { path: path.clone(), replace: true });
    Journal::new(changes.removed.clone(), created.chain(updated).collect())
}

/// Writes the new files and the journal; the journal's rename, the last step, decides.
fn stage(meta: &Meta, write: &Write<'_>, journal: &Journal, disk: Disk<'_>) -> Result<(), PublishError> {
    let content = |source: serde_json::Error| PublishError::Content {
        path: meta.journal.clone(),
        source: source.into(),
    };
    let record = journal.to_bytes().map_err(content)?;
    disk.remove_dir_all(&meta.staging)?;
    disk.create_dir(&meta.staging)?;
    let Write { tree, changes, source } = write;
    let paths: Vec<(usize, &RelativePath)> =
        changes.created.iter().chain(&changes.updated).enumerate().collect();
    let stage_file = |(at, path): &(usize, &RelativePath)| {
        let bytes =
            tree.get(path.as_str()).ok_or_else(|| PublishError::NotInTree { path: (*path).clone() })?;
        disk.write(&meta.staged(*at), bytes, true)
    };
    sync_all(&paths, stage_file)?;
    disk.write(&meta.staged_manifest(), &changes.manifest, true)?;
    if let Some(source) = source {
        disk.write(&meta.staged_source(), source, true)?;
    }
    let draft = meta.staging.join("journal");
    disk.write(&draft, &record, true)?;
    disk.sync(&meta.staging)?;
    disk.sync(&meta.dir)?;
    disk.rename(&draft, &meta.journal)?;
    disk.sync(&meta.dir)
}
