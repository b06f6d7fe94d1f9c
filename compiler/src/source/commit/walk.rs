//! The walk over a tree of Git objects.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{Kind, TreeRefIter};
use meshwright_policies::finding::Finding;
use meshwright_policies::node::FileId;
use meshwright_policies::sources::SUBMODULE_IN_INTENT;

use super::links::{Links, Target};
use super::{GitError, Repository, Revision};
use crate::source::discover::{
    DEEP_NAMED, DiscoverOptions, Found, PACKAGES, RENDERED_MARKER, SourceError, at_file, hidden_by_link,
    is_yaml, join, lfs_pointer, not_descended,
};

/// Most entries of all trees that are looked at: one small tree that names itself many times over can hold more files
/// than there are atoms.
const MOST_ENTRIES: usize = 4_000_000;

/// One entry of a tree.
struct Entry {
    name: Vec<u8>,
    kind: EntryKind,
    id: ObjectId,
}

/// What a walk has seen. Keys are paths as they are shown, then as they are: names need not be UTF-8.
struct Walk<'a> {
    repository: &'a Repository,
    revision: &'a Revision,
    root: String,
    options: DiscoverOptions,
    entries: usize,
    /// Trees that hold nothing to read, at whatever depth: looked into once.
    barren: BTreeSet<ObjectId>,
    files: BTreeMap<(String, Vec<u8>), ObjectId>,
    directories: BTreeSet<Vec<u8>>,
    links: BTreeMap<(String, Vec<u8>), Vec<u8>>,
    submodules: Vec<(String, ObjectId)>,
    rendered: Vec<String>,
    /// Directories that lie too deep, and the first of them.
    too_deep: usize,
    deep: Vec<String>,
}

pub(super) fn discover(
    repository: &Repository,
    revision: &Revision,
    root: &str,
    options: DiscoverOptions,
) -> Result<Found, SourceError> {
    let mut walk = Walk {
        repository,
        revision,
        root: if root.is_empty() { ".".to_owned() } else { root.to_owned() },
        options,
        entries: 0,
        barren: BTreeSet::new(),
        files: BTreeMap::new(),
        directories: BTreeSet::new(),
        links: BTreeMap::new(),
        submodules: Vec::new(),
        rendered: Vec::new(),
        too_deep: 0,
        deep: Vec::new(),
    };
    let (kind, id) = walk.descend(root.as_bytes())?.ok_or_else(|| walk.not_there())?;
    match kind {
        EntryKind::Tree => walk.directory(id, root, root.as_bytes(), 0)?,
        EntryKind::Blob | EntryKind::BlobExecutable => {
            walk.files.insert((root.to_owned(), root.as_bytes().to_vec()), id);
        }
        EntryKind::Link => return Err(walk.not_followed("symbolic link").into()),
        EntryKind::Commit => return Err(walk.not_followed("submodule").into()),
    }
    walk.finish()
}

impl Walk<'_> {
    /// The object at a path of the commit.
    fn descend(&self, path: &[u8]) -> Result<Option<(EntryKind, ObjectId)>, GitError> {
        let mut at = (EntryKind::Tree, self.revision.tree);
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            if at.0 != EntryKind::Tree {
                return Ok(None);
            }
            let shown = String::from_utf8_lossy(path);
            let entries = self.entries(at.1, &shown)?;
            match entries.into_iter().find(|entry| entry.name == part) {
                Some(entry) => at = (entry.kind, entry.id),
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn entries(&self, id: ObjectId, path: &str) -> Result<Vec<Entry>, GitError> {
        let object = self.repository.object(id, &self.revision.rev, path)?;
        let damaged = || self.repository.damaged(id);
        if object.kind != Kind::Tree {
            return Err(damaged());
        }
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&object.data, id.kind()) {
            let entry = entry.map_err(|_| damaged())?;
            let name = entry.filename.to_vec();
            // `git fsck` refuses such names; a path made of them would be shown as another.
            if name.is_empty() || name.contains(&b'/') {
                return Err(damaged());
            }
            entries.push(Entry { name, kind: entry.mode.kind(), id: entry.oid.to_owned() });
        }
        Ok(entries)
    }

    fn directory(&mut self, id: ObjectId, path: &str, raw: &[u8], depth: usize) -> Result<(), SourceError> {
        let shown = if path.is_empty() { "." } else { path };
        if depth > self.options.max_depth {
            self.too_deep += 1;
            if self.deep.len() < DEEP_NAMED {
                self.deep.push(shown.to_owned());
            }
            return Ok(());
        }
        if self.barren.contains(&id) {
            self.directories.insert(raw.to_vec());
            return Ok(());
        }
        let entries = self.entries(id, shown)?;
        self.entries += entries.len();
        if self.entries > MOST_ENTRIES {
            let (rev, root) = (self.revision.rev.clone(), self.root.clone());
            return Err(GitError::TooManyEntries { rev, root, limit: MOST_ENTRIES }.into());
        }
        if depth > 0 && !self.options.read_rendered && self.is_rendered(&entries, shown)? {
            self.rendered.push(shown.to_owned());
            return Ok(());
        }
        self.directories.insert(raw.to_vec());
        let before = self.seen();
        for entry in entries {
            let is_package = self.options.read_json && entry.name == PACKAGES.as_bytes();
            if !entry.name.starts_with(b".") && !is_package {
                self.entry(entry, path, raw, depth)?;
            }
        }
        if self.seen() == before {
            self.barren.insert(id);
        }
        Ok(())
    }

    /// How much there is to read or to say so far.
    fn seen(&self) -> usize {
        self.files.len() + self.links.len() + self.submodules.len() + self.rendered.len() + self.too_deep
    }

    fn entry(&mut self, entry: Entry, path: &str, raw: &[u8], depth: usize) -> Result<(), SourceError> {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        let path = join(path, &name);
        let raw = if raw.is_empty() { entry.name } else { [raw, b"/", &entry.name].concat() };
        match entry.kind {
            EntryKind::Tree => self.directory(entry.id, &path, &raw, depth + 1)?,
            EntryKind::Blob | EntryKind::BlobExecutable
                if self.options.reads(&name, || self.size(entry.id)) =>
            {
                self.files.insert((path, raw), entry.id);
                if self.files.len() > self.options.max_files {
                    let (root, limit) = (self.root.clone(), self.options.max_files);
                    return Err(SourceError::TooManyFiles { root, limit });
                }
            }
            EntryKind::Blob | EntryKind::BlobExecutable => {}
            EntryKind::Link => {
                let target = self.read(&path, entry.id, &mut links_budget())?;
                self.links.insert((path, raw), target);
            }
            EntryKind::Commit => self.submodules.push((path, entry.id)),
        }
        Ok(())
    }

    /// Bytes of a blob; nothing where it is missing, which reading it tells.
    fn size(&self, id: ObjectId) -> u64 {
        self.repository.git.find_header(id).map_or(0, |header| header.size())
    }

    /// Whether a directory holds the marker of a rendered tree.
    fn is_rendered(&self, entries: &[Entry], path: &str) -> Result<bool, GitError> {
        let Some((directory, marker)) = RENDERED_MARKER.split_once('/') else { return Ok(false) };
        let Some(hidden) =
            entries.iter().find(|e| e.name == directory.as_bytes() && e.kind == EntryKind::Tree)
        else {
            return Ok(false);
        };
        let inside = self.entries(hidden.id, path)?;
        let is_file = |kind| matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
        Ok(inside.iter().any(|entry| entry.name == marker.as_bytes() && is_file(entry.kind)))
    }

    /// Reads a blob, if it is not larger than what is left.
    fn read(&self, path: &str, id: ObjectId, left: &mut u64) -> Result<Vec<u8>, SourceError> {
        let rev = &self.revision.rev;
        // The size first: a small object can unpack to any size.
        if let Ok(header) = self.repository.git.find_header(id) {
            *left = left.checked_sub(header.size()).ok_or_else(|| SourceError::TooLarge {
                root: self.root.clone(),
                path: path.to_owned(),
                limit: self.options.max_bytes,
            })?;
        }
        let mut object = self.repository.object(id, rev, path)?;
        if object.kind != Kind::Blob {
            return Err(self.repository.damaged(id).into());
        }
        Ok(std::mem::take(&mut object.data))
    }

    fn finish(self) -> Result<Found, SourceError> {
        let mut found = Found::default();
        let mut left = self.options.max_bytes;
        for ((path, _), id) in &self.files {
            let text = self.read(path, *id, &mut left)?;
            let pointer = lfs_pointer(&text);
            let file = found.sources.add(path.clone(), text.into());
            match pointer {
                true => found.findings.push(crate::source::discover::kept_by_lfs(file, path)),
                false => found.files.push(file),
            }
        }
        self.judge_links(&mut found)?;
        for (path, id) in &self.submodules {
            let file = found.sources.add(path.clone(), Vec::new().into());
            found.findings.push(submodule(file, path, &id.to_string()));
        }
        not_descended(&self.deep, self.options, &mut found);
        found.findings.sort();
        found.rendered = self.rendered;
        found.rendered.sort();
        Ok(found)
    }

    /// A link is ignored when its target is read itself; every other one hides intent, unless it leads to what is no
    /// intent.
    fn judge_links(&self, found: &mut Found) -> Result<(), SourceError> {
        let links: Links<'_> =
            self.links.iter().map(|((_, raw), to)| (raw.as_slice(), to.as_slice())).collect();
        let read =
            |path: &[u8]| self.directories.contains(path) || self.files.keys().any(|(_, file)| file == path);
        for ((path, raw), target) in &self.links {
            let name = path.rsplit('/').next().unwrap_or(path);
            let (why, may_hide) = match links.resolve(raw) {
                Target::Inside(end) if read(&end) => continue,
                Target::Inside(end) => match self.descend(&end)? {
                    Some((kind, _)) => {
                        let why = if self.is_below_root(&end) { "which is not read" } else { OUT };
                        (why, matches!(kind, EntryKind::Tree | EntryKind::Commit | EntryKind::Link))
                    }
                    None => ("which cannot be read", false),
                },
                Target::Loop => ("which cannot be read", false),
                // Whatever lies on the machine: a directory, for all that the commit says.
                Target::Outside => (OUT, !name.contains('.')),
            };
            if is_yaml(name) || may_hide {
                let file = found.sources.add(path.clone(), Vec::new().into());
                let target = String::from_utf8_lossy(target);
                found.findings.push(hidden_by_link(file, path, &target, why));
            }
        }
        Ok(())
    }

    fn is_below_root(&self, path: &[u8]) -> bool {
        let root = if self.root == "." { &b""[..] } else { self.root.as_bytes() };
        root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.first().is_none_or(|b| *b == b'/'))
    }

    fn not_there(&self) -> SourceError {
        GitError::NotThere { rev: self.revision.rev.clone(), path: self.root.clone() }.into()
    }

    fn not_followed(&self, what: &'static str) -> GitError {
        GitError::NotFollowed { rev: self.revision.rev.clone(), path: self.root.clone(), what }
    }
}

const OUT: &str = "out of the intent root";

/// Most bytes of a link's target: PATH_MAX of Linux (limits.h), and then some.
fn links_budget() -> u64 {
    1 << 16
}

fn submodule(file: FileId, path: &str, commit: &str) -> Finding {
    SUBMODULE_IN_INTENT
        .at(at_file(file), format!("`{path}` is a submodule, whose files are not part of this commit"))
        .help("keep the files in this repository, or move the submodule out of the intent root")
        .found(commit)
}
