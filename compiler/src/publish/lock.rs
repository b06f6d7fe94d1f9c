//! The lock that keeps two writers apart.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::error::{PublishError, io_at};
use super::manifest::{META_DIR, is_absent};
use super::place::{Found, is_same, look};

/// The name of the lock in [`META_DIR`].
pub(super) const LOCK_FILE: &str = "lock";

/// How often a lock file that vanished while it was being locked is created again.
const ATTEMPTS: usize = 16;

/// An exclusive advisory lock on `<root>/.meshwright/lock`, held until dropped.
///
/// The system releases it when the process ends, however it ends. The file is removed on release, so that a
/// finished tree holds nothing but what was rendered and its manifest.
pub(super) struct Lock {
    _file: File,
    meta: PathBuf,
}

impl Lock {
    /// Takes the lock of the tree at `root`, creating `.meshwright` if needed.
    ///
    /// # Errors
    /// [`PublishError::Locked`] when another process holds it.
    pub(super) fn acquire(root: &Path) -> Result<Self, PublishError> {
        let meta = root.join(META_DIR);
        let path = meta.join(LOCK_FILE);
        for _ in 0..ATTEMPTS {
            if let Some(file) = try_once(&meta, &path)? {
                return Ok(Self { _file: file, meta });
            }
        }
        Err(PublishError::Locked { path })
    }

    /// Says that the locked tree was renamed to `root`.
    pub(super) fn moved_to(&mut self, root: &Path) {
        self.meta = root.join(META_DIR);
    }
}

fn try_once(meta: &Path, path: &Path) -> Result<Option<File>, PublishError> {
    match look(meta)? {
        Found::Directory => {}
        Found::Nothing => match fs::create_dir(meta) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io_at("create directory", meta)(error));
            }
            _ => {}
        },
        _ => return Err(PublishError::NotADirectory { path: meta.to_owned() }),
    }
    if !matches!(look(path)?, Found::Nothing | Found::File(_)) {
        return Err(PublishError::NotAFile { path: path.to_owned() });
    }
    let file = match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
        Ok(file) => file,
        // The writer before removed `.meshwright`, which was empty, just now.
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(io_at("open", path)(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(is_still_at(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Err(PublishError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_at("lock", path)(error)),
    }
}

/// Whether the locked file is the one that the next writer would open: its last holder removes it.
fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => is_same(&held, &there) != Some(false),
        _ => false,
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where files have no identity to compare (`is_still_at`), the file stays.
        if cfg!(unix) {
            let _next_writer_reuses_it = fs::remove_file(self.meta.join(LOCK_FILE));
        }
        let _not_empty_is_usual = fs::remove_dir(&self.meta);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::acquire(dir.path()).unwrap();
        let error = Lock::acquire(dir.path()).map(|_| ()).expect_err("held");
        assert!(
            matches!(&error, PublishError::Locked { path } if path.ends_with(".meshwright/lock")),
            "{error}"
        );
        drop(first);
        drop(Lock::acquire(dir.path()).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a released lock must leave nothing");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::create_dir(dir.path().join(META_DIR)).unwrap();
        std::os::unix::fs::symlink(&target, dir.path().join(META_DIR).join("lock")).unwrap();
        assert!(matches!(Lock::acquire(dir.path()).map(|_| ()), Err(PublishError::Symlink { .. })));
        assert!(!target.exists());
    }
}
