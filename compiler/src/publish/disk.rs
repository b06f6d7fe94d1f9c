//! Every change of the file system that publishing makes, one method each, so that tests can stop between any
//! two of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::error::{PublishError, io_at};
use super::manifest::is_absent;
use crate::threads;

/// Called before each change with the name of the change; an error is reported as if the system had refused it.
pub(super) type Hook<'a> = &'a (dyn Fn(&'static str) -> io::Result<()> + Sync);

/// The file system, with a hook before each change.
#[derive(Clone, Copy)]
pub(super) struct Disk<'a> {
    hook: Hook<'a>,
    /// Whether to wait for the disk. A killed process loses nothing that it has written; only a power cut does.
    sync: bool,
}

impl Disk<'_> {
    /// The file system as it is.
    pub(super) fn real() -> Disk<'static> {
        Disk { hook: &|_| Ok(()), sync: true }
    }
}

impl<'a> Disk<'a> {
    /// The file system with `hook` before each change, and without waiting for the disk.
    #[cfg(test)]
    pub(super) fn hooked(hook: Hook<'a>) -> Self {
        Disk { hook, sync: false }
    }

    fn step(self, action: &'static str, path: &Path) -> Result<(), PublishError> {
        (self.hook)(action).map_err(io_at(action, path))
    }

    /// Creates a directory that is not there.
    pub(super) fn create_dir(self, path: &Path) -> Result<(), PublishError> {
        self.step("create directory", path)?;
        fs::create_dir(path).map_err(io_at("create directory", path))
    }

    /// Creates a directory unless another thread of this writer was faster.
    pub(super) fn ensure_dir(self, path: &Path) -> Result<(), PublishError> {
        self.step("create directory", path)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(io_at("create directory", path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file that is not there, with mode 0644; `durable` waits until it is on the disk.
    pub(super) fn write(self, path: &Path, bytes: &[u8], durable: bool) -> Result<(), PublishError> {
        self.step("create", path)?;
        let mut file = create_new(path).map_err(io_at("create", path))?;
        self.step("write", path)?;
        file.write_all(bytes).map_err(io_at("write", path))?;
        plain_mode(&file).map_err(io_at("set the mode of", path))?;
        if durable {
            self.step("sync", path)?;
            if self.sync {
                file.sync_all().map_err(io_at("sync", path))?;
            }
        }
        Ok(())
    }

    /// Renames within the file system.
    pub(super) fn rename(self, from: &Path, to: &Path) -> Result<(), PublishError> {
        self.step("rename to", to)?;
        fs::rename(from, to).map_err(io_at("rename to", to))
    }

    /// Gives a file a second name.
    pub(super) fn link(self, from: &Path, to: &Path) -> Result<(), PublishError> {
        self.step("link", to)?;
        fs::hard_link(from, to).map_err(io_at("link", to))
    }

    /// Exchanges two directories of one file system: at every moment each name leads to one of them.
    pub(super) fn exchange(self, one: &Path, other: &Path) -> Result<(), PublishError> {
        self.step("exchange", other)?;
        exchange(one, other).map_err(io_at("exchange", other))
    }

    /// Removes a file; it is no error when nothing is there.
    pub(super) fn remove_file(self, path: &Path) -> Result<(), PublishError> {
        self.step("remove", path)?;
        absent_is_fine(fs::remove_file(path)).map_err(io_at("remove", path))
    }

    /// Removes a directory if it is empty, and says whether it is gone.
    pub(super) fn remove_empty_dir(self, path: &Path) -> Result<bool, PublishError> {
        self.step("remove directory", path)?;
        Ok(absent_is_fine(fs::remove_dir(path)).is_ok())
    }

    /// Removes a directory with everything in it, not following links.
    pub(super) fn remove_dir_all(self, path: &Path) -> Result<(), PublishError> {
        self.step("remove directory", path)?;
        absent_is_fine(fs::remove_dir_all(path)).map_err(io_at("remove directory", path))
    }

    /// Waits until a file, or the names in a directory, are on the disk. For directories only Unix needs and allows this.
    pub(super) fn sync(self, path: &Path) -> Result<(), PublishError> {
        self.step("sync", path)?;
        if cfg!(unix) && self.sync {
            File::open(path).and_then(|file| file.sync_all()).map_err(io_at("sync", path))?;
        }
        Ok(())
    }
}

/// Whether the system can exchange two directories.
pub(super) const CAN_EXCHANGE: bool = cfg!(any(target_os = "linux", target_vendor = "apple"));

/// `renameat2(2)` with `RENAME_EXCHANGE`, since Linux 3.15; `renamex_np(2)` with `RENAME_SWAP`, since macOS 10.12.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        other => other,
    }
}

/// Creates a file with the mode that [`plain_mode`] wants, unless the process masks more: so it mostly need not be set.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path)
}

#[cfg(unix)]
fn plain_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    const PLAIN: u32 = 0o644;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o7777 == PLAIN { Ok(()) } else { file.set_permissions(fs::Permissions::from_mode(PLAIN)) }
}

#[cfg(not(unix))]
fn plain_mode(_: &File) -> io::Result<()> {
    Ok(())
}

/// Below this many files, threads cost more than they save.
const MIN_PARALLEL: usize = 128;

/// How many syncs wait at once: the file system completes those that wait together with one commit of its log.
const SYNCS: usize = 16;

/// Runs `work` over contiguous parts of many files on all processors; the results are in the order of the parts.
pub(super) fn in_parts<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    threads::in_parts(items, MIN_PARALLEL, work)
}

/// Runs `sync`, which waits for the disk, for every item, several at once.
///
/// # Errors
/// The first error in the order of the items' parts.
pub(super) fn sync_all<T: Sync>(
    items: &[T],
    sync: impl Fn(&T) -> Result<(), PublishError> + Sync,
) -> Result<(), PublishError> {
    threads::on_threads(SYNCS, items, |part| part.iter().try_for_each(&sync)).into_iter().collect()
}
