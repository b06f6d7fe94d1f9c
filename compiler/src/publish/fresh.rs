//! Writing a tree where nothing is yet: in a sibling directory, which is then renamed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{Disk, in_parts};
use super::error::{PublishError, io_at};
use super::journal::Recovery;
use super::lock::Lock;
use super::manifest::{MANIFEST_FILE, META_DIR};
use super::path::RelativePath;
use super::place::{Found, look, out_exists};
use super::plan::Changes;
use super::tree::Tree;

/// Creates `out` with the tree in it. Nothing waits for the disk but what says that the tree is rendered: there is no older
/// tree that a power cut could take with it, and a file that was cut short differs from its bytes in the next comparison.
pub(super) fn create(out: &Path, tree: &Tree, changes: &Changes, disk: Disk<'_>) -> Result<(), PublishError> {
    if out_exists(out)? {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    // Nothing can be renamed to a path that ends in `/.`; the parts of a path leave it out.
    let out: &Path = &out.components().collect::<PathBuf>();
    let (parent, sibling) = beside(out)?;
    fs::create_dir_all(&parent).map_err(io_at("create directory", &parent))?;
    discard(out, disk)?;
    disk.create_dir(&sibling)?;
    let mut lock = Lock::acquire(&sibling)?;
    let written = fill(&sibling, tree, changes, disk).and_then(|()| disk.rename(&sibling, out));
    if let Err(error) = written {
        let _the_first_error_counts = fs::remove_dir_all(&sibling);
        return Err(error);
    }
    lock.moved_to(out);
    Ok(())
}

fn fill(root: &Path, tree: &Tree, changes: &Changes, disk: Disk<'_>) -> Result<(), PublishError> {
    // First of all, so that a half-written sibling is known as a rendered tree and not read as anything else.
    disk.write(&root.join(META_DIR).join(MANIFEST_FILE), &changes.manifest, true)?;
    let files: Vec<(&RelativePath, &[u8])> = tree.iter().collect();
    let write = |part: &[(&RelativePath, &[u8])]| {
        let mut made = BTreeSet::new();
        for (path, bytes) in part {
            for dir in path.parents().filter(|dir| made.insert(*dir)) {
                disk.ensure_dir(&root.join(dir))?;
            }
            disk.write(&path.under(root), bytes, false)?;
        }
        Ok(())
    };
    in_parts(&files, write).into_iter().collect()
}

/// Removes the sibling that an interrupted write of `out` left, if it did.
///
/// # Errors
/// [`PublishError::Locked`] when it is still being written, [`PublishError::NotADirectory`] when something that
/// meshwright did not create has its name.
pub(super) fn discard(out: &Path, disk: Disk<'_>) -> Result<Recovery, PublishError> {
    let Ok((_, sibling)) = beside(out) else { return Ok(Recovery::Nothing) };
    match look(&sibling)? {
        Found::Nothing => return Ok(Recovery::Nothing),
        Found::Directory => {}
        _ => return Err(PublishError::NotADirectory { path: sibling }),
    }
    // Killed right after it was created.
    if disk.remove_empty_dir(&sibling)? {
        return Ok(Recovery::Discarded);
    }
    if !matches!(look(&sibling.join(META_DIR))?, Found::Directory) {
        return Err(PublishError::Foreign { paths: sibling_name(&sibling) });
    }
    let _lock = Lock::acquire(&sibling)?;
    disk.remove_dir_all(&sibling)?;
    Ok(Recovery::Discarded)
}

fn sibling_name(sibling: &Path) -> Vec<RelativePath> {
    let name = sibling.file_name().map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| RelativePath::new(name).ok()).into_iter().collect()
}

/// The directory that will hold `out`, and the temporary directory in it: `.<name>.meshwright-new`.
fn beside(out: &Path) -> Result<(PathBuf, PathBuf), PublishError> {
    let name = out.file_name().ok_or_else(|| PublishError::Unnamed { path: out.to_owned() })?;
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".meshwright-new");
    let sibling = parent.join(temporary);
    Ok((parent, sibling))
}
