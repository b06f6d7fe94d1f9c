//! What agents apply, and where: Flux's `Kustomization`, Argo CD's `Application` and `ApplicationSet`.

use std::collections::BTreeMap;

use meshwright_policies::node::{Entry, Node, Value};
use meshwright_policies::repository::has_placeholder;

use super::home::of_kubeconfig;
use super::kustomize::{self, Kustomization, Object};
use super::read::{Content, Files, directory};

/// Most Applications that one set makes, and parameters of one of them.
const MOST_APPLICATIONS: usize = 5_000;

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
        if self.variables.is_empty() || !has_variable(object.node()) {
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
        substitute(object.change(), &self.variables);
    }
}

fn has_variable(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains("${"),
        Value::Sequence(items) => items.iter().any(has_variable),
        Value::Mapping(entries) => {
            entries.iter().any(|entry| entry.key.contains("${") || has_variable(&entry.node))
        }
        _ => false,
    }
}

fn substitute(node: &mut Node, variables: &BTreeMap<String, Node>) {
    match &mut node.value {
        Value::String(text) if text.contains("${") => {
            let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            if let Some(value) = whole.and_then(|name| variables.get(name)) {
                *node = value.clone();
            } else {
                *text = expanded(text, variables);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| substitute(item, variables)),
        Value::Mapping(entries) => {
            for entry in entries {
                if entry.key.contains("${") {
                    entry.key = expanded(&entry.key, variables);
                }
                substitute(&mut entry.node, variables);
            }
        }
        _ => {}
    }
}

/// `${name}`, and `${name:=default}` or `${name:-default}`.
fn expanded(text: &str, variables: &BTreeMap<String, Node>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((inside, next)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inside.split_once(":=").or_else(|| inside.split_once(":-")) {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        match variables.get(name).and_then(Node::scalar).or(default.map(str::to_owned)) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&format!("${{{inside}}}")),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

fn text<'a>(node: &'a Node, path: &str) -> Option<&'a str> {
    node.at(&path.into()).and_then(Node::as_str)
}

fn api_group(object: &Node) -> &str {
    text(object, "apiVersion").and_then(|api| api.split_once('/')).map_or("", |(group, _)| group)
}

/// What an object has applied.
pub(super) fn of(object: &Node, path: &str, files: &Files<'_>) -> Vec<Delivery> {
    match (api_group(object), text(object, "kind").unwrap_or_default()) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => flux(object, path, files).into_iter().collect(),
        ("argoproj.io", "Application") => argo(object, path, files),
        _ => Vec::new(),
    }
}

/// fluxcd/kustomize-controller: `api/v1/kustomization_types.go`.
fn flux(object: &Node, path: &str, files: &Files<'_>) -> Option<Delivery> {
    let spec = object.get("spec")?;
    let directory = in_repository(files, path, text(spec, "path").unwrap_or("."))?;
    let kubeconfig =
        text(spec, "kubeConfig.secretRef.name").or_else(|| text(spec, "kubeConfig.configMapRef.name"));
    let to = kubeconfig.map(|secret| of_kubeconfig(secret, text(object, "metadata.namespace")));
    let common = |key: &str| spec.at(&format!("commonMetadata.{key}").as_str().into());
    let overlay = overlay(&[
        ("patches", spec.get("patches")),
        ("components", spec.get("components")),
        ("namespace", spec.get("targetNamespace")),
        ("namePrefix", spec.get("namePrefix")),
        ("nameSuffix", spec.get("nameSuffix")),
        ("commonAnnotations", common("annotations")),
    ]);
    let variables = spec.at(&"postBuild.substitute".into()).into_iter().flat_map(Node::entries);
    let from = spec.at(&"postBuild.substituteFrom".into()).into_iter().flat_map(Node::items);
    let maps = from.filter(|item| text(item, "kind") == Some("ConfigMap"));
    Some(Delivery {
        directory,
        from: path.to_owned(),
        to,
        overlay,
        variables: variables.map(|entry| (entry.key.clone(), entry.node.clone())).collect(),
        variables_from: maps.filter_map(|item| text(item, "name")).map(str::to_owned).collect(),
        recurse: true,
    })
}

/// argoproj/argo-cd: `pkg/apis/application/v1alpha1/types.go`.
fn argo(object: &Node, path: &str, files: &Files<'_>) -> Vec<Delivery> {
    let Some(spec) = object.get("spec") else { return Vec::new() };
    let sources = spec.get("source").into_iter().chain(spec.get("sources").into_iter().flat_map(Node::items));
    let to = destination(spec);
    let delivery = |source: &Node| {
        let directory = in_repository(files, path, text(source, "path")?)?;
        let kustomize = |key: &str| source.get("kustomize").and_then(|kustomize| kustomize.get(key));
        let overlay = overlay(&[
            ("patches", kustomize("patches")),
            ("components", kustomize("components")),
            ("namespace", kustomize("namespace")),
            ("namePrefix", kustomize("namePrefix")),
            ("nameSuffix", kustomize("nameSuffix")),
            ("commonLabels", kustomize("commonLabels")),
            ("commonAnnotations", kustomize("commonAnnotations")),
        ]);
        let recurse = source.at(&"directory.recurse".into()).map(Node::to_json) == Some(true.into());
        Some(Delivery {
            directory,
            from: path.to_owned(),
            to: to.clone(),
            overlay,
            variables: BTreeMap::new(),
            variables_from: Vec::new(),
            recurse,
        })
    };
    sources.filter_map(delivery).collect()
}

/// The cluster of `spec.destination`; nothing for the one that Argo CD is on.
fn destination(spec: &Node) -> Option<String> {
    let name = text(spec, "destination.name").filter(|name| *name != "in-cluster" && !name.is_empty());
    let server = || text(spec, "destination.server").filter(|s| !s.contains("kubernetes.default.svc"));
    name.or_else(server).filter(|to| !to.is_empty() && !has_placeholder(to)).map(str::to_owned)
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

/// A path of an agent is from the root of the repository, which may be any directory above the agent's object.
fn in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    if has_placeholder(path) {
        return None;
    }
    let mut roots: Vec<&str> = super::home::ancestors(directory(from)).collect();
    roots.push("");
    roots.reverse();
    roots.into_iter().filter_map(|root| kustomize::resolve(root, path)).find(|path| files.has_directory(path))
}

/// A file that an agent names, from the root of the repository.
pub(super) fn file_in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    let mut roots: Vec<&str> = super::home::ancestors(directory(from)).collect();
    roots.push("");
    roots.reverse();
    roots.into_iter().filter_map(|root| kustomize::resolve(root, path)).find(|path| files.at(path).is_some())
}

/// A directory that an agent names, with the chart in it.
pub(super) fn chart_in_repository(files: &Files<'_>, from: &str, path: &str) -> Option<String> {
    in_repository(files, from, path).filter(|directory| files.chart(directory).is_some())
}

/// Names of Argo CD's clusters, by the address of their API servers, as its cluster Secrets give them.
pub(super) fn argo_clusters(files: &Files<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for content in files.in_order().flat_map(|file| &file.contents) {
        let Content::Object(manifest) = content else { continue };
        let object = &manifest.document;
        let labels = object.at(&"metadata.labels".into());
        let kind =
            labels.and_then(|labels| labels.get("argocd.argoproj.io/secret-type")).and_then(Node::as_str);
        if manifest.kind == "Secret" && kind == Some("cluster") {
            let (name, server) = (text(object, "stringData.name"), text(object, "stringData.server"));
            if let (Some(name), Some(server)) = (name, server) {
                found.insert(server.to_owned(), name.to_owned());
            }
        }
    }
    found
}

/// Parameters of one Application.
type Parameters = BTreeMap<String, String>;

/// The Applications that an ApplicationSet makes, as far as its generators are in the repository: lists, directories and
/// files of Git, and their combinations (argoproj/argo-cd: `docs/operator-manual/applicationset/Generators.md`).
pub(super) fn applications(object: &Node, path: &str, files: &Files<'_>) -> Vec<Node> {
    if (api_group(object), text(object, "kind").unwrap_or_default()) != ("argoproj.io", "ApplicationSet") {
        return Vec::new();
    }
    let (Some(generators), Some(template)) =
        (object.at(&"spec.generators".into()), object.at(&"spec.template".into()))
    else {
        return Vec::new();
    };
    let mut made = Vec::new();
    for parameters in generators.items().flat_map(|generator| generated(generator, path, files, 0)) {
        if made.len() == MOST_APPLICATIONS {
            break;
        }
        let mut application = template.clone();
        fill(&mut application, &parameters);
        if let Value::Mapping(entries) = &mut application.value {
            let text = |text: &str| Node { value: Value::String(text.to_owned()), span: template.span };
            let entry = |key: &str, value: &str| Entry {
                key: key.to_owned(),
                key_span: template.span,
                node: text(value),
            };
            entries.insert(0, entry("kind", "Application"));
            entries.insert(0, entry("apiVersion", text_of_api(object)));
        }
        made.push(application);
    }
    made
}

fn text_of_api(object: &Node) -> &str {
    text(object, "apiVersion").unwrap_or("argoproj.io/v1alpha1")
}

fn generated(generator: &Node, path: &str, files: &Files<'_>, depth: usize) -> Vec<Parameters> {
    let inner = |key: &str| {
        let list = generator.at(&format!("{key}.generators").as_str().into());
        let all = list.into_iter().flat_map(Node::items);
        all.map(|inner| generated(inner, path, files, depth.saturating_add(1))).collect::<Vec<_>>()
    };
    if depth > 3 {
        return Vec::new();
    }
    if let Some(list) = generator.get("list") {
        let elements = list.get("elements").into_iter().flat_map(Node::items);
        return elements.map(|element| flat("", element)).collect();
    }
    if let Some(git) = generator.get("git") {
        let mut found = directories(git, path, files);
        found.extend(parameter_files(git, path, files));
        return found;
    }
    if generator.get("matrix").is_some() {
        let [first, second] = inner("matrix").try_into().unwrap_or_default();
        let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a, b)));
        return pairs
            .take(MOST_APPLICATIONS)
            .map(|(a, b)| a.clone().into_iter().chain(b.clone()).collect())
            .collect();
    }
    if generator.get("merge").is_some() {
        let keys: Vec<&str> = generator
            .at(&"merge.mergeKeys".into())
            .into_iter()
            .flat_map(Node::items)
            .filter_map(Node::as_str)
            .collect();
        let mut all = inner("merge").into_iter();
        let mut merged = all.next().unwrap_or_default();
        for more in all.flatten() {
            let same = |one: &&mut Parameters| keys.iter().all(|key| one.get(*key) == more.get(*key));
            if let Some(one) = merged.iter_mut().find(same) {
                one.extend(more);
            }
        }
        return merged;
    }
    // Clusters that Argo CD knows, pull requests and the like are not in the repository.
    Vec::new()
}

/// The values of a map by their path: `cluster`, `metadata.region`.
fn flat(prefix: &str, node: &Node) -> Parameters {
    let mut found = Parameters::new();
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let key =
                    if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
                found.extend(flat(&key, &entry.node));
            }
        }
        _ => found.extend(node.scalar().map(|value| (prefix.to_owned(), value))),
    }
    found
}

fn directories(git: &Node, from: &str, files: &Files<'_>) -> Vec<Parameters> {
    let mut chosen = BTreeMap::new();
    let all: std::collections::BTreeSet<&str> =
        files.in_order().flat_map(|file| super::home::ancestors(directory(file.path))).collect();
    let patterns: Vec<(&str, bool)> = git
        .get("directories")
        .into_iter()
        .flat_map(Node::items)
        .filter_map(|item| {
            Some((text(item, "path")?, item.get("exclude").map(Node::to_json) == Some(true.into())))
        })
        .collect();
    for root in roots(from) {
        for place in &all {
            let Some(path) = below(place, root) else { continue };
            let fits =
                |exclude: bool| patterns.iter().any(|(pattern, e)| *e == exclude && matches(pattern, path));
            if fits(false) && !fits(true) {
                chosen.insert(path.to_owned(), *place);
            }
        }
        if !chosen.is_empty() {
            break;
        }
    }
    chosen.keys().map(|path| path_parameters(path)).collect()
}

fn parameter_files(git: &Node, from: &str, files: &Files<'_>) -> Vec<Parameters> {
    let patterns: Vec<&str> =
        git.get("files").into_iter().flat_map(Node::items).filter_map(|item| text(item, "path")).collect();
    let mut found = Vec::new();
    for root in roots(from) {
        for file in files.in_order() {
            let Some(path) = below(file.path, root).filter(|path| patterns.iter().any(|p| matches(p, path)))
            else {
                continue;
            };
            let Some(content) = file.contents.first() else { continue };
            let mut parameters = flat("", content.node());
            parameters.extend(path_parameters(directory(path)));
            found.push(parameters);
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// Directories that may be the root of the repository, the outermost first.
fn roots(from: &str) -> Vec<&str> {
    let mut roots: Vec<&str> = super::home::ancestors(directory(from)).collect();
    roots.push("");
    roots.reverse();
    roots
}

fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    if root.is_empty() { Some(path) } else { path.strip_prefix(root)?.strip_prefix('/') }
}

fn path_parameters(path: &str) -> Parameters {
    let mut parameters = Parameters::from([
        ("path".to_owned(), path.to_owned()),
        ("path.path".to_owned(), path.to_owned()),
        ("path.basename".to_owned(), path.rsplit('/').next().unwrap_or(path).to_owned()),
    ]);
    for (index, part) in path.split('/').enumerate() {
        parameters.insert(format!("path[{index}]"), part.to_owned());
        parameters.insert(format!("index .path.segments {index}"), part.to_owned());
    }
    parameters
}

/// A pattern of directories: `*` within a name, `**` over any.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<&str>, Vec<&str>) =
        (pattern.trim_matches('/').split('/').collect(), path.split('/').collect());
    parts_match(&pattern, &path)
}

fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (0..=path.len()).any(|from| path.get(from..).is_some_and(|path| parts_match(rest, path)))
        }
        (Some((first, rest)), Some((name, path))) => {
            super::home::matches(name, first) && parts_match(rest, path)
        }
        _ => false,
    }
}

/// Replaces `{{cluster}}`, `{{ .cluster }}` and `{{ index .path.segments 1 }}`; what is not known stays.
fn fill(node: &mut Node, parameters: &Parameters) {
    match &mut node.value {
        Value::String(text) if text.contains("{{") => *text = filled(text, parameters),
        Value::Sequence(items) => items.iter_mut().for_each(|item| fill(item, parameters)),
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key = filled(&entry.key, parameters);
                fill(&mut entry.node, parameters);
            }
        }
        _ => {}
    }
}

fn filled(text: &str, parameters: &Parameters) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((inside, next)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let name = inside.trim_matches(['-', ' ']);
        let value = parameters.get(name).or_else(|| parameters.get(name.strip_prefix('.')?));
        match value {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("{{{{{inside}}}}}")),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_directories() {
        for (pattern, path, fits) in [
            ("clusters/*", "clusters/a", true),
            ("clusters/*", "clusters/a/b", false),
            ("clusters/*/istio", "clusters/a/istio", true),
            ("clusters/**", "clusters/a/b", true),
            ("**/config.yaml", "a/b/config.yaml", true),
            ("clusters/eu-*", "clusters/us-1", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn templates_are_filled_in_as_far_as_known() {
        let parameters = path_parameters("clusters/east");
        for (template, text) in [
            ("{{path.basename}}-x", "east-x"),
            ("{{ .path.basename }}", "east"),
            ("{{.path.path}}/y", "clusters/east/y"),
            ("{{path[0]}} {{ index .path.segments 1 }}", "clusters east"),
            ("{{name}} {{", "{{name}} {{"),
        ] {
            assert_eq!(filled(template, &parameters), text);
        }
    }

    #[test]
    fn variables_are_expanded_with_their_defaults() {
        let variables = BTreeMap::from([("a".to_owned(), Node::unwritten(Value::String("1".to_owned())))]);
        for (text, expected) in
            [("x${a}y${a}", "x1y1"), ("${b:=2}-${b:-3}", "2-3"), ("${b}", "${b}"), ("${a", "${a")]
        {
            assert_eq!(expanded(text, &variables), expected);
        }
    }
}
