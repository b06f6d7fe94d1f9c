//! Which files an output directory needs created, updated or removed to become a tree.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::disk::in_parts;
use super::error::{PublishError, io_at};
use super::guard;
use super::journal;
use super::manifest::{Digest, Manifest, is_absent, manifest_path, read_limited};
use super::path::RelativePath;
use super::place::{Found, Places, out_exists};
use super::stamps::{Stamp, Stamps};
use super::tree::{Content, Tree};

/// What is accepted without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether an empty or much smaller tree is written all the same.
    pub force: bool,
    /// The share of the owned files, in percent, that may disappear at once. Fewer than 10 files always may.
    pub max_lost_files_percent: u8,
    /// The share of the cluster directories, in percent, that may disappear at once. One always may.
    pub max_lost_clusters_percent: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { force: false, max_lost_files_percent: 30, max_lost_clusters_percent: 20 }
    }
}

/// What has to change in an output directory. Paths are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that are not on disk.
    pub created: Vec<RelativePath>,
    /// Files whose bytes on disk are other ones.
    pub updated: Vec<RelativePath>,
    /// Owned files that are no longer rendered.
    pub removed: Vec<RelativePath>,
    /// How many files are on disk as they should be.
    pub unchanged: usize,
    /// Owned files that somebody edited or deleted since they were written. They are in one of the lists above
    /// too: what was done by hand does not stay.
    pub drifted: Vec<RelativePath>,
    /// Whether an earlier write was interrupted. The lists are empty then: [`super::recover`] comes first.
    pub unfinished: bool,
    /// Whether the manifest on disk is another one, or absent.
    pub manifest_changed: bool,
    pub(super) manifest: Vec<u8>,
    pub(super) base: Base,
}

/// What the changes were planned against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Base {
    /// There was no output directory.
    #[default]
    NoDirectory,
    /// There was one without a manifest.
    NoManifest,
    /// There was a manifest of this digest.
    Manifest(Digest),
}

impl Base {
    pub(super) fn of(manifest: Option<&[u8]>) -> Self {
        manifest.map_or(Self::NoManifest, |bytes| Self::Manifest(Digest::of(bytes)))
    }
}

impl Changes {
    /// Whether the output directory is the tree already, so that nothing has to be written.
    #[must_use]
    pub fn is_up_to_date(&self) -> bool {
        !self.unfinished
            && !self.manifest_changed
            && self.created.is_empty()
            && self.updated.is_empty()
            && self.removed.is_empty()
    }
}

impl Changes {
    /// Whether the file of the tree is written, since it is absent or has other bytes.
    pub(super) fn writes(&self, path: &RelativePath) -> bool {
        self.creates(path) || self.updated.binary_search(path).is_ok()
    }

    /// Whether the file of the tree is absent.
    pub(super) fn creates(&self, path: &RelativePath) -> bool {
        self.created.binary_search(path).is_ok()
    }
}

/// Compares the output directory with the tree. Nothing is written.
///
/// A file that is there already with the rendered bytes is taken over, whoever wrote it.
///
/// # Errors
/// [`PublishError::Foreign`] when files that are not owned are where others are rendered;
/// [`PublishError::Symlink`] when a link is; [`PublishError::Shrunk`] when the tree is suspiciously small;
/// [`PublishError::Content`] when the manifest is not one; [`PublishError::Io`] when something cannot be read.
pub fn plan(out: &Path, tree: &Tree, options: &Options) -> Result<Changes, PublishError> {
    plan_known(out, tree, options, &mut Stamps::default())
}

/// [`plan`] that reads no file which the stamps vouch for. Afterwards they are those of the files that stay as they are.
///
/// # Errors
/// As there.
pub fn plan_known(
    out: &Path,
    tree: &Tree,
    options: &Options,
    known: &mut Stamps,
) -> Result<Changes, PublishError> {
    let exists = out_exists(out)?;
    if exists && journal::is_present(out)? {
        return Ok(Changes { unfinished: true, ..Changes::default() });
    }
    let files: Vec<(&RelativePath, &Content)> = tree.contents().collect();
    let manifest = Manifest::of(digests(&files));
    let path = manifest_path(out);
    let bytes = manifest
        .to_bytes()
        .map_err(|error| PublishError::Content { path: path.clone(), source: error.into() })?;
    let old_bytes = if exists { read_limited(&path)? } else { None };
    let manifest_changed = old_bytes.as_deref() != Some(bytes.as_slice());
    let old = match &old_bytes {
        Some(_) if !manifest_changed => manifest,
        Some(old) => Manifest::parse(&path, old)?,
        None => Manifest::of(BTreeMap::new()),
    };
    guard::check(&old, tree, options)?;
    let base = if exists { Base::of(old_bytes.as_deref()) } else { Base::NoDirectory };
    let mut changes = Changes { manifest_changed, manifest: bytes, base, ..Changes::default() };
    if exists {
        compare(out, tree, &files, &old, &mut changes, known)?;
        if !changes.manifest_changed {
            known.seal(out, &changes.manifest);
        }
    } else {
        known.set([]);
        changes.created = files.iter().map(|(path, _)| (*path).clone()).collect();
    }
    Ok(changes)
}

/// The manifest of a tree.
pub(crate) fn manifest(tree: &Tree) -> Manifest {
    Manifest::of(digests(&tree.contents().collect::<Vec<_>>()))
}

fn digests(files: &[(&RelativePath, &Content)]) -> BTreeMap<RelativePath, Digest> {
    let digest = |(path, content): &(&RelativePath, &Content)| ((*path).clone(), content.digest());
    in_parts(files, |part| part.iter().map(digest).collect::<Vec<_>>()).into_iter().flatten().collect()
}

fn compare(
    out: &Path,
    tree: &Tree,
    files: &[(&RelativePath, &Content)],
    old: &Manifest,
    changes: &mut Changes,
    known: &mut Stamps,
) -> Result<(), PublishError> {
    let stamps = &*known;
    let parts = in_parts(files, |part| {
        let mut scan = Scan::new(out, old, stamps);
        part.iter().try_for_each(|(path, content)| scan.rendered(path, content)).map(|()| scan)
    });
    let mut foreign = Vec::new();
    let mut unchanged = Vec::new();
    for scan in parts {
        let scan = scan?;
        changes.created.extend(scan.created);
        changes.updated.extend(scan.updated);
        changes.drifted.extend(scan.drifted);
        unchanged.extend(scan.unchanged);
        foreign.extend(scan.foreign);
    }
    if !foreign.is_empty() {
        foreign.sort();
        foreign.dedup();
        return Err(PublishError::Foreign { paths: foreign });
    }
    let mut scan = Scan::new(out, old, stamps);
    for (path, digest) in old.files() {
        if tree.get(path.as_str()).is_none() {
            scan.no_longer_rendered(path, digest)?;
        }
    }
    changes.removed = scan.removed;
    changes.drifted.extend(scan.drifted);
    changes.drifted.sort();
    changes.unchanged = unchanged.len();
    known.set(unchanged);
    Ok(())
}

/// What was found while looking at some of the paths.
struct Scan<'a> {
    out: &'a Path,
    old: &'a Manifest,
    known: &'a Stamps,
    places: Places<'a>,
    buffer: Vec<u8>,
    created: Vec<RelativePath>,
    updated: Vec<RelativePath>,
    removed: Vec<RelativePath>,
    drifted: Vec<RelativePath>,
    foreign: Vec<RelativePath>,
    unchanged: Vec<(RelativePath, Stamp)>,
}

impl<'a> Scan<'a> {
    fn new(out: &'a Path, old: &'a Manifest, known: &'a Stamps) -> Self {
        Self {
            out,
            old,
            known,
            places: Places::below(out),
            buffer: Vec::new(),
            created: Vec::new(),
            updated: Vec::new(),
            removed: Vec::new(),
            drifted: Vec::new(),
            foreign: Vec::new(),
            unchanged: Vec::new(),
        }
    }

    fn rendered(&mut self, path: &RelativePath, content: &Content) -> Result<(), PublishError> {
        match self.places.look(path)? {
            Found::Nothing => self.create(path),
            Found::File(meta) => self.existing(path, content, &meta)?,
            // An owned file in the way is no longer rendered, or the tree would hold a file inside a file.
            Found::Blocked(at) => match self.old.files().get_key_value(at.as_str()) {
                Some(_) => self.create(path),
                None => self.foreign.push(RelativePath::new(at).unwrap_or_else(|_| path.clone())),
            },
            Found::Directory if self.will_vanish(path)? => self.create(path),
            Found::Directory | Found::Other => self.foreign.push(path.clone()),
        }
        Ok(())
    }

    fn create(&mut self, path: &RelativePath) {
        if self.old.files().contains_key(path) {
            self.drifted.push(path.clone());
        }
        self.created.push(path.clone());
    }

    fn existing(
        &mut self,
        path: &RelativePath,
        content: &Content,
        meta: &Metadata,
    ) -> Result<(), PublishError> {
        let at = path.under(self.out);
        let bytes = content.bytes();
        let known = self.known.vouch(path, meta);
        let same = match known {
            Some(digest) => digest == content.digest(),
            None if meta.len() != bytes.len() as u64 => false,
            None => same_bytes(&at, bytes, &mut self.buffer).map_err(io_at("read", &at))?,
        };
        if same {
            self.unchanged.push((path.clone(), Stamp::new(meta, content.digest())));
            return Ok(());
        }
        let Some(written) = self.old.files().get(path) else {
            self.foreign.push(path.clone());
            return Ok(());
        };
        let found = match known {
            Some(digest) => digest,
            None => Digest::of(&fs::read(&at).map_err(io_at("read", &at))?),
        };
        if found != *written {
            self.drifted.push(path.clone());
        }
        self.updated.push(path.clone());
        Ok(())
    }

    fn no_longer_rendered(&mut self, path: &RelativePath, written: &Digest) -> Result<(), PublishError> {
        // Whatever else is there instead of the file is not the file, and not ours.
        if let Found::File(_) = self.places.look(path)? {
            let at = path.under(self.out);
            if Digest::of(&fs::read(&at).map_err(io_at("read", &at))?) != *written {
                self.drifted.push(path.clone());
            }
            self.removed.push(path.clone());
        }
        Ok(())
    }

    /// Whether a directory where a file is rendered holds nothing but owned files, which then all go: no other
    /// rendered file can be below it.
    fn will_vanish(&self, dir: &RelativePath) -> Result<bool, PublishError> {
        let mut pending = vec![dir.as_str().to_owned()];
        while let Some(dir) = pending.pop() {
            let at = self.out.join(&dir);
            let mut is_empty = true;
            for entry in fs::read_dir(&at).map_err(io_at("list", &at))? {
                let entry = entry.map_err(io_at("list", &at))?;
                is_empty = false;
                let Ok(name) = entry.file_name().into_string() else { return Ok(false) };
                let below = format!("{dir}/{name}");
                let kind = entry.file_type().map_err(io_at("look at", &entry.path()))?;
                if kind.is_dir() {
                    pending.push(below);
                } else if !(kind.is_file() && self.old.files().contains_key(below.as_str())) {
                    return Ok(false);
                }
            }
            if is_empty {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a file of the same size has these bytes. One that vanished or shrank meanwhile has not.
fn same_bytes(path: &Path, bytes: &[u8], buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(false),
        Err(error) => return Err(error),
    };
    buffer.resize(bytes.len(), 0);
    match file.read_exact(buffer) {
        Ok(()) => Ok(buffer == bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
