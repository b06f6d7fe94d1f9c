//! Argo CD's `ApplicationSet`.

mod clusters;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::node::{Entry, Node, Value};

use super::{api_group, roots};
use crate::lint::home::{self, ancestors};
use crate::lint::read::{Files, directory};

/// Most Applications that one set makes, and parameters of one of them.
const MOST_APPLICATIONS: usize = 5_000;

/// Parameters of one Application.
type Parameters = BTreeMap<String, String>;

/// The Applications that an ApplicationSet makes, as far as its generators are in the repository: lists, directories and
/// files of Git, clusters as far as they are known, and their combinations (argoproj/argo-cd: `docs/operator-manual/applicationset/Generators.md`).
pub(in crate::lint) fn applications(object: &Node, path: &str, files: &Files<'_>) -> Vec<Node> {
    if (api_group(object), object.str_at("kind").unwrap_or_default()) != ("argoproj.io", "ApplicationSet") {
        return Vec::new();
    }
    let (Some(generators), Some(template)) =
        (object.at(&"spec.generators".into()), object.at(&"spec.template".into()))
    else {
        return Vec::new();
    };
    let mut made = Vec::new();
    let around = Around { template, path, files };
    for parameters in generators.items().flat_map(|generator| around.generated(generator, 0)) {
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
    object.str_at("apiVersion").unwrap_or("argoproj.io/v1alpha1")
}

/// Where a generator stands.
#[derive(Clone, Copy)]
struct Around<'a> {
    template: &'a Node,
    path: &'a str,
    files: &'a Files<'a>,
}

impl Around<'_> {
    /// What a generator makes; nothing of those that ask others than the repository, such as pull requests.
    fn generated(self, generator: &Node, depth: usize) -> Vec<Parameters> {
        if depth > 3 {
            return Vec::new();
        }
        let (path, files) = (self.path, self.files);
        let inner = |of: &Node| -> Vec<Vec<Parameters>> {
            let all = of.get("generators").into_iter().flat_map(Node::items);
            all.map(|inner| self.generated(inner, depth.saturating_add(1))).collect()
        };
        if let Some(list) = generator.get("list") {
            let elements = list.get("elements").into_iter().flat_map(Node::items);
            elements.map(|element| flat("", element)).collect()
        } else if let Some(clusters) = generator.get("clusters") {
            clusters::parameters(clusters, self.template, path, files)
        } else if let Some(git) = generator.get("git") {
            let mut found = directories(git, path, files);
            found.extend(parameter_files(git, path, files));
            found
        } else if let Some(matrix) = generator.get("matrix") {
            combined(&inner(matrix))
        } else if let Some(merge) = generator.get("merge") {
            let keys = merge.get("mergeKeys").into_iter().flat_map(Node::items).filter_map(Node::as_str);
            merged(&keys.collect::<Vec<_>>(), inner(merge))
        } else {
            Vec::new()
        }
    }
}

/// Every pair of what two generators make.
fn combined(both: &[Vec<Parameters>]) -> Vec<Parameters> {
    let [first, second] = both else { return Vec::new() };
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a, b)));
    let all = pairs.take(MOST_APPLICATIONS).map(|(a, b)| a.clone().into_iter().chain(b.clone()).collect());
    all.collect()
}

/// What the first generator makes, with what the others say of the same keys.
fn merged(keys: &[&str], all: Vec<Vec<Parameters>>) -> Vec<Parameters> {
    let mut all = all.into_iter();
    let mut merged = all.next().unwrap_or_default();
    for more in all.flatten() {
        let same = |one: &&mut Parameters| keys.iter().all(|key| one.get(*key) == more.get(*key));
        if let Some(one) = merged.iter_mut().find(same) {
            one.extend(more);
        }
    }
    merged
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
    let all: BTreeSet<&str> = files.in_order().flat_map(|file| ancestors(directory(file.path))).collect();
    let patterns: Vec<(&str, bool)> = git
        .get("directories")
        .into_iter()
        .flat_map(Node::items)
        .filter_map(|item| {
            Some((item.str_at("path")?, item.get("exclude").map(Node::to_json) == Some(true.into())))
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
        git.get("files").into_iter().flat_map(Node::items).filter_map(|item| item.str_at("path")).collect();
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
        (Some((first, rest)), Some((name, path))) => home::matches(name, first) && parts_match(rest, path),
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
    super::filled::filled(text, ("{{", "}}"), |inside| {
        let name = inside.trim_matches(['-', ' ']);
        parameters.get(name).or_else(|| parameters.get(name.strip_prefix('.')?)).cloned()
    })
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

    fn parameters(values: &[(&str, &str)]) -> Parameters {
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn generators_are_combined_and_merged() {
        let clusters = vec![parameters(&[("cluster", "east")]), parameters(&[("cluster", "west")])];
        let zones = vec![parameters(&[("zone", "1")])];
        let pairs = combined(&[clusters.clone(), zones.clone()]);
        assert_eq!(pairs[1], parameters(&[("cluster", "west"), ("zone", "1")]));
        assert_eq!(pairs.len(), 2);
        assert!(combined(&[zones]).is_empty(), "a matrix has two");
        let more =
            vec![parameters(&[("cluster", "west"), ("zone", "2")]), parameters(&[("cluster", "south")])];
        let expected =
            [parameters(&[("cluster", "east")]), parameters(&[("cluster", "west"), ("zone", "2")])];
        assert_eq!(merged(&["cluster"], vec![clusters, more]), expected);
    }
}
