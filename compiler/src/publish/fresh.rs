//! Writing a tree where nothing is yet: in a sibling directory, which is then renamed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::apply::Write;
use super::disk::{Disk, in_parts};
use super::error::{PublishError, io_at};
use super::lock::Lock;
use super::manifest::{MANIFEST_FILE, META_DIR, SOURCE_FILE};
use super::path::RelativePath;
use super::place::out_exists;
use super::sibling::Sibling;

/// Creates `out` with the tree in it. Nothing waits for the disk but what says that the tree is rendered: there is no older
/// tree that a power cut could take with it, and a file that was cut short differs from its bytes in the next comparison.
pub(super) fn create(out: &Path, write: &Write<'_>, disk: Disk<'_>) -> Result<(), PublishError> {
    if out_exists(out)? {
        return Err(PublishError::Stale { path: out.to_owned() });
    }
    // Nothing can be renamed to a path that ends in `/.`; the parts of a path leave it out.
    let out: &Path = &out.components().collect::<PathBuf>();
    let sibling = Sibling::of(out)?;
    fs::create_dir_all(&sibling.parent).map_err(io_at("create directory", &sibling.parent))?;
    sibling.discard(out, disk)?;
    disk.create_dir(&sibling.path)?;
    let mut lock = Lock::acquire(&sibling.path)?;
    let written = fill(&sibling.path, write, None, disk).and_then(|()| disk.rename(&sibling.path, out));
    if let Err(error) = written {
        let _the_first_error_counts = fs::remove_dir_all(&sibling.path);
        return Err(error);
    }
    lock.moved_to(out);
    Ok(())
}

/// Makes the tree in `root`, which holds nothing but the lock. Files that `old` has already become links to these.
pub(super) fn fill(
    root: &Path,
    write: &Write<'_>,
    old: Option<&Path>,
    disk: Disk<'_>,
) -> Result<(), PublishError> {
    let meta = root.join(META_DIR);
    // First of all, so that a half-written sibling is known as a rendered tree and not read as anything else.
    disk.write(&meta.join(MANIFEST_FILE), &write.changes.manifest, true)?;
    if let Some(source) = write.source {
        disk.write(&meta.join(SOURCE_FILE), source, true)?;
    }
    let files: Vec<(&RelativePath, &[u8])> = write.tree.iter().collect();
    let place = |part: &[(&RelativePath, &[u8])]| {
        let mut made = HashSet::new();
        for (path, bytes) in part {
            for dir in path.parents().filter(|dir| made.insert(*dir)) {
                disk.ensure_dir(&root.join(dir))?;
            }
            match old.filter(|_| !write.changes.writes(path)) {
                Some(old) => disk.link(&path.under(old), &path.under(root))?,
                None => disk.write(&path.under(root), bytes, false)?,
            }
        }
        Ok(())
    };
    in_parts(&files, place).into_iter().collect()
}
