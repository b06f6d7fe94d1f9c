//! What contradicts the declaration in running clusters: every object of the admitted kinds, judged as the webhook judges it.
//!
//! Clusters are read by the user's own `kubectl`, so that every way to log in works that works for the user. Nothing is
//! written.

mod kubectl;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use meshwright_policies::admission::{self, Basis, WithoutDeclaration};
use meshwright_policies::declaration::{KIND, MeshDeclaration};
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::{API_VERSION, Date};
use meshwright_policies::kinds::{self, Kind};
use serde_json::{Map, Value};

pub use kubectl::{Kubectl, KubectlError};

/// Objects of a page.
const PAGE: usize = 500;

/// Why a cluster could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// kubectl's word, or none.
    #[error(transparent)]
    Kubectl(#[from] KubectlError),
    /// Nothing to judge by.
    #[error("the cluster holds no {KIND}; name one with `--declaration`")]
    Undeclared,
    /// A declaration that cannot be read.
    #[error("the cluster holds a {KIND} that cannot be read: {0}")]
    Malformed(String),
}

/// What was found in a cluster.
#[derive(Debug, Default)]
pub struct Audited {
    /// The findings.
    pub findings: Findings,
    /// How many objects were judged.
    pub objects: usize,
    /// What was judged by: `mesh (cluster), generation 7`.
    pub declarations: Vec<String>,
    /// Kinds that could not be read, and why.
    pub unread: Vec<String>,
}

/// Audits the cluster of a context, by the declarations that it holds unless some are given.
///
/// # Errors
/// When it cannot be read, or holds no declaration. A kind alone that cannot be read is told in the result.
pub fn audit(
    kubectl: &Kubectl,
    given: Option<Vec<MeshDeclaration>>,
    today: Date,
) -> Result<Audited, AuditError> {
    let versions = versions(&kubectl.get("/apis")?.unwrap_or_default());
    let declarations = match given {
        Some(given) => given,
        None => held(kubectl)?,
    };
    if declarations.is_empty() {
        return Err(AuditError::Undeclared);
    }
    let basis = Basis {
        declarations: declarations.iter().collect(),
        unreadable: false,
        without: WithoutDeclaration::Allow,
        today,
    };
    let mut audited =
        Audited { declarations: declarations.iter().map(named).collect(), ..Audited::default() };
    let system = admission::system_namespaces(&basis);
    for kind in kinds::audited() {
        let Some(version) = versions.get(kind.group()) else { continue };
        for namespace in kind.audited().places(&system) {
            let Audited { findings, objects, .. } = &mut audited;
            let read = each(kubectl, kind, version, namespace, |object| {
                *objects += 1;
                if let Some((_, found)) = admission::standing(&object, &basis) {
                    findings.extend(found);
                }
            });
            if let Err(error) = read {
                audited.unread.push(format!("{}: {error}", kind.plural()));
            }
        }
    }
    audited.findings.sort();
    Ok(audited)
}

fn named(declaration: &MeshDeclaration) -> String {
    let (mesh, cluster) = (&declaration.metadata.name, &declaration.spec.cluster.name);
    match declaration.metadata.generation {
        Some(generation) => format!("mesh `{mesh}` as cluster `{cluster}`, generation {generation}"),
        None => format!("mesh `{mesh}` as cluster `{cluster}`"),
    }
}

/// The version of each group that the API server prefers.
fn versions(groups: &Value) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::from([(String::new(), "v1".to_owned())]);
    for group in groups.get("groups").and_then(Value::as_array).into_iter().flatten() {
        let name = group.get("name").and_then(Value::as_str);
        let version = group.pointer("/preferredVersion/version").and_then(Value::as_str);
        versions.extend(name.zip(version).map(|(name, version)| (name.to_owned(), version.to_owned())));
    }
    versions
}

fn held(kubectl: &Kubectl) -> Result<Vec<MeshDeclaration>, AuditError> {
    let path = format!("/apis/{API_VERSION}/meshdeclarations");
    let list = kubectl.get(&path)?.ok_or(AuditError::Undeclared)?;
    let items = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |item| serde_json::from_value(item).map_err(|error| AuditError::Malformed(error.to_string()));
    items.into_iter().map(read).collect()
}

/// Hands over every object of a kind, in one namespace or in all, page by page; none when the cluster does not know the kind.
fn each(
    kubectl: &Kubectl,
    kind: &dyn Kind,
    version: &str,
    namespace: Option<&str>,
    mut see: impl FnMut(Map<String, Value>),
) -> Result<(), KubectlError> {
    let (api_version, prefix) = match kind.group() {
        "" => (version.to_owned(), format!("/api/{version}")),
        group => (format!("{group}/{version}"), format!("/apis/{group}/{version}")),
    };
    let mut token = String::new();
    loop {
        let plural = kind.plural();
        let inside = namespace.map_or_else(String::new, |namespace| format!("/namespaces/{namespace}"));
        let path = format!("{prefix}{inside}/{plural}?limit={PAGE}&continue={token}");
        let Some(mut page) = kubectl.get(&path)? else { return Ok(()) };
        for item in
            page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).into_iter().flatten()
        {
            let Value::Object(mut object) = item else { continue };
            // Lists of built-in kinds do not repeat what they are lists of.
            object.insert("apiVersion".to_owned(), api_version.clone().into());
            object.insert("kind".to_owned(), kind.kind().into());
            see(object);
        }
        token = page.pointer("/metadata/continue").and_then(Value::as_str).map(encoded).unwrap_or_default();
        if token.is_empty() {
            return Ok(());
        }
    }
}

/// As a query takes it.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Where the declarations of a cluster lie in a rendered tree; nothing for a path that is none.
#[must_use]
pub fn in_rendered_tree(path: &Path, cluster: &str) -> Option<PathBuf> {
    let clusters = path.join("clusters");
    clusters.is_dir().then(|| clusters.join(cluster).join("declaration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_a_query() {
        assert_eq!(encoded("eyJ2+/=&x"), "eyJ2%2B%2F%3D%26x");
    }

    #[test]
    fn groups_have_a_preferred_version() {
        let groups = serde_json::json!({"groups": [
            {"name": "networking.istio.io", "preferredVersion": {"version": "v1"}},
            {"name": "broken"},
        ]});
        let expected =
            [(String::new(), "v1".to_owned()), ("networking.istio.io".to_owned(), "v1".to_owned())];
        assert_eq!(versions(&groups), BTreeMap::from(expected));
    }
}
