//! What `kustomization.yaml` files say about which files are applied together.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::node::{Node, Value};

use super::read::Document;

/// A `kustomization.yaml`.
#[derive(Clone, Debug, Default)]
pub(super) struct Kustomization {
    /// Its directory, without a trailing separator.
    pub(super) directory: String,
    /// Files and directories that it applies, as paths from the same root as the directory.
    pub(super) resources: Vec<String>,
    /// Files that change others and are nothing by themselves.
    pub(super) patch_files: Vec<String>,
    /// Patches that are written in it, as text with the target's kind and name.
    pub(super) inline: Vec<Inline>,
    /// Whether it takes in what is not in the repository, or changes objects in a way that is not followed.
    pub(super) opaque: bool,
}

/// A patch that is written in a `kustomization.yaml`.
#[derive(Clone, Debug)]
pub(super) struct Inline {
    /// The text.
    pub(super) text: String,
    /// `target.kind`, when given.
    pub(super) kind: Option<String>,
    /// `target.name`, when given.
    pub(super) name: Option<String>,
}

/// Reads one.
pub(super) fn read(root: &Node, path: &str) -> Kustomization {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let mut found = Kustomization { directory, ..Kustomization::default() };
    for key in ["resources", "bases", "components", "crds"] {
        for item in list(root, key) {
            let Some(text) = item.as_str() else { continue };
            match resolve(&found.directory, text) {
                Some(path) => found.resources.push(path),
                None => found.opaque = true,
            }
        }
    }
    for item in list(root, "patchesStrategicMerge") {
        match item.as_str() {
            Some(text) if text.contains('\n') => {
                found.inline.push(Inline { text: text.to_owned(), kind: None, name: None });
            }
            Some(text) => found.patch_files.extend(resolve(&found.directory, text)),
            None => {}
        }
    }
    for item in list(root, "patches").chain(list(root, "patchesJson6902")) {
        let text = |key: &str| item.get(key).and_then(Node::as_str);
        let target = |key: &str| item.get("target").and_then(|t| t.get(key)).and_then(Node::as_str);
        if let Some(path) = text("path") {
            found.patch_files.extend(resolve(&found.directory, path));
            // A JSON patch is told from a merge patch by its content, and has a target.
            found.opaque |= item.get("target").is_some();
        }
        if let Some(patch) = text("patch") {
            found.inline.push(Inline {
                text: patch.to_owned(),
                kind: target("kind").map(str::to_owned),
                name: target("name").map(str::to_owned),
            });
        }
    }
    let opaque =
        ["replacements", "vars", "namePrefix", "nameSuffix", "transformers", "helmCharts", "generators"];
    found.opaque |= opaque.iter().any(|key| root.get(key).is_some());
    found
}

fn list<'a>(root: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> {
    root.get(key).into_iter().flat_map(|node| match &node.value {
        Value::Sequence(items) => items.as_slice(),
        _ => &[],
    })
}

/// A path of a kustomization from the root; nothing for what lies outside or is not a path.
fn resolve(directory: &str, text: &str) -> Option<String> {
    if text.contains("://")
        || text.starts_with('/')
        || text.contains("?ref=")
        || text.starts_with("github.com/")
    {
        return None;
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    let absolute = directory.starts_with('/');
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if absolute { format!("/{joined}") } else { joined })
}

/// Every file that a kustomization applies, through others, and whether all of it is there.
pub(super) fn closure(
    of: &Kustomization,
    by_directory: &BTreeMap<&str, &Kustomization>,
    files: &BTreeMap<&str, Vec<&Document>>,
) -> (BTreeSet<String>, bool) {
    let (mut found, mut complete) = (BTreeSet::new(), true);
    let mut seen = BTreeSet::from([of.directory.clone()]);
    let mut open = vec![of];
    while let Some(next) = open.pop() {
        complete &= !next.opaque;
        for resource in &next.resources {
            if files.contains_key(resource.as_str()) {
                found.insert(resource.clone());
            } else if let Some(inner) = by_directory.get(resource.as_str()) {
                if seen.insert(resource.clone()) {
                    open.push(inner);
                }
            } else {
                complete = false;
            }
        }
    }
    (found, complete)
}
