//! Bringing a directory to a tree by exchanging it for another one, which was made beside it: before the exchange
//! every reader sees the tree of before, and from then on the new one, whatever becomes of the process.
//!
//! What does not change is linked into the new directory, and so is what others put there, so that every file stays the one
//! that it was. Directories cannot be linked: they are made again with mode and owner. That is not done to the directory
//! of a Git repository, whose programs would lose theirs under their feet. Nor is anything exchanged that cannot be: a
//! mount point; the working directory, which the caller's shell would lose.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::apply::Write;
use super::disk::{CAN_EXCHANGE, Disk, sync_all};
use super::error::{PublishError, io_at};
use super::fresh::fill;
use super::lock::{LOCK_FILE, Lock};
use super::manifest::{META_DIR, META_FILES, SOURCE_FILE};
use super::path::RelativePath;
use super::sibling::Sibling;

/// Brings `out`, whose lock is held, to the tree. Gives the lock back if that has to be done in another way; nothing has
/// changed then.
///
/// # Errors
/// When the system refuses something for a reason that does not lie in what is asked of it, such as a full disk; before
/// the exchange nothing has changed then.
pub(super) fn exchange(
    out: &Path,
    write: &Write<'_>,
    lock: Lock,
    disk: Disk<'_>,
) -> Result<Option<Lock>, PublishError> {
    let Some(old) = Old::survey(out, write) else { return Ok(Some(lock)) };
    let Ok(sibling) = Sibling::of(&old.path) else { return Ok(Some(lock)) };
    if sibling.discard(&old.path, disk).is_err() || disk.create_dir(&sibling.path).is_err() {
        return Ok(Some(lock));
    }
    match old.replace(&sibling, write, disk) {
        Ok(new_lock) => {
            let mut old_lock = lock;
            old_lock.moved_to(&sibling.path);
            disk.sync(&sibling.parent)?;
            sibling.retire(&old.path, old_lock, disk)?;
            drop(new_lock);
            Ok(None)
        }
        Err(refusal) => {
            let _the_refusal_counts = fs::remove_dir_all(&sibling.path);
            match refusal {
                Refusal::Unlike => Ok(Some(lock)),
                Refusal::Failed(PublishError::Io { source, .. }) if is_inability(&source) => Ok(Some(lock)),
                Refusal::Failed(error) => Err(error),
            }
        }
    }
}

/// Whether the file system, or what the process may do there, does not allow links or an exchange, or files of others do
/// not fit into the new directory.
fn is_inability(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
            | ErrorKind::CrossesDevices
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::InvalidInput
            | ErrorKind::TooManyLinks
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
    )
}

/// Why a directory was not replaced.
enum Refusal {
    /// A new directory would not have the owner of the old one.
    Unlike,
    Failed(PublishError),
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        Refusal::Failed(error)
    }
}

/// More files of others than these are not a few beside rendered ones.
const MOST_FOREIGN: usize = 10_000;

/// A directory that may be replaced.
struct Old {
    /// Without links.
    path: PathBuf,
    /// It, as the empty path, and every directory in it, each after the one that holds it.
    directories: Vec<(PathBuf, Metadata)>,
    /// The directories, of these, and the files of others, which stay.
    foreign_directories: Vec<PathBuf>,
    foreign_files: Vec<PathBuf>,
}

impl Old {
    /// Looks at everything in the directory, and whether it can be replaced.
    fn survey(out: &Path, write: &Write<'_>) -> Option<Old> {
        let path = fs::canonicalize(out).ok().filter(|_| CAN_EXCHANGE)?;
        if std::env::current_dir().is_ok_and(|current| current.starts_with(&path)) {
            return None;
        }
        let root = fs::metadata(&path).ok()?;
        if device(&root) != device(&fs::metadata(path.parent()?).ok()?) {
            return None;
        }
        let stay = write.tree.iter().map(|(path, _)| path).filter(|path| !write.changes.creates(path));
        let known: Vec<&RelativePath> = stay.chain(&write.changes.removed).collect();
        let known_directories: HashSet<&str> = known.iter().flat_map(|path| path.parents()).collect();
        let known_files: HashSet<&str> = known.iter().map(|path| path.as_str()).collect();
        let mut old =
            Old { path, directories: Vec::new(), foreign_directories: Vec::new(), foreign_files: Vec::new() };
        let mut open = vec![String::new()];
        while let Some(name) = open.pop() {
            let directory = old.path.join(&name);
            let meta = fs::symlink_metadata(&directory).ok()?;
            if device(&meta) != device(&root) || !is_writable(&meta) {
                return None;
            }
            for entry in fs::read_dir(&directory).ok()? {
                let entry = entry.ok()?;
                let own = entry.file_name().into_string().ok()?;
                let is_repository = own == ".git";
                let below = if name.is_empty() { own } else { format!("{name}/{own}") };
                let kind = entry.file_type().ok()?;
                if kind.is_dir() {
                    if is_repository {
                        return None;
                    }
                    if below != META_DIR && !known_directories.contains(below.as_str()) {
                        old.foreign_directories.push(PathBuf::from(&below));
                    }
                    open.push(below);
                } else if name == META_DIR {
                    if !is_of_a_complete_tree(&entry) {
                        return None;
                    }
                } else if !(kind.is_file() && known_files.contains(below.as_str())) {
                    // Where a file is to be created there must be none: writing one by one says so.
                    let is_in_the_way = write.tree.get(&below).is_some();
                    if is_in_the_way || !(kind.is_file() || kind.is_symlink()) {
                        return None;
                    }
                    old.foreign_files.push(PathBuf::from(below));
                }
            }
            old.directories.push((PathBuf::from(name), meta));
            if old.foreign_files.len() + old.foreign_directories.len() > MOST_FOREIGN {
                return None;
            }
        }
        Some(old)
    }

    /// Makes the new directory beside the old one and exchanges them. Returns the lock of the new one.
    fn replace(&self, sibling: &Sibling, write: &Write<'_>, disk: Disk<'_>) -> Result<Lock, Refusal> {
        let mut planned = write.changes.created.iter().chain(&write.changes.updated);
        if let Some(path) = planned.find(|path| write.tree.get(path.as_str()).is_none()) {
            return Err(PublishError::NotInTree { path: path.clone() }.into());
        }
        let new = sibling.path.as_path();
        let mut lock = Lock::acquire(new)?;
        fill(new, write, Some(&self.path), disk)?;
        self.keep_foreign(new, disk)?;
        self.keep_source(new, write, disk)?;
        for (name, meta) in &self.directories {
            make_like(meta, &new.join(name))?;
        }
        sync(new, write, disk)?;
        disk.exchange(new, &self.path)?;
        lock.moved_to(&self.path);
        Ok(lock)
    }

    fn keep_foreign(&self, new: &Path, disk: Disk<'_>) -> Result<(), PublishError> {
        let around = self.foreign_files.iter().filter_map(|file| file.parent());
        for directory in self.foreign_directories.iter().map(PathBuf::as_path).chain(around) {
            for above in directory.ancestors().collect::<Vec<_>>().into_iter().rev() {
                disk.ensure_dir(&new.join(above))?;
            }
        }
        self.foreign_files.iter().try_for_each(|file| disk.link(&self.path.join(file), &new.join(file)))
    }

    /// Where nothing is said of where the tree comes from, what was said stays.
    fn keep_source(&self, new: &Path, write: &Write<'_>, disk: Disk<'_>) -> Result<(), PublishError> {
        let at = |root: &Path| root.join(META_DIR).join(SOURCE_FILE);
        if write.source.is_none() && at(&self.path).exists() {
            return disk.link(&at(&self.path), &at(new));
        }
        Ok(())
    }
}

fn is_of_a_complete_tree(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name == LOCK_FILE || META_FILES.iter().any(|of_tree| name == *of_tree)
}

/// Waits until the new bytes are on the disk. Names need no waiting: they were made before the exchange, and file
/// systems that keep a journal write what was done in its order.
fn sync(new: &Path, write: &Write<'_>, disk: Disk<'_>) -> Result<(), PublishError> {
    let files = write.tree.iter().map(|(path, _)| path);
    let written: Vec<&RelativePath> = files.filter(|path| write.changes.writes(path)).collect();
    sync_all(&written, |path| disk.sync(&path.under(new)))
}

/// Gives a new directory, if it is there, the mode of the old one.
#[cfg(unix)]
fn make_like(old: &Metadata, new: &Path) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt;
    let Ok(made) = fs::symlink_metadata(new) else { return Ok(()) };
    if !made.is_dir() {
        return Ok(());
    }
    if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
        return Err(Refusal::Unlike);
    }
    if made.mode() != old.mode() {
        fs::set_permissions(new, old.permissions()).map_err(io_at("set the mode of", new))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_like(_: &Metadata, _: &Path) -> Result<(), Refusal> {
    Ok(())
}

#[cfg(unix)]
fn device(meta: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::dev(meta)
}

#[cfg(not(unix))]
fn device(_: &Metadata) -> u64 {
    0
}

/// Whether names in the directory may be made and removed by its owner.
#[cfg(unix)]
fn is_writable(meta: &Metadata) -> bool {
    const OWNER_WRITES_AND_ENTERS: u32 = 0o300;
    std::os::unix::fs::MetadataExt::mode(meta) & OWNER_WRITES_AND_ENTERS == OWNER_WRITES_AND_ENTERS
}

#[cfg(not(unix))]
fn is_writable(_: &Metadata) -> bool {
    true
}
