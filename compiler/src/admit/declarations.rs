//! The declarations that answers are given by.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use meshwright_policies::declaration::{KIND, MeshDeclaration};
use meshwright_policies::finding::{Findings, Severity};
use meshwright_policies::intent::API_VERSION;
use meshwright_policies::node::{FileId, Node};

use crate::source::{DiscoverOptions, SourceError, discover};
use crate::syntax::{self, Limits};

/// Bytes of a file with declarations.
const LIMIT: usize = 32 << 20;

/// Why declarations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// A path that cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A text that cannot be read.
    #[error("`{file}` cannot be read: {reason}")]
    Text {
        /// The file.
        file: String,
        /// The first fault.
        reason: String,
    },
    /// A declaration that cannot be read.
    #[error("`{file}` holds a {KIND} that cannot be read: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Two declarations of one mesh: a cluster has one of each.
    #[error("`{first}` and `{second}` both declare mesh `{mesh}`; name the declaration of one cluster")]
    Repeated {
        /// The mesh.
        mesh: String,
        /// A file.
        first: String,
        /// Another.
        second: String,
    },
    /// None.
    #[error("there is no {KIND} at {0}")]
    Missing(String),
}

/// Reads the declarations of one cluster: those in files, and in the files below directories.
///
/// # Errors
/// When there is none, or one that cannot be used.
pub fn declarations(paths: &[PathBuf]) -> Result<Vec<MeshDeclaration>, DeclarationError> {
    let mut found: BTreeMap<String, (String, MeshDeclaration)> = BTreeMap::new();
    for path in paths {
        for (file, declaration) in below(path)? {
            let mesh = declaration.metadata.name.clone();
            if let Some((first, _)) = found.get(&mesh).filter(|(first, _)| *first != file) {
                let (first, second) = (first.clone(), file);
                return Err(DeclarationError::Repeated { mesh, first, second });
            }
            found.insert(mesh, (file, declaration));
        }
    }
    if found.is_empty() {
        let shown: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(DeclarationError::Missing(shown.join(", ")));
    }
    Ok(found.into_values().map(|(_, declaration)| declaration).collect())
}

fn below(path: &Path) -> Result<Vec<(String, MeshDeclaration)>, DeclarationError> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        let read = std::io::stdin().lock().take(LIMIT as u64 + 1).read_to_end(&mut text);
        let failed = |error: std::io::Error| DeclarationError::Text {
            file: "<stdin>".to_owned(),
            reason: error.to_string(),
        };
        read.map_err(failed)?;
        return in_text("<stdin>", &text, true);
    }
    let options = DiscoverOptions { read_rendered: true, ..DiscoverOptions::default() };
    let found = discover(path, options)?;
    let mut declarations = Vec::new();
    for file in found.files.iter().filter_map(|id| found.sources.get(*id)) {
        declarations.extend(in_text(file.path(), file.text(), path.is_file())?);
    }
    Ok(declarations)
}

/// The declarations in a text, which must be faultless when it was named or holds any.
fn in_text(file: &str, text: &[u8], named: bool) -> Result<Vec<(String, MeshDeclaration)>, DeclarationError> {
    let mut findings = Findings::new();
    let limits = Limits { bytes: LIMIT, nodes: 2_000_000, ..Limits::default() };
    let documents = syntax::load(FileId::NONE, text, &limits, &mut findings);
    let declared: Vec<Node> =
        documents.into_iter().map(|document| document.root).filter(is_declaration).collect();
    if let Some(fault) = findings.iter().find(|finding| finding.severity == Severity::Error)
        && (named || !declared.is_empty())
    {
        return Err(DeclarationError::Text { file: file.to_owned(), reason: fault.message.clone() });
    }
    let read = |node: Node| match serde_json::from_value(node.to_json()) {
        Ok(declaration) => Ok((file.to_owned(), declaration)),
        Err(error) => Err(DeclarationError::Malformed { file: file.to_owned(), reason: error.to_string() }),
    };
    declared.into_iter().map(read).collect()
}

fn is_declaration(node: &Node) -> bool {
    let is = |key: &str, text: &str| node.get(key).and_then(Node::as_str) == Some(text);
    is("kind", KIND) && is("apiVersion", API_VERSION)
}
