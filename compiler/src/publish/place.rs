//! What is on disk where a rendered file belongs, without ever following a link below the output directory.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::{PublishError, io_at};
use super::manifest::is_absent;
use super::path::RelativePath;

/// What is at a path.
pub(super) enum Found {
    /// Nothing: the name is free.
    Nothing,
    /// A regular file.
    File(Metadata),
    /// A directory.
    Directory,
    /// Something that is none of these: a socket, a device.
    Other,
    /// This path above it is not a directory.
    Blocked(String),
}

#[derive(Clone)]
enum Parent {
    Directory,
    Missing,
    Blocked(String),
}

/// Looks at paths below one directory and remembers the directories it has seen.
pub(super) struct Places<'a> {
    root: &'a Path,
    parents: BTreeMap<String, Parent>,
}

impl<'a> Places<'a> {
    pub(super) fn below(root: &'a Path) -> Self {
        Self { root, parents: BTreeMap::new() }
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// [`PublishError::Symlink`] when it, or a directory above it, is a symbolic link.
    pub(super) fn look(&mut self, path: &RelativePath) -> Result<Found, PublishError> {
        match self.parent(path)? {
            Parent::Missing => Ok(Found::Nothing),
            Parent::Blocked(at) => Ok(Found::Blocked(at)),
            Parent::Directory => look(&path.under(self.root)),
        }
    }

    fn parent(&mut self, path: &RelativePath) -> Result<Parent, PublishError> {
        let mut parent = Parent::Directory;
        if let Some(nearest) = path.parents().next_back().and_then(|dir| self.parents.get(dir)) {
            return Ok(nearest.clone());
        }
        for dir in path.parents() {
            parent = match (parent, self.parents.get(dir)) {
                (_, Some(known)) => known.clone(),
                (Parent::Directory, None) => match look(&self.root.join(dir))? {
                    Found::Directory => Parent::Directory,
                    Found::Nothing => Parent::Missing,
                    _ => Parent::Blocked(dir.to_owned()),
                },
                (parent, None) => parent,
            };
            self.parents.insert(dir.to_owned(), parent.clone());
        }
        Ok(parent)
    }

    /// Creates the directories above `path` that are missing, and returns those in which a name was created.
    pub(super) fn create_parents(
        &mut self,
        path: &RelativePath,
        disk: Disk<'_>,
    ) -> Result<Vec<PathBuf>, PublishError> {
        let mut changed = Vec::new();
        let mut above = self.root.to_owned();
        for dir in path.parents() {
            let at = self.root.join(dir);
            if !matches!(self.parents.get(dir), Some(Parent::Directory)) {
                match look(&at)? {
                    Found::Directory => {}
                    Found::Nothing => {
                        disk.create_dir(&at)?;
                        changed.push(above);
                    }
                    _ => return Err(PublishError::NotADirectory { path: at }),
                }
                self.parents.insert(dir.to_owned(), Parent::Directory);
            }
            above = at;
        }
        Ok(changed)
    }

    /// Forgets what was seen of a directory that was removed.
    pub(super) fn forget(&mut self, dir: &str) {
        self.parents.remove(dir);
    }
}

/// What is at `path` itself.
///
/// # Errors
/// [`PublishError::Symlink`] when it is a symbolic link.
pub(super) fn look(path: &Path) -> Result<Found, PublishError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Found::File(meta)),
        Ok(meta) if meta.is_dir() => Ok(Found::Directory),
        Ok(meta) if meta.is_symlink() => Err(PublishError::Symlink { path: path.to_owned() }),
        Ok(_) => Ok(Found::Other),
        Err(error) if is_absent(&error) => Ok(Found::Nothing),
        Err(error) => Err(io_at("look at", path)(error)),
    }
}

/// The path of a directory without links, `.` and `..`.
pub(super) fn real(dir: &Path) -> Result<PathBuf, PublishError> {
    fs::canonicalize(dir).map_err(io_at("look at", dir))
}

/// Whether two looks were at one file; nothing where files have no identity to compare.
#[cfg(unix)]
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    Some((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

#[cfg(not(unix))]
pub(super) fn is_same(_: &Metadata, _: &Metadata) -> Option<bool> {
    None
}

/// Whether the output directory exists.
///
/// # Errors
/// [`PublishError::NotADirectory`] when something else is there, [`PublishError::Symlink`] when it, or its
/// `.meshwright`, is a link that leads nowhere or away. The output directory itself may be a link to a directory.
pub(super) fn out_exists(out: &Path) -> Result<bool, PublishError> {
    match fs::metadata(out) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(PublishError::NotADirectory { path: out.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            look(out)?;
            return Ok(false);
        }
        Err(error) => return Err(io_at("look at", out)(error)),
    }
    let meta = out.join(super::manifest::META_DIR);
    match look(&meta)? {
        Found::Directory | Found::Nothing => Ok(true),
        _ => Err(PublishError::NotADirectory { path: meta }),
    }
}
