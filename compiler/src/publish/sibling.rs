//! The directory beside an output directory in which a tree is made: `.<name>.meshwright-new`. After an exchange
//! it holds the tree of before, until that is removed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use super::disk::{Disk, in_parts};
use super::error::{PublishError, io_at};
use super::journal::Recovery;
use super::lock::Lock;
use super::manifest::{META_DIR, META_FILES, Manifest, is_absent};
use super::path::RelativePath;
use super::place::{Found, is_same, look};

/// The place of such a directory, whether it is there or not.
#[derive(Debug)]
pub(super) struct Sibling {
    /// The directory that holds it and the output directory.
    pub(super) parent: PathBuf,
    pub(super) path: PathBuf,
}

impl Sibling {
    /// That of an output directory, which need not be there.
    ///
    /// # Errors
    /// [`PublishError::Unnamed`] when the path does not end in a name.
    pub(super) fn of(out: &Path) -> Result<Self, PublishError> {
        let name = out.file_name().ok_or_else(|| PublishError::Unnamed { path: out.to_owned() })?;
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(".meshwright-new");
        let path = parent.join(temporary);
        Ok(Self { parent, path })
    }

    /// Whether a directory is there that an interrupted write left.
    pub(super) fn is_left(&self) -> bool {
        let is_directory = |path: &Path| matches!(look(path), Ok(Found::Directory));
        is_directory(&self.path) && (is_directory(&self.path.join(META_DIR)) || is_empty(&self.path))
    }

    /// Removes what an interrupted write left, if it did.
    ///
    /// # Errors
    /// [`PublishError::Locked`] when it is still being written, [`PublishError::NotADirectory`] or
    /// [`PublishError::Foreign`] when something that meshwright did not create has its name.
    pub(super) fn discard(&self, out: &Path, disk: Disk<'_>) -> Result<Recovery, PublishError> {
        match look(&self.path)? {
            Found::Nothing => return Ok(Recovery::Nothing),
            Found::Directory => {}
            _ => return Err(PublishError::NotADirectory { path: self.path.clone() }),
        }
        // Killed right after it was created, or right before it was gone.
        if disk.remove_empty_dir(&self.path)? {
            return Ok(Recovery::Discarded);
        }
        if !self.is_left() {
            return Err(PublishError::Foreign { paths: self.name() });
        }
        let lock = Lock::acquire(&self.path)?;
        self.retire(out, lock, disk)?;
        Ok(Recovery::Discarded)
    }

    /// Removes what meshwright wrote there. What somebody else put there meanwhile, while it was the output
    /// directory, moves to `out`.
    ///
    /// # Errors
    /// [`PublishError::Foreign`] when it cannot, since `out` holds something else there.
    pub(super) fn retire(&self, out: &Path, lock: Lock, disk: Disk<'_>) -> Result<(), PublishError> {
        // A manifest that was cut short is from before anything else was written.
        let manifest = Manifest::read(&self.path).ok().flatten();
        let files: Vec<&RelativePath> =
            manifest.iter().flat_map(|manifest| manifest.files().keys()).collect();
        let remove = |part: &[&RelativePath]| {
            part.iter().try_for_each(|path| disk.remove_file(&path.under(&self.path)))
        };
        in_parts(&files, remove).into_iter().collect::<Result<(), _>>()?;
        let directories: BTreeSet<&str> = files.iter().flat_map(|path| path.parents()).collect();
        for directory in directories.into_iter().rev() {
            disk.remove_empty_dir(&self.path.join(directory))?;
        }
        let mut sweep = Sweep { root: &self.path, out, disk, kept: false };
        sweep.directory(&self.path)?;
        if sweep.kept {
            return Err(PublishError::Foreign { paths: self.name() });
        }
        // The manifest goes last: a killed removal goes on by it.
        for name in META_FILES.iter().rev() {
            disk.remove_file(&self.path.join(META_DIR).join(name))?;
        }
        drop(lock);
        disk.remove_empty_dir(&self.path)?;
        Ok(())
    }

    fn name(&self) -> Vec<RelativePath> {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.and_then(|name| RelativePath::new(name).ok()).into_iter().collect()
    }
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// Empties directories of which the files that meshwright knows are gone.
struct Sweep<'a> {
    root: &'a Path,
    out: &'a Path,
    disk: Disk<'a>,
    /// Whether something had to stay.
    kept: bool,
}

impl Sweep<'_> {
    fn directory(&mut self, dir: &Path) -> Result<(), PublishError> {
        let entries = fs::read_dir(dir).map_err(io_at("read directory", dir))?;
        for entry in entries {
            let entry = entry.map_err(io_at("read directory", dir))?;
            let path = entry.path();
            if dir == self.root && entry.file_name() == META_DIR {
                continue;
            }
            if entry.file_type().map_err(io_at("look at", &path))?.is_dir() {
                self.directory(&path)?;
                self.disk.remove_empty_dir(&path)?;
            } else {
                self.file(&entry, &path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &DirEntry, path: &Path) -> Result<(), PublishError> {
        let Ok(below) = path.strip_prefix(self.root) else { return Ok(()) };
        let place = self.out.join(below);
        let meta = entry.metadata().map_err(io_at("look at", path))?;
        match fs::symlink_metadata(&place) {
            Ok(there) if is_same(&meta, &there) == Some(true) => self.disk.remove_file(path),
            Err(error) if is_absent(&error) && self.out.is_dir() => {
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent).map_err(io_at("create directory", parent))?;
                }
                self.disk.rename(path, &place)
            }
            _ => {
                self.kept = true;
                Ok(())
            }
        }
    }
}
