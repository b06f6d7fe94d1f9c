//! The objects of a rendered tree, as readers of YAML see them.

use std::collections::BTreeMap;

use meshwright::publish::Tree;
use serde_json::Value;

/// A rendered file that is read.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path in the tree.
    pub path: String,
    /// What it holds.
    pub value: Value,
}

impl File {
    /// Whether it is a Kubernetes object, and no kustomization or values file.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.value.get("apiVersion").is_some()
            && self.value.get("kind").is_some()
            && !self.path.ends_with("/kustomization.yaml")
    }

    /// `Kind/namespace/name` or `Kind/name`.
    #[must_use]
    pub fn reference(&self) -> String {
        reference(&self.value)
    }
}

/// `Kind/namespace/name` or `Kind/name` of an object.
#[must_use]
pub fn reference(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let (kind, name) = (text("/kind").unwrap_or_default(), text("/metadata/name").unwrap_or_default());
    match text("/metadata/namespace") {
        Some(namespace) => format!("{kind}/{namespace}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

/// A file as the one reader (libyaml's rules, YAML 1.1 as Kubernetes has it) and the other (YAML 1.2) see it.
///
/// # Panics
/// They do not agree.
#[must_use]
pub fn read(path: &str, bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
    let libyaml: Value =
        serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{path}: libyaml: {error}"));
    let saphyr: Value =
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{path}: saphyr: {error}"));
    assert_eq!(libyaml, saphyr, "{path}: two readers see two things");
    libyaml
}

/// Every YAML file of a tree.
#[must_use]
pub fn yaml_files(tree: &Tree) -> Vec<File> {
    tree.iter()
        .filter(|(path, _)| path.as_str().ends_with(".yaml"))
        .map(|(path, bytes)| File { path: path.as_str().to_owned(), value: read(path.as_str(), bytes) })
        .collect()
}

/// Every Kubernetes object of a tree.
#[must_use]
pub fn objects(tree: &Tree) -> Vec<File> {
    yaml_files(tree).into_iter().filter(File::is_object).collect()
}

/// The one object of that reference whose path starts with `root/`.
///
/// # Panics
/// There is none, or more than one.
#[must_use]
pub fn object(tree: &Tree, root: &str, wanted: &str) -> Value {
    let below = format!("{root}/");
    let all: BTreeMap<String, Value> = objects(tree)
        .into_iter()
        .filter(|file| file.path.starts_with(&below) && file.reference() == wanted)
        .map(|file| (file.path, file.value))
        .collect();
    assert_eq!(all.len(), 1, "{wanted} in {root}: {:?}", all.keys());
    all.into_values().next().unwrap()
}
