//! What agents apply, and where: Flux's `Kustomization`, Argo CD's `Application` and `ApplicationSet`.

mod application_set;
mod argo;
mod filled;
mod flux;
mod variables;

use std::collections::BTreeMap;

use meshwright_policies::node::{Entry, Node, Value};
use meshwright_policies::repository::has_placeholder;

pub(super) use application_set::applications;
pub(super) use argo::{clusters as argo_clusters, destination};

use super::home::ancestors;
use super::kustomize::{self, Kustomization, Object};
use super::read::{Files, directory};

/// A directory that is applied to a cluster.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The directory.
    pub(super) directory: String,
    /// The file that says so.
    pub(super) from: String,
    /// The cluster; the one that holds the agent's object unless it says another.
    pub(super) to: Option<String>,
    /// What the agent changes.
    pub(super) overlay: Option<Kustomization>,
    /// Values of `${variables}`.
    variables: BTreeMap<String, Node>,
    /// ConfigMaps with more of them.
    pub(super) variables_from: Vec<String>,
    /// Whether directories below it are taken too.
    recurse: bool,
    /// Whether every file below it is taken as it is, beside a kustomization of its own too.
    pub(super) is_plain_files: bool,
}

impl Delivery {
    /// Whether it leaves the objects as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.overlay.is_none() && self.variables.is_empty()
    }

    /// Whether a file below the directory is taken.
    pub(super) fn takes(&self, root: &str, path: &str) -> bool {
        self.recurse || directory(path) == root
    }

    /// Variables that an object holds, when it is one that they are taken from. Inline ones win.
    pub(super) fn take_variables(&mut self, object: &Object<'_>) {
        if object.kind() != "ConfigMap" || !self.variables_from.iter().any(|name| name == object.name()) {
            return;
        }
        for entry in object.node().get("data").into_iter().flat_map(Node::entries) {
            self.variables.entry(entry.key.clone()).or_insert_with(|| entry.node.clone());
        }
    }

    /// Replaces variables (fluxcd/pkg: `kustomize/kustomize_varsub.go`); those without a value stay.
    pub(super) fn substitute(&self, object: &mut Object<'_>) {
        if self.variables.is_empty() || !variables::has_any(object.node()) {
            return;
        }
        let off = |map: &str| {
            let value = object.node().get("metadata").and_then(|metadata| metadata.get(map));
            value.and_then(|map| map.get("kustomize.toolkit.fluxcd.io/substitute")).and_then(Node::as_str)
                == Some("disabled")
        };
        if off("labels") || off("annotations") {
            return;
        }
        variables::substitute(object.change(), &self.variables);
    }
}

fn api_group(object: &Node) -> &str {
    object.str_at("apiVersion").and_then(|api| api.split_once('/')).map_or("", |(group, _)| group)
}

/// What an object has applied.
pub(super) fn of(object: &Node, path: &str, files: &Files<'_>) -> Vec<Delivery> {
    match (api_group(object), object.str_at("kind").unwrap_or_default()) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            flux::delivery(object, path, files).into_iter().collect()
        }
        ("argoproj.io", "Application") => argo::deliveries(object, path, files),
        _ => Vec::new(),
    }
}

/// The changes of an agent, as a kustomization would have them.
fn overlay(keys: &[(&str, Option<&Node>)]) -> Option<Kustomization> {
    let entries: Vec<Entry> = keys
        .iter()
        .filter_map(|(key, node)| Some((*key, (*node)?)))
        .map(|(key, node)| Entry { key: key.to_owned(), key_span: node.span, node: node.clone() })
        .collect();
    let is_empty = entries.is_empty();
    let root = Node::unwritten(Value::Mapping(entries));
    (!is_empty).then(|| kustomize::read(&root, ""))
}

/// Directories that may be the root of the repository, the outermost first.
fn roots(from: &str) -> Vec<&str> {
    let mut roots: Vec<&str> = ancestors(directory(from)).collect();
    roots.push("");
    roots.reverse();
    roots
}

/// A path of an agent is from the root of the repository, which may be any directory above the agent's object.
fn in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    if has_placeholder(path) {
        return None;
    }
    let mut places = roots(from).into_iter().filter_map(|root| kustomize::resolve(root, path));
    places.find(|path| files.has_directory(path))
}

/// A file that an agent names, from the root of the repository.
pub(super) fn file_in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    let mut places = roots(from).into_iter().filter_map(|root| kustomize::resolve(root, path));
    places.find(|path| files.at(path).is_some())
}

/// A directory that an agent names, with the chart in it.
pub(super) fn chart_in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    in_repository(files, from, path).filter(|directory| files.chart(directory).is_some())
}
