//! Files -> declarations.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use meshwright_policies::declaration::{KIND, MeshDeclaration};
use meshwright_policies::intent::API_VERSION;
use serde::Deserialize;
use serde_json::Value;

/// Bytes of a file; one declaration of a mesh of 500 clusters is well below a tenth of it.
const MAX_FILE: u64 = 32 * 1024 * 1024;

/// Why a file or directory was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system's word.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// More than 32 MiB.
    #[error("has more than {MAX_FILE} bytes")]
    TooLarge,
    /// Not YAML, or a part of it.
    #[error("is not YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// Not JSON, or a part of it.
    #[error("is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A declaration of another version.
    #[error("holds a {KIND} of `{0}`; this program reads `{API_VERSION}`")]
    Version(String),
    /// A declaration that breaks its schema.
    #[error("holds a {KIND} that cannot be read: {0}")]
    Malformed(#[source] serde_json::Error),
    /// No declaration, where one has to be.
    #[error("holds no {KIND}")]
    Empty,
    /// No declaration any more.
    #[error("no longer holds a {KIND}; it stays in force until the file is deleted")]
    Emptied,
    /// The same mesh twice.
    #[error("declares mesh `{mesh}`, and so does `{other}`")]
    Repeated {
        /// The mesh.
        mesh: String,
        /// The other file.
        other: String,
    },
}

/// A file that is or was to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Whether it was named; otherwise it lies in a directory that was, among files of which some are none of ours.
    pub(super) named: bool,
}

/// The files at a path: itself, or those in the directory that could hold a declaration.
pub(super) fn files(path: &Path) -> Result<BTreeMap<PathBuf, Source>, ReadError> {
    if !path.is_dir() {
        return Ok(BTreeMap::from([(path.to_owned(), Source { named: true })]));
    }
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        let extension = file.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && file.is_file() {
            found.insert(file, Source { named: false });
        }
    }
    Ok(found)
}

/// The bytes of a file.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ReadError::TooLarge);
    }
    Ok(bytes)
}

/// The declarations in a file's text; documents of other kinds are passed over.
pub(super) fn declarations(path: &Path, bytes: &[u8]) -> Result<Vec<MeshDeclaration>, ReadError> {
    let mut found = Vec::new();
    if path.extension().is_some_and(|extension| extension == "json") {
        collect(serde_json::from_slice(bytes).map_err(ReadError::Json)?, &mut found)?;
        return Ok(found);
    }
    for document in serde_yaml::Deserializer::from_slice(bytes) {
        collect(Value::deserialize(document)?, &mut found)?;
    }
    Ok(found)
}

fn collect(document: Value, found: &mut Vec<MeshDeclaration>) -> Result<(), ReadError> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        KIND if text("apiVersion") == API_VERSION => {
            found.push(serde_json::from_value(document).map_err(ReadError::Malformed)?);
        }
        KIND => return Err(ReadError::Version(text("apiVersion").to_owned())),
        // As `kubectl get -o yaml` prints them.
        "List" | "MeshDeclarationList" => {
            if let Some(Value::Array(items)) = document.get("items") {
                items.iter().try_for_each(|item| collect(item.clone(), found))?;
            }
        }
        _ => {}
    }
    Ok(())
}
