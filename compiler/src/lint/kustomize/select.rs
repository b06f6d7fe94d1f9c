//! Which objects a patch is for (kubernetes-sigs/kustomize: `api/types/selector.go`, `api/resmap/reswrangler.go`).

use meshwright_policies::node::Node;
use regex::Regex;

use super::Object;

/// A selector. A field that is not given selects everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<String>,
    annotations: Option<String>,
}

/// The patterns of a target, ready to match. Nothing when one of them is no regular expression.
pub(super) struct Matcher {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Option<Vec<Requirement>>,
    annotations: Option<Vec<Requirement>>,
}

impl Target {
    pub(super) fn of(node: &Node) -> Target {
        let text =
            |key: &str| node.get(key).and_then(Node::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
        Target {
            group: text("group"),
            version: text("version"),
            kind: text("kind"),
            name: text("name"),
            namespace: text("namespace"),
            labels: text("labelSelector"),
            annotations: text("annotationSelector"),
        }
    }

    pub(super) fn matcher(&self) -> Option<Matcher> {
        Some(Matcher {
            group: pattern(self.group.as_deref())?,
            version: pattern(self.version.as_deref())?,
            kind: pattern(self.kind.as_deref())?,
            name: pattern(self.name.as_deref())?,
            namespace: pattern(self.namespace.as_deref())?,
            labels: requirements(self.labels.as_deref())?,
            annotations: requirements(self.annotations.as_deref())?,
        })
    }
}

/// A regular expression for all of a text. Most are the text itself, and need not be compiled.
enum Pattern {
    Text(String),
    Regex(Regex),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Text(wanted) => text == wanted,
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

/// kustomize anchors what is not anchored.
fn pattern(text: Option<&str>) -> Option<Option<Pattern>> {
    match text {
        None => Some(None),
        Some(text) if text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)) => {
            Some(Some(Pattern::Text(text.to_owned())))
        }
        Some(text) => Some(Some(Pattern::Regex(Regex::new(&format!("^(?:{text})$")).ok()?))),
    }
}

impl Matcher {
    pub(super) fn matches(&self, object: &Object<'_>) -> bool {
        let is = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.matches(text));
        let (group, version) = object.group_version();
        let names = [object.name(), object.original.0.as_str()];
        let namespaces = [object.namespace(), object.original.1.as_str()];
        is(&self.group, group)
            && is(&self.version, version)
            && is(&self.kind, object.kind())
            && names.iter().any(|name| is(&self.name, name))
            && namespaces.iter().any(|namespace| is(&self.namespace, effective(namespace)))
            && meets(self.labels.as_deref(), object, "labels")
            && meets(self.annotations.as_deref(), object, "annotations")
    }
}

/// What kustomize takes a missing namespace for (`kyaml/resid/resid.go`).
pub(super) fn effective(namespace: &str) -> &str {
    if namespace.is_empty() { "default" } else { namespace }
}

/// One part of a label selector.
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Has(String),
    HasNot(String),
}

/// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k` (k8s.io/apimachinery: `pkg/labels/selector.go`).
fn requirements(text: Option<&str>) -> Option<Option<Vec<Requirement>>> {
    let Some(text) = text else { return Some(None) };
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0_usize, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(from..at)?);
                from = at.saturating_add(1);
            }
            _ => {}
        }
    }
    parts.push(text.get(from..)?);
    parts.into_iter().map(|part| requirement(part.trim())).collect::<Option<Vec<_>>>().map(Some)
}

fn requirement(text: &str) -> Option<Requirement> {
    let key = |text: &str| text.trim().to_owned();
    let set = |text: &str| {
        let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((name, values)) = text.split_once(" notin ") {
        Some(Requirement::NotIn(key(name), set(values)?))
    } else if let Some((name, values)) = text.split_once(" in ") {
        Some(Requirement::In(key(name), set(values)?))
    } else if let Some((name, value)) = text.split_once("!=") {
        Some(Requirement::NotIn(key(name), vec![key(value)]))
    } else if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        Some(Requirement::In(key(name), vec![key(value)]))
    } else if let Some(name) = text.strip_prefix('!') {
        Some(Requirement::HasNot(key(name)))
    } else {
        (!text.is_empty()).then(|| Requirement::Has(key(text)))
    }
}

fn meets(requirements: Option<&[Requirement]>, object: &Object<'_>, map: &str) -> bool {
    let metadata = object.node().get("metadata").and_then(|metadata| metadata.get(map));
    let value = |key: &str| metadata.and_then(|map| map.get(key)).and_then(Node::as_str);
    requirements.unwrap_or_default().iter().all(|requirement| match requirement {
        Requirement::In(key, values) => value(key).is_some_and(|value| values.iter().any(|v| v == value)),
        Requirement::NotIn(key, values) => value(key).is_none_or(|value| values.iter().all(|v| v != value)),
        Requirement::Has(key) => value(key).is_some(),
        Requirement::HasNot(key) => value(key).is_none(),
    })
}
