//! Which files are intent: every `*.yaml` and `*.yml` below a root, in the order of their paths.
//!
//! Not read: names that start with a dot (`.git`, `.github`, editors' and linters' settings), directories that hold a
//! rendered tree, and whatever symbolic links lead to. Links are never followed; one that hides intent from the reader
//! is a finding (MW0011).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use meshwright_policies::finding::{Finding, Findings, Place};
use meshwright_policies::node::{FieldPath, FileId, Span};
use meshwright_policies::sources::{LFS_POINTER, SYMLINK_OUT_OF_ROOT, TOO_DEEP};

use super::Sources;

/// What marks a directory as a rendered tree, relative to it.
pub const RENDERED_MARKER: &str = ".meshwright/manifest.json";

/// Packages of Node.js, none of which is a manifest, in numbers beyond any bound.
pub(super) const PACKAGES: &str = "node_modules";

/// Bounds of a walk: input is hostile.
#[derive(Clone, Copy, Debug)]
pub struct DiscoverOptions {
    /// Most files that are read.
    pub max_files: usize,
    /// Most bytes that are read, all files together.
    pub max_bytes: u64,
    /// Most directories between the root and a file.
    pub max_depth: usize,
    /// Whether rendered trees below the root are read too.
    pub read_rendered: bool,
    /// Whether `*.json` is read too, up to [`LARGEST_JSON`] bytes each: manifests may be JSON, and most JSON is none.
    pub read_json: bool,
}

/// Largest JSON file that is read, in bytes.
pub const LARGEST_JSON: u64 = 1 << 20;

impl DiscoverOptions {
    /// Whether a file of that name and size is read.
    pub(super) fn reads(self, name: &str, size: impl FnOnce() -> u64) -> bool {
        is_yaml(name) || self.read_json && name.ends_with(".json") && size() <= LARGEST_JSON
    }
}

impl Default for DiscoverOptions {
    fn default() -> DiscoverOptions {
        DiscoverOptions {
            max_files: 100_000,
            max_bytes: 256 << 20,
            max_depth: 32,
            read_rendered: false,
            read_json: false,
        }
    }
}

/// Why a root could not be read. Paths are as people are shown them.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system refused.
    #[error("cannot read `{path}`: {error}")]
    Read {
        /// File or directory.
        path: String,
        /// What it said.
        #[source]
        error: io::Error,
    },
    /// A device, pipe or socket named like a YAML file: reading could block for ever.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The file.
        path: String,
    },
    /// More files than [`DiscoverOptions::max_files`].
    #[error("`{root}` holds more than {limit} YAML files")]
    TooManyFiles {
        /// The root.
        root: String,
        /// The limit.
        limit: usize,
    },
    /// More bytes than [`DiscoverOptions::max_bytes`].
    #[error("the YAML files of `{root}` are larger than {limit} bytes together, reached at `{path}`")]
    TooLarge {
        /// The root.
        root: String,
        /// The file that crossed the limit.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A commit could not be read.
    #[error(transparent)]
    Git(#[from] super::commit::GitError),
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Every file read, and every link that is a finding (as an empty file, for its path).
    pub sources: Sources,
    /// The files read, in the order of their paths.
    pub files: Vec<FileId>,
    /// What hides intent: links, directories that lie too deep.
    pub findings: Findings,
    /// Directories that were skipped because they hold a rendered tree, as people are shown them.
    pub rendered: Vec<String>,
}

impl Found {
    /// The path of every file that is read, relative to the root under which it was found.
    #[must_use]
    pub fn relative_paths(&self, root: &Path) -> BTreeMap<FileId, String> {
        let prefix = crate::compiled::shown_prefix(root);
        let path = |id: &FileId| {
            let path = self.sources.get(*id)?.path();
            Some((*id, path.strip_prefix(&prefix).unwrap_or(path).to_owned()))
        };
        self.files.iter().filter_map(path).collect()
    }
}

/// Reads every YAML file below `root`. A root that is itself a file is read whatever its name; a root that is a link
/// is followed, and a root that holds a rendered marker is walked: somebody asked for it by name.
///
/// # Errors
///
/// The root does not exist, something below it cannot be read, or a bound on files or bytes is crossed. Nothing is skipped
/// in silence, a directory that lies too deep is a finding: a cluster that is not read is a cluster that is removed.
pub fn discover(root: &Path, options: DiscoverOptions) -> Result<Found, SourceError> {
    let mut found = Found::default();
    let shown_root = shown(root);
    let metadata = fs::metadata(root).map_err(|error| read_error(&shown_root, error))?;
    let mut walk = Walk { options, root: shown_root.clone(), ..Walk::default() };
    if metadata.is_dir() {
        let prefix = if shown_root == "." { "" } else { shown_root.as_str() };
        walk.directory(root, prefix, 0)?;
    } else {
        walk.files.insert((shown_root, root.to_owned()));
    }
    let mut left = options.max_bytes;
    for (path, real) in &walk.files {
        let text = walk.read(path, real, &mut left)?;
        let pointer = lfs_pointer(&text);
        let file = found.sources.add(path.clone(), text.into());
        match pointer {
            true => found.findings.push(kept_by_lfs(file, path)),
            false => found.files.push(file),
        }
    }
    if !walk.links.is_empty() {
        let real_root = fs::canonicalize(root).map_err(|error| read_error(&walk.root, error))?;
        walk.judge_links(&real_root, &mut found)?;
    }
    not_descended(&walk.too_deep, options, &mut found);
    found.rendered = walk.rendered;
    Ok(found)
}

/// What a walk has seen, by shown path, so the order of everything is theirs; names that are not UTF-8 can be shown alike.
#[derive(Default)]
struct Walk {
    options: DiscoverOptions,
    root: String,
    files: BTreeSet<(String, PathBuf)>,
    directories: Vec<PathBuf>,
    links: BTreeSet<(String, PathBuf)>,
    rendered: Vec<String>,
    too_deep: Vec<String>,
}

impl Walk {
    fn directory(&mut self, real: &Path, path: &str, depth: usize) -> Result<(), SourceError> {
        let shown_path = if path.is_empty() { "." } else { path };
        if depth > self.options.max_depth {
            self.too_deep.push(shown_path.to_owned());
            return Ok(());
        }
        let at_directory = |error| read_error(shown_path, error);
        let mut entries =
            fs::read_dir(real).map_err(at_directory)?.collect::<Result<Vec<_>, _>>().map_err(at_directory)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        if depth > 0 && !self.options.read_rendered && real.join(RENDERED_MARKER).is_file() {
            self.rendered.push(shown_path.to_owned());
            return Ok(());
        }
        self.directories.push(real.to_owned());
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || self.options.read_json && name == PACKAGES {
                continue;
            }
            let real = entry.path();
            let path = join(path, &name);
            let kind = entry.file_type().map_err(|error| read_error(&path, error))?;
            if kind.is_symlink() {
                if is_yaml(&name) || real.is_dir() {
                    self.links.insert((path, real));
                }
            } else if kind.is_dir() {
                self.directory(&real, &path, depth + 1)?;
            } else if self.options.reads(&name, || entry.metadata().map_or(0, |metadata| metadata.len())) {
                self.files.insert((path, real));
                if self.files.len() > self.options.max_files {
                    return Err(SourceError::TooManyFiles {
                        root: self.root.clone(),
                        limit: self.options.max_files,
                    });
                }
            }
        }
        Ok(())
    }

    fn read(&self, path: &str, real: &Path, left: &mut u64) -> Result<Vec<u8>, SourceError> {
        let at_file = |error| read_error(path, error);
        let metadata = fs::metadata(real).map_err(at_file)?;
        if !metadata.is_file() {
            return Err(SourceError::NotAFile { path: path.to_owned() });
        }
        // With room for all of it, one call of the system reads it.
        let mut text = Vec::with_capacity(usize::try_from(metadata.len().min(*left)).unwrap_or_default());
        let read = File::open(real).and_then(|file| file.take(left.saturating_add(1)).read_to_end(&mut text));
        let length = u64::try_from(read.map_err(at_file)?).unwrap_or(u64::MAX);
        *left = left.checked_sub(length).ok_or_else(|| SourceError::TooLarge {
            root: self.root.clone(),
            path: path.to_owned(),
            limit: self.options.max_bytes,
        })?;
        Ok(text)
    }

    /// A link is ignored when its target is read itself; every other one hides intent.
    fn judge_links(&self, real_root: &Path, found: &mut Found) -> Result<(), SourceError> {
        let mut read = BTreeSet::new();
        for (path, real) in self.files.iter().map(|(path, real)| (path.as_str(), real)) {
            read.insert(fs::canonicalize(real).map_err(|error| read_error(path, error))?);
        }
        for real in &self.directories {
            read.insert(fs::canonicalize(real).map_err(|error| read_error(&shown(real), error))?);
        }
        for (path, real) in &self.links {
            let target = fs::read_link(real).map(|target| shown(&target)).unwrap_or_default();
            let why = match fs::canonicalize(real) {
                Ok(end) if read.contains(&end) => continue,
                Ok(end) if end.starts_with(real_root) => "which is not read",
                Ok(_) => "out of the intent root",
                Err(_) => "which cannot be read",
            };
            let file = found.sources.add(path.clone(), Vec::new().into());
            found.findings.push(hidden_by_link(file, path, &target, why));
        }
        Ok(())
    }
}

pub(crate) fn at_file(file: FileId) -> Place {
    Place { span: Span { file, start: 0, end: 0 }, path: FieldPath::root() }
}

pub(super) fn hidden_by_link(file: FileId, path: &str, target: &str, why: &str) -> Finding {
    SYMLINK_OUT_OF_ROOT
        .at(at_file(file), format!("`{path}` is a symbolic link to `{target}`, {why}"))
        .help("replace the link by the file")
        .found(target)
}

/// Directories that are named when they are too deep; of more, it is enough to know that there are.
pub(super) const DEEP_NAMED: usize = 20;

/// Reports directories that lie too deep to be read, by their paths as they are shown.
pub(super) fn not_descended(directories: &[String], options: DiscoverOptions, found: &mut Found) {
    for path in directories.iter().take(DEEP_NAMED) {
        let file = found.sources.add(path.clone(), Vec::new().into());
        let message =
            format!("`{path}` is more than {} directories below the root and is not read", options.max_depth);
        found.findings.push(TOO_DEEP.at(at_file(file), message).help(
            "move it up, or, if it holds no intent, out of the root or behind a name that begins with a dot",
        ));
    }
}

/// Whether a text stands for a file that Git LFS keeps elsewhere: the first line is fixed, and a pointer is smaller than
/// 1024 bytes (git-lfs: `docs/spec.md`, "The Pointer").
pub(super) fn lfs_pointer(text: &[u8]) -> bool {
    let versions: [&[u8]; 2] =
        [b"version https://git-lfs.github.com/spec/v1\n", b"version https://hawser.github.com/spec/v1\n"];
    text.len() < 1024 && versions.iter().any(|version| text.starts_with(version))
}

pub(super) fn kept_by_lfs(file: FileId, path: &str) -> Finding {
    LFS_POINTER
        .at(at_file(file), format!("`{path}` is a Git LFS pointer: the file itself is kept elsewhere"))
        .help("keep the file in Git itself: take it out of `.gitattributes`, then `git add --renormalize` it")
}

fn read_error(path: &str, error: io::Error) -> SourceError {
    SourceError::Read { path: path.to_owned(), error }
}

pub(super) fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

pub(crate) fn join(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        _ if directory.ends_with('/') => format!("{directory}{name}"),
        _ => format!("{directory}/{name}"),
    }
}

/// A path with `/` between its parts, without `.` parts and a trailing separator.
pub(crate) fn shown(path: &Path) -> String {
    use std::path::Component;
    let mut text = String::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => text.push('/'),
            part => text = join(&text, &part.as_os_str().to_string_lossy()),
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
