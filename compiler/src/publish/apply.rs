//! Bringing an output directory to a tree, all or nothing.

use std::fs;
use std::path::Path;

use super::disk::{Disk, sync_all};
use super::error::PublishError;
use super::fresh;
use super::journal::{Install, Journal, Meta, carry_out, is_present, recover_on};
use super::lock::Lock;
use super::manifest::{manifest_path, read_limited};
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
    publish_on(out, tree, options, Disk::real())
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
    apply_on(out, tree, &changes, Disk::real())?;
    if !changes.is_up_to_date() {
        let is_written = |path: &RelativePath| {
            changes.created.binary_search(path).is_ok() || changes.updated.binary_search(path).is_ok()
        };
        let written = tree.contents().filter(|(path, _)| is_written(path));
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
    options: &Options,
    disk: Disk<'_>,
) -> Result<Changes, PublishError> {
    recover_on(out, disk)?;
    let changes = plan(out, tree, options)?;
    apply_on(out, tree, &changes, disk)?;
    Ok(changes)
}

/// Applies planned changes. Whenever the process ends, `out` is the tree of before, or the new one once
/// [`super::recover`] has run.
///
/// # Errors
/// [`PublishError::Unfinished`] when the plan found an interrupted write; [`PublishError::Stale`] when the
/// directory changed since it was planned; [`PublishError::Locked`] when another process writes it;
/// [`PublishError::NotInTree`] when the tree is not the planned one; [`PublishError::Io`] and the refusals of
/// [`plan`] when the system, or something that appeared meanwhile, stands in the way.
pub fn apply(out: &Path, tree: &Tree, changes: &Changes) -> Result<(), PublishError> {
    apply_on(out, tree, changes, Disk::real())
}

fn apply_on(out: &Path, tree: &Tree, changes: &Changes, disk: Disk<'_>) -> Result<(), PublishError> {
    if changes.unfinished {
        return Err(PublishError::Unfinished { path: out.to_owned() });
    }
    if changes.is_up_to_date() {
        return Ok(());
    }
    match changes.base {
        Base::NoDirectory => fresh::create(out, tree, changes, disk),
        base => in_place(out, tree, changes, base, disk),
    }
}

fn in_place(
    out: &Path,
    tree: &Tree,
    changes: &Changes,
    base: Base,
    disk: Disk<'_>,
) -> Result<(), PublishError> {
    if !out_exists(out)? {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    let _lock = Lock::acquire(out)?;
    if is_present(out)? {
        return Err(PublishError::Unfinished { path: out.to_owned() });
    }
    if Base::of(read_limited(&manifest_path(out))?.as_deref()) != base {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    let meta = Meta::of(out);
    let journal = journal_of(changes);
    if let Err(error) = stage(&meta, tree, changes, &journal, disk) {
        // Unless the journal is in its place, nothing happened yet, and nothing will.
        if matches!(look(&meta.journal), Ok(Found::Nothing)) {
            let _the_first_error_counts = fs::remove_dir_all(&meta.staging);
        }
        return Err(error);
    }
    carry_out(out, &journal, disk)
}

fn journal_of(changes: &Changes) -> Journal {
    let created = changes.created.iter().map(|path| Install { path: path.clone(), replace: false });
    let updated = changes.updated.iter().map(|path| Install { path: path.clone(), replace: true });
    Journal::new(changes.removed.clone(), created.chain(updated).collect())
}

/// Writes the new files and the journal; the journal's rename, the last step, decides.
fn stage(
    meta: &Meta,
    tree: &Tree,
    changes: &Changes,
    journal: &Journal,
    disk: Disk<'_>,
) -> Result<(), PublishError> {
    let content = |source: serde_json::Error| PublishError::Content {
        path: meta.journal.clone(),
        source: source.into(),
    };
    let record = journal.to_bytes().map_err(content)?;
    disk.remove_dir_all(&meta.staging)?;
    disk.create_dir(&meta.staging)?;
    let paths: Vec<(usize, &RelativePath)> =
        changes.created.iter().chain(&changes.updated).enumerate().collect();
    let write = |(at, path): &(usize, &RelativePath)| {
        let bytes =
            tree.get(path.as_str()).ok_or_else(|| PublishError::NotInTree { path: (*path).clone() })?;
        disk.write(&meta.staged(*at), bytes, true)
    };
    sync_all(&paths, write)?;
    disk.write(&meta.staged_manifest(), &changes.manifest, true)?;
    let draft = meta.staging.join("journal");
    disk.write(&draft, &record, true)?;
    disk.sync_dir(&meta.staging)?;
    disk.sync_dir(&meta.dir)?;
    disk.rename(&draft, &meta.journal)?;
    disk.sync_dir(&meta.dir)
}
