//! Objects that a cluster carries over as they are.

use std::sync::Arc;

use super::Cluster;
use crate::finding::Place;
use crate::intent::ManifestPath;
use crate::node::{FieldPath, Node};

/// What one entry of `spec.manifests` names.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The entry.
    pub path: ManifestPath,
    /// Where it is written.
    pub place: Place,
    /// Whether any file is there.
    pub exists: bool,
    /// The documents of those files, but for the ones of an entry before this one; the items of a `List` one by one.
    pub documents: Vec<Arc<Node>>,
}

/// Documents are mostly the same ones.
impl PartialEq for Carried {
    fn eq(&self, other: &Carried) -> bool {
        let same = |(one, another): (&Arc<Node>, &Arc<Node>)| Arc::ptr_eq(one, another) || one == another;
        self.path == other.path
            && self.place == other.place
            && self.exists == other.exists
            && self.documents.len() == other.documents.len()
            && self.documents.iter().zip(&other.documents).all(same)
    }
}

impl Carried {
    /// The documents that are Kubernetes objects.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.documents.iter().filter(|document| not_an_object(document).is_none())
    }
}

/// Why a document is no object that can be applied to a cluster as it is.
#[must_use]
pub fn not_an_object(document: &Node) -> Option<&'static str> {
    let text = |path: &str| document.str_at(path).unwrap_or_default();
    let group = text("apiVersion").split('/').next().unwrap_or_default();
    if text("apiVersion").is_empty() || text("kind").is_empty() {
        Some("it has no `apiVersion` and `kind`")
    } else if group == "kustomize.config.k8s.io" {
        Some("it tells kustomize what to build")
    } else if group == "meshwright.dev" {
        Some("it is written by meshwright")
    } else if text("metadata.name").is_empty() {
        Some("it has no `metadata.name`")
    } else {
        None
    }
}

impl Cluster {
    /// A carried object by its `apiVersion`, kind, namespace and name.
    #[must_use]
    pub fn carried_object(&self, object: &serde_json::Map<String, serde_json::Value>) -> Option<&Arc<Node>> {
        let pointer = ["apiVersion", "kind", "metadata.namespace", "metadata.name"].map(FieldPath::parse);
        let identity = |document: &Node| {
            pointer
                .each_ref()
                .map(|path| document.at(path).and_then(Node::as_str).unwrap_or_default().to_owned())
        };
        let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key));
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let wanted = [
            text(object.get("apiVersion")),
            text(object.get("kind")),
            text(metadata("namespace")),
            text(metadata("name")),
        ];
        self.carried.iter().flat_map(Carried::objects).find(|document| identity(document) == wanted)
    }
}
