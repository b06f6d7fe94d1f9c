//! Values of Helm releases from wherever they travel: ConfigMaps and files that a release names, charts that wrap others.
//! They are laid over each other in Helm's order, and every value keeps the place where it is written.

use std::collections::BTreeMap;

use meshwright_policies::chart_keys::Chart;
use meshwright_policies::node::{FieldPath, Node, Step, Value};
use meshwright_policies::repository::Manifest;
use meshwright_policies::version::Version;

use super::delivery::{chart_in_repository, file_in_repository};
use super::kustomize::Object;
use super::read::{Dependency, Files};
use super::{embedded, kustomize};

/// ConfigMaps of a cluster, by namespace and name.
#[derive(Default)]
pub(super) struct ConfigMaps<'a> {
    by_name: BTreeMap<&'a str, Vec<(&'a str, &'a Node)>>,
}

impl<'a> ConfigMaps<'a> {
    pub(super) fn of(objects: impl Iterator<Item = &'a Object<'a>>) -> ConfigMaps<'a> {
        let mut maps = ConfigMaps::default();
        for object in objects.filter(|object| object.kind() == "ConfigMap") {
            maps.by_name.entry(object.name()).or_default().push((object.namespace(), object.node()));
        }
        maps
    }

    /// In the same namespace, or the only one of that name: a root may set namespaces later.
    fn find(&self, namespace: &str, name: &str) -> Option<&'a Node> {
        let all = self.by_name.get(name)?;
        let same = all.iter().find(|(own, _)| *own == namespace);
        same.or_else(|| all.first().filter(|_| all.len() == 1)).map(|(_, node)| *node)
    }
}

/// What a release comes to.
#[derive(Default)]
pub(super) struct Resolved {
    /// The object with all of its values in it; nothing when it is as it was.
    pub(super) document: Option<Node>,
    /// Values of charts that its chart brings along.
    pub(super) values: Vec<Manifest>,
    /// Files of values that it takes.
    pub(super) files: Vec<String>,
    /// Whether values were not read.
    pub(super) unread: bool,
}

pub(super) fn resolve(object: &Node, path: &str, maps: &ConfigMaps<'_>, files: &Files<'_>) -> Resolved {
    let text = |key: &str| object.get(key).and_then(Node::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    match (group, text("kind")) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => flux(object, path, maps, files),
        ("argoproj.io", "Application") => argo(object, path, files),
        _ => Resolved::default(),
    }
}

fn at<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    node.at(&path.into())
}

/// fluxcd/helm-controller: `api/v2/helmrelease_types.go`; later entries of `valuesFrom` and then `values` win.
fn flux(object: &Node, path: &str, maps: &ConfigMaps<'_>, files: &Files<'_>) -> Resolved {
    let mut resolved = Resolved::default();
    let Some(spec) = object.get("spec") else { return resolved };
    let namespace = object.str_at("metadata.namespace").unwrap_or_default();
    let mut layers = Layers::default();
    let chart = spec.str_at("chart.spec.chart").unwrap_or_default();
    let is_path = matches!(spec.str_at("chart.spec.sourceRef.kind"), Some("GitRepository" | "Bucket"));
    let directory = is_path.then(|| chart_in_repository(files, path, chart)).flatten();
    if let Some(directory) = &directory {
        let more = at(spec, "chart.spec.valuesFiles").into_iter().flat_map(Node::items);
        let named: Vec<&str> = more.filter_map(Node::as_str).collect();
        if named.is_empty() {
            layers.file(&format!("{directory}/values.yaml"), files, &mut resolved.files);
        }
        for name in named {
            match file_in_repository(files, path, name) {
                Some(file) => drop(layers.file(&file, files, &mut resolved.files)),
                None => resolved.unread = true,
            }
        }
    }
    for from in at(spec, "valuesFrom").into_iter().flat_map(Node::items) {
        let optional = from.get("optional").map(Node::to_json) == Some(true.into());
        let read = from.str_at("kind") == Some("ConfigMap")
            && from.str_at("name").and_then(|name| maps.find(namespace, name)).is_some_and(|map| {
                let key = from.str_at("valuesKey").unwrap_or("values.yaml");
                let value = map.get("data").and_then(|data| data.get(key));
                value.is_some_and(|value| layers.value(value, from.str_at("targetPath"), files))
            });
        resolved.unread |= !read && !optional;
    }
    let is_changed = layers.is_changed;
    if let Some(values) = spec.get("values") {
        layers.lay(values);
    }
    let release = spec.str_at("releaseName").or_else(|| object.str_at("metadata.name")).unwrap_or_default();
    if let Some(dependencies) = directory.as_deref().and_then(|directory| files.chart(directory)) {
        resolved.values = wrapped(&layers.values, dependencies, release);
    }
    if !resolved.values.is_empty() {
        // They are told apart, and are no values of the wrapper itself, whatever it is called.
        let mut document = object.clone();
        kustomize::unset(&mut document, &["spec", "values"]);
        resolved.document = Some(document);
    } else if is_changed {
        let mut document = object.clone();
        kustomize::set(&mut document, &["spec", "values"], layers.values);
        resolved.document = Some(document);
    }
    resolved
}

/// argoproj/argo-cd: `reposerver/repository/repository.go`: files, then values, then parameters.
fn argo(object: &Node, path: &str, files: &Files<'_>) -> Resolved {
    let mut resolved = Resolved::default();
    let mut document = object.clone();
    let mut is_changed = false;
    let count = at(object, "spec.sources").map_or(0, |list| list.items().count());
    let mut prefixes = vec![FieldPath::parse("spec.source")];
    prefixes.extend((0..count).map(|index| FieldPath::parse("spec.sources").index(index)));
    for prefix in prefixes {
        let Some(source) = object.at(&prefix) else { continue };
        let directory = source.str_at("path").and_then(|chart| chart_in_repository(files, path, chart));
        let helm = source.get("helm");
        if helm.is_none() && directory.is_none() {
            continue;
        }
        let mut layers = Layers::default();
        if let Some(directory) = &directory {
            layers.file(&format!("{directory}/values.yaml"), files, &mut resolved.files);
        }
        let ignore = helm.and_then(|helm| helm.get("ignoreMissingValueFiles")).map(Node::to_json);
        for name in helm.and_then(|helm| helm.get("valueFiles")).into_iter().flat_map(Node::items) {
            let found = name.as_str().and_then(|name| value_file(name, directory.as_deref(), path, files));
            match found {
                Some(file) => drop(layers.file(&file, files, &mut resolved.files)),
                None => resolved.unread |= ignore != Some(true.into()),
            }
        }
        let before = layers.is_changed;
        let own = |key: &str| helm.and_then(|helm| helm.get(key));
        // One of the two counts (argo-cd: `pkg/apis/application/v1alpha1/values.go`).
        if let Some(values) = own("valuesObject").or_else(|| own("values")) {
            resolved.unread |= !layers.value(values, None, files);
        }
        layers.is_changed = before;
        for parameter in helm.and_then(|helm| helm.get("parameters")).into_iter().flat_map(Node::items) {
            if let (Some(name), Some(value)) = (parameter.str_at("name"), parameter.get("value")) {
                layers.set(name, value.clone());
            }
        }
        let release = helm.and_then(|helm| helm.str_at("releaseName"));
        let release = release.or_else(|| object.str_at("metadata.name")).unwrap_or_default();
        if let Some(dependencies) = directory.as_deref().and_then(|directory| files.chart(directory)) {
            let values = wrapped(&layers.values, dependencies, release);
            if !values.is_empty() {
                is_changed = true;
                take(&mut document, &prefix);
            }
            resolved.values.extend(values);
        } else if layers.is_changed {
            is_changed = true;
            put(&mut document, &prefix, layers.values);
        }
    }
    if is_changed {
        resolved.document = Some(document);
    }
    resolved
}

/// `$ref/path` is a file of another source; any other path is from the chart.
fn value_file(name: &str, chart: Option<&str>, from: &str, files: &Files<'_>) -> Option<String> {
    if let Some(rest) = name.strip_prefix('$') {
        let (_, path) = rest.split_once('/')?;
        return file_in_repository(files, from, path);
    }
    if name.starts_with('/') {
        return file_in_repository(files, from, name.trim_start_matches('/'));
    }
    kustomize::resolve(chart?, name).filter(|path| files.at(path).is_some())
}

fn put(document: &mut Node, source: &FieldPath, values: Node) {
    let Some(node) = source_of(document, source) else { return };
    kustomize::unset(node, &["helm", "values"]);
    kustomize::set(node, &["helm", "valuesObject"], values);
}

/// Takes the values out of a source whose chart only wraps others: they are told apart.
fn take(document: &mut Node, source: &FieldPath) {
    let Some(node) = source_of(document, source) else { return };
    for key in ["values", "valuesObject", "parameters"] {
        kustomize::unset(node, &["helm", key]);
    }
}

fn source_of<'a>(document: &'a mut Node, source: &FieldPath) -> Option<&'a mut Node> {
    source.0.iter().try_fold(document, |node, step| match (&mut node.value, step) {
        (Value::Mapping(entries), Step::Key(key)) => {
            entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.node)
        }
        (Value::Sequence(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

/// Values on values.
struct Layers {
    values: Node,
    /// Whether anything but the object's own values is in them.
    is_changed: bool,
}

impl Default for Layers {
    fn default() -> Layers {
        Layers { values: Node::unwritten(Value::Mapping(Vec::new())), is_changed: false }
    }
}

impl Layers {
    fn lay(&mut self, over: &Node) {
        if matches!(over.value, Value::Mapping(_)) {
            self.values.overlay(over);
        }
    }

    fn file(&mut self, path: &str, files: &Files<'_>, used: &mut Vec<String>) -> bool {
        let Some(file) = files.at(path) else { return false };
        used.push(path.to_owned());
        if let Some(content) = file.contents.first() {
            self.lay(content.node());
            self.is_changed = true;
        }
        file.whole
    }

    /// Values as text; at a path, one value.
    fn value(&mut self, value: &Node, target: Option<&str>, files: &Files<'_>) -> bool {
        match target {
            Some(target) => self.set(target, value.clone()),
            None if matches!(value.value, Value::Mapping(_)) => {
                self.lay(value);
                self.is_changed = true;
            }
            None => {
                let Some(documents) = embedded::load(value, files.sources) else { return false };
                documents.first().into_iter().for_each(|document| self.lay(document));
                self.is_changed = true;
            }
        }
        true
    }

    /// A path as `helm --set` has it; items of lists are not followed.
    fn set(&mut self, path: &str, value: Node) {
        let mut keys = vec![String::new()];
        let mut characters = path.chars();
        while let Some(c) = characters.next() {
            match c {
                '.' => keys.push(String::new()),
                c => {
                    let c = if c == '\\' { characters.next().unwrap_or(c) } else { c };
                    if let Some(last) = keys.last_mut() {
                        last.push(c);
                    }
                }
            }
        }
        if keys.iter().any(|key| key.contains('[')) {
            return;
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        kustomize::set(&mut self.values, &keys, value);
        self.is_changed = true;
    }
}

/// Values of each of Istio's charts that a chart brings along. `global` is everybody's (Helm: "Global Chart Values").
fn wrapped(values: &Node, dependencies: &[Dependency], release: &str) -> Vec<Manifest> {
    let found = dependencies.iter().filter_map(|dependency| {
        let chart = Chart::named(&dependency.chart)?;
        let mut own = values
            .get(&dependency.key)
            .cloned()
            .unwrap_or(Node { value: Value::Mapping(Vec::new()), span: values.span });
        if let Some(global) = values.get("global") {
            let mut over = own.get("global").cloned().unwrap_or(Node::unwritten(Value::Mapping(Vec::new())));
            over.overlay(global);
            kustomize::set(&mut own, &["global"], over);
        }
        let version = dependency.version.as_deref().and_then(|text| text.parse::<Version>().ok());
        Some(Manifest { chart: Some((chart, version)), ..Manifest::values(own, chart, release) })
    });
    found.collect()
}
