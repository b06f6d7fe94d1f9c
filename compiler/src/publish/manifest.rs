//! The manifest of a rendered tree: what meshwright wrote, and its digests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::{ContentError, PublishError, io_at};
use super::path::RelativePath;

/// The directory of a rendered tree that holds what meshwright keeps about it.
pub const META_DIR: &str = ".meshwright";

/// The manifest's name in [`META_DIR`].
pub const MANIFEST_FILE: &str = "manifest.json";

/// The name in [`META_DIR`] of what says which commit the tree was rendered from. The manifest does not: it is a
/// function of the tree alone.
pub const SOURCE_FILE: &str = "source.json";

/// [`SOURCE_FILE`] while it is written anew.
pub(super) const SOURCE_DRAFT: &str = "source.json.new";

/// What a complete tree has in [`META_DIR`] beside the lock.
pub(super) const META_FILES: [&str; 3] = [MANIFEST_FILE, SOURCE_FILE, SOURCE_DRAFT];

/// The version of the manifest's own layout.
const FORMAT: u32 = 1;

/// The most bytes that are read of a manifest or journal: far above what 50,000 clusters need (about 80 MiB).
const MAX_BYTES: u64 = 256 << 20;

/// Whether `dir` is the root of a rendered tree: it holds `.meshwright/manifest.json`, or the journal of a first
/// write that was interrupted.
#[must_use]
pub fn is_rendered_tree(dir: &Path) -> bool {
    let meta = dir.join(META_DIR);
    meta.join(MANIFEST_FILE).is_file() || meta.join(super::journal::JOURNAL_FILE).is_file()
}

/// A SHA-256 digest, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        let mut hex = String::with_capacity(2 * self.0.len());
        for byte in self.0 {
            hex.extend(
                [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16).unwrap_or_default()),
            );
        }
        f.write_str(&hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a digest is `sha256:` and 64 lower-case hexadecimal digits";
        let hex = text.strip_prefix("sha256:").map(str::as_bytes).ok_or(WRONG)?;
        let (pairs, []) = hex.as_chunks::<2>() else { return Err(WRONG) };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return Err(WRONG);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high).ok_or(WRONG)? << 4 | nibble(*low).ok_or(WRONG)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// What `.meshwright/manifest.json` says: which files meshwright wrote, with which bytes.
///
/// It is a function of the tree and the tool's version alone, so that rendering again on another machine writes
/// the same manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    format: u32,
    tool: String,
    tool_version: String,
    clusters: BTreeMap<String, Digest>,
    files: BTreeMap<RelativePath, Digest>,
}

impl Manifest {
    /// The manifest of the files with these digests.
    pub(super) fn of(files: BTreeMap<RelativePath, Digest>) -> Self {
        Self {
            format: FORMAT,
            tool: env!("CARGO_PKG_NAME").to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            clusters: cluster_digests(&files),
            files,
        }
    }

    /// The manifest of nothing.
    pub(crate) fn empty() -> Self {
        Self::of(BTreeMap::new())
    }

    /// Reads the manifest of the rendered tree at `out`; `None` when it has none.
    ///
    /// # Errors
    /// [`PublishError::Io`] when it cannot be read, [`PublishError::Content`] when it is not a manifest that
    /// this version understands.
    pub fn read(out: &Path) -> Result<Option<Self>, PublishError> {
        let path = manifest_path(out);
        read_limited(&path)?.map(|bytes| Self::parse(&path, &bytes)).transpose()
    }

    /// Reads the bytes of a manifest; `path` is for the message.
    ///
    /// # Errors
    /// [`PublishError::Content`] when they are no manifest that this version understands.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, PublishError> {
        parse_format(bytes, FORMAT).map_err(|source| PublishError::Content { path: path.to_owned(), source })
    }

    /// The bytes of the file: indented JSON, keys sorted, a newline at the end.
    ///
    /// # Errors
    /// None that is known: everything in it has a form in JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_json(self)
    }

    /// The version of meshwright that wrote the tree.
    #[must_use]
    pub fn tool_version(&self) -> &str {
        &self.tool_version
    }

    /// The owned files, sorted by path, with the digest of the bytes that were written.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<RelativePath, Digest> {
        &self.files
    }

    /// The content hash of each cluster's directory: SHA-256 over one line `<path below the directory> NUL
    /// <digest> LF` per file, sorted by path.
    #[must_use]
    pub fn clusters(&self) -> &BTreeMap<String, Digest> {
        &self.clusters
    }
}

fn cluster_digests(files: &BTreeMap<RelativePath, Digest>) -> BTreeMap<String, Digest> {
    let mut hashers: BTreeMap<&str, Sha256> = BTreeMap::new();
    for (path, digest) in files {
        if let Some((cluster, below)) = path.split_cluster() {
            let hasher = hashers.entry(cluster).or_default();
            hasher.update(format!("{below}\0{digest}\n"));
        }
    }
    hashers
        .into_iter()
        .map(|(cluster, hasher)| (cluster.to_owned(), Digest(hasher.finalize().into())))
        .collect()
}

/// Where the manifest of the tree at `out` is.
pub(super) fn manifest_path(out: &Path) -> PathBuf {
    out.join(META_DIR).join(MANIFEST_FILE)
}

/// Serializes as indented JSON with a newline at the end.
pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Parses JSON whose `format` must be the one given, told apart from JSON that is broken.
pub(super) fn parse_format<T: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    format: u32,
) -> Result<T, ContentError> {
    #[derive(Deserialize)]
    struct Probe {
        format: u32,
    }
    // The writer puts the format first: a whole parse only to find it takes as long as the parse that follows.
    let known = format!("{{\n  \"format\": {format},\n");
    if !bytes.starts_with(known.as_bytes()) {
        let probe: Probe = serde_json::from_slice(bytes)?;
        if probe.format != format {
            return Err(ContentError::Format { found: probe.format, known: format });
        }
    }
    Ok(serde_json::from_slice(bytes)?)
}

/// Reads a file of [`META_DIR`]; `None` when it is absent.
pub(super) fn read_limited(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => return Err(PublishError::Symlink { path: path.to_owned() }),
        Ok(meta) if !meta.is_file() => return Err(PublishError::NotAFile { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(io_at("read", path)(error)),
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io_at("read", path))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io_at("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PublishError::Content { path: path.to_owned(), source: ContentError::TooLarge });
    }
    Ok(Some(bytes))
}

/// Whether an error says that nothing is at the path.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let digest =
            |(path, text): &(&str, &str)| (RelativePath::new(*path).unwrap(), Digest::of(text.as_bytes()));
        Manifest::of(files.iter().map(digest).collect())
    }

    #[test]
    fn has_one_form() {
        let manifest =
            manifest(&[("PLAN.md", "plan"), ("clusters/c1/mesh/a.yaml", "a"), ("clusters/README", "r")]);
        let text = String::from_utf8(manifest.to_bytes().unwrap()).unwrap();
        insta::with_settings!({filters => vec![(r#""toolVersion": "[^"]+""#, r#""toolVersion": "VERSION""#)]}, {
            insta::assert_snapshot!(text, @r#"
            {
              "format": 1,
              "tool": "meshwright",
              "toolVersion": "VERSION",
              "clusters": {
                "c1": "sha256:d5f0ac9ea7a3abb356a3dd6eba2675f998e24d58d5107af7a6bbe80b6407fdcb"
              },
              "files": {
                "PLAN.md": "sha256:64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525",
                "clusters/README": "sha256:454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1",
                "clusters/c1/mesh/a.yaml": "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
              }
            }
            "#);
        });
        assert_eq!(Manifest::parse(Path::new("m"), text.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn a_cluster_hash_depends_on_names_and_bytes_of_that_cluster_only() {
        let base = manifest(&[("clusters/c1/a", "1"), ("clusters/c2/a", "1"), ("PLAN.md", "x")]);
        let other = manifest(&[("clusters/c1/a", "1"), ("clusters/c2/a", "2"), ("PLAN.md", "y")]);
        let renamed = manifest(&[("clusters/c1/b", "1")]);
        assert_eq!(base.clusters["c1"], base.clusters["c2"]);
        assert_eq!(base.clusters["c1"], other.clusters["c1"]);
        assert_ne!(base.clusters["c2"], other.clusters["c2"]);
        assert_ne!(base.clusters["c1"], renamed.clusters["c1"]);
    }

    #[test]
    fn hostile_content_is_an_error() {
        let digest = Digest::of(b"");
        let with = |format: u32, path: &str, digest: &str| {
            format!(
                r#"{{"format":{format},"tool":"m","toolVersion":"1","clusters":{{}},"files":{{"{path}":"{digest}"}}}}"#
            )
        };
        let good = digest.to_string();
        assert!(Manifest::parse(Path::new("m"), with(1, "a", &good).as_bytes()).is_ok());
        let deep = "[".repeat(100_000);
        for bad in [
            with(1, "../../etc/passwd", &good),
            with(1, "/etc/passwd", &good),
            with(1, ".git/config", &good),
            with(1, "a", "sha256:00"),
            with(1, "a", &good.to_uppercase()),
            with(1, "a", &good.replace("sha256:", "md5:")),
            with(2, "a", &good),
            deep,
            String::new(),
            "null".to_owned(),
        ] {
            let error = Manifest::parse(Path::new("m"), bad.as_bytes()).expect_err("hostile");
            assert!(matches!(error, PublishError::Content { .. }), "{error}");
        }
    }
}
