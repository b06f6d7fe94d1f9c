//! What `kustomization.yaml` files make of the files that they list, as far as claims need: kustomize's own order and rules
//! (kubernetes-sigs/kustomize: `api/internal/target/kusttarget.go`), on trees whose values know where they were written.
//! What is not followed (remote bases, plugins, Helm charts) makes what it touches unknown, never wrong.

mod build;
mod generate;
mod images;
mod json_patch;
mod merge;
mod path;
mod replace;
mod select;
mod transform;
mod vars;

use std::collections::BTreeSet;

use meshwright_policies::node::{Node, Value};

pub(super) use build::{Builder, Built, Object};
use select::Target;
pub(super) use transform::{set, unset};

/// A `kustomization.yaml`.
#[derive(Clone, Debug, Default)]
pub(super) struct Kustomization {
    /// Its directory, without a trailing separator.
    pub(super) directory: String,
    /// Its own path.
    pub(super) path: String,
    /// Files and directories that it applies, as paths from the same root as the directory.
    pub(super) resources: Vec<String>,
    /// Directories of components.
    pub(super) components: Vec<String>,
    /// Changes, in the order in which they are made: before names and labels.
    patches: Vec<Patch>,
    /// `patchesJson6902`: after names and labels.
    late_patches: Vec<Patch>,
    namespace: Option<Node>,
    prefix: Option<String>,
    suffix: Option<String>,
    labels: Vec<Labels>,
    annotations: Option<Node>,
    generators: Vec<Generator>,
    replacements: Vec<Written>,
    images: Vec<images::Image>,
    vars: Vec<vars::Var>,
    /// Files of `configurations`.
    configurations: Vec<String>,
    /// Whether it is a component, which is nothing by itself.
    pub(super) component: bool,
    /// Whether it takes in what is not in the repository.
    pub(super) outside: bool,
    /// Keys by which it changes objects, or makes some, in a way that is not followed.
    pub(super) opaque: BTreeSet<&'static str>,
}

/// A replacement, in the file or beside it.
#[derive(Clone, Debug)]
enum Written {
    Here(Box<Node>),
    File(String),
}

/// One patch.
#[derive(Clone, Debug)]
struct Patch {
    from: From,
    target: Option<Target>,
    /// `options.allowNameChange`.
    renames: bool,
}

/// Where a patch is written.
#[derive(Clone, Debug)]
enum From {
    File(String),
    Text(Node),
}

/// `labels` and `commonLabels`.
#[derive(Clone, Debug)]
struct Labels {
    pairs: Node,
    selectors: bool,
    templates: bool,
}

/// `configMapGenerator` and `secretGenerator`.
#[derive(Clone, Debug)]
struct Generator {
    kind: &'static str,
    node: Node,
    /// `files` by their key, as paths from the root of the repository.
    files: Vec<(String, String)>,
}

impl Kustomization {
    fn is_opaque(&mut self, key: &'static str) {
        self.opaque.insert(key);
    }

    /// Files that it names beside its resources: patches, and what goes into generated objects. They are nothing by
    /// themselves.
    pub(super) fn other_files(&self) -> impl Iterator<Item = &str> {
        let patches = self.patches.iter().chain(&self.late_patches).filter_map(|patch| match &patch.from {
            From::File(path) => Some(path.as_str()),
            From::Text(_) => None,
        });
        let generated =
            self.generators.iter().flat_map(|generator| &generator.files).map(|(_, path)| path.as_str());
        let replacements = self.replacements.iter().filter_map(|written| match written {
            Written::File(path) => Some(path.as_str()),
            Written::Here(_) => None,
        });
        let configurations = self.configurations.iter().map(String::as_str);
        patches.chain(generated).chain(replacements).chain(configurations)
    }
}

/// Keys that are not followed: programs, charts, and what changes the rules.
const OPAQUE: &[&str] =
    &["transformers", "generators", "helmCharts", "helmChartInflationGenerator", "openapi"];

/// Reads one.
pub(super) fn read(root: &Node, path: &str) -> Kustomization {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let component = root.get("kind").and_then(Node::as_str) == Some("Component");
    let mut found = Kustomization { directory, component, path: path.to_owned(), ..Kustomization::default() };
    for key in ["resources", "bases", "components"] {
        for item in list(root, key) {
            let Some(text) = item.as_str() else { continue };
            match resolve(&found.directory, text) {
                Some(path) if key == "components" => found.components.push(path),
                Some(path) => found.resources.push(path),
                None => found.outside = true,
            }
        }
    }
    patches(root, &mut found);
    let text = |key: &str| root.get(key).and_then(Node::as_str).map(str::to_owned);
    (found.prefix, found.suffix) = (text("namePrefix"), text("nameSuffix"));
    found.namespace = root.get("namespace").filter(|node| node.as_str().is_some()).cloned();
    let flag = |node: &Node, key: &str| node.get(key).is_some_and(|node| node.value == Value::Bool(true));
    // kustomize gives `labels` first.
    for item in list(root, "labels") {
        let Some(pairs) = item.get("pairs").cloned() else { continue };
        let selectors = flag(item, "includeSelectors");
        if item.get("fields").is_some() {
            found.is_opaque("labels");
        }
        found.labels.push(Labels {
            pairs,
            selectors,
            templates: selectors || flag(item, "includeTemplates"),
        });
    }
    if let Some(pairs) = root.get("commonLabels").cloned() {
        found.labels.push(Labels { pairs, selectors: true, templates: true });
    }
    found.annotations = root.get("commonAnnotations").cloned();
    for (key, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for item in list(root, key) {
            found.generators.push(generator(kind, item, &found.directory));
        }
    }
    for replacement in list(root, "replacements") {
        match replacement.get("path").and_then(Node::as_str) {
            None => found.replacements.push(Written::Here(Box::new(replacement.clone()))),
            Some(path) => match resolve(&found.directory, path) {
                Some(path) => found.replacements.push(Written::File(path)),
                None => found.is_opaque("replacements"),
            },
        }
    }
    found.images = list(root, "images").filter_map(images::Image::of).collect();
    for var in list(root, "vars") {
        match vars::Var::of(var) {
            Some(var) => found.vars.push(var),
            None => found.is_opaque("vars"),
        }
    }
    for file in list(root, "configurations").filter_map(Node::as_str) {
        match resolve(&found.directory, file) {
            Some(path) => found.configurations.push(path),
            None => found.is_opaque("configurations"),
        }
    }
    for key in OPAQUE.iter().filter(|key| root.get(key).is_some()) {
        found.is_opaque(key);
    }
    found
}

fn patches(root: &Node, found: &mut Kustomization) {
    for item in list(root, "patchesStrategicMerge") {
        let from = match item.as_str() {
            Some(text) if text.contains('\n') || text.contains(": ") => Some(From::Text(item.clone())),
            Some(text) => resolve(&found.directory, text).map(From::File),
            None => None,
        };
        if from.is_none() {
            found.is_opaque("patchesStrategicMerge");
        }
        found.patches.extend(from.map(|from| Patch { from, target: None, renames: false }));
    }
    for (key, late) in [("patches", false), ("patchesJson6902", true)] {
        for item in list(root, key) {
            let path = item.get("path").and_then(Node::as_str);
            let from = match (item.get("patch"), path) {
                (Some(patch), _) if patch.as_str().is_some_and(|text| !text.is_empty()) => {
                    Some(From::Text(patch.clone()))
                }
                (_, Some(path)) => resolve(&found.directory, path).map(From::File),
                _ => None,
            };
            if from.is_none() {
                found.is_opaque(key);
            }
            let Some(from) = from else { continue };
            let option = |key: &str| {
                item.get("options").and_then(|options| options.get(key)).map(|node| node.to_json())
                    == Some(serde_json::Value::Bool(true))
            };
            let renames = option("allowNameChange") || option("allowKindChange");
            let patch = Patch { from, target: item.get("target").map(Target::of), renames };
            if late { &mut found.late_patches } else { &mut found.patches }.push(patch);
        }
    }
}

fn generator(kind: &'static str, item: &Node, directory: &str) -> Generator {
    let files = list(item, "files").filter_map(Node::as_str).filter_map(|text| {
        let (key, path) = match text.split_once('=') {
            Some((key, path)) => (key.to_owned(), path),
            None => (text.rsplit('/').next().unwrap_or(text).to_owned(), text),
        };
        Some((key, resolve(directory, path)?))
    });
    Generator { kind, node: item.clone(), files: files.collect() }
}

fn list<'a>(root: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> {
    root.get(key).into_iter().flat_map(Node::items)
}

/// A path from the root; nothing for what lies outside or is not a path.
pub(super) fn resolve(directory: &str, text: &str) -> Option<String> {
    if text.contains("://")
        || text.starts_with('/')
        || text.contains("?ref=")
        || text.starts_with("git@")
        || ["github.com/", "gitlab.com/", "bitbucket.org/"].iter().any(|host| text.starts_with(host))
    {
        return None;
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    let absolute = directory.starts_with('/');
    for part in text.split('/') {
        match part {
            "" | "." => {}
            // What was read may lie below where the paths begin.
            ".." if parts.last().is_none_or(|last| *last == "..") && !absolute => parts.push(".."),
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Some(if absolute { format!("/{joined}") } else { joined })
}
