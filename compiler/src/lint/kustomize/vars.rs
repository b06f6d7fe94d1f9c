//! `vars`: `$(NAME)` stands for a field of an object, in the fields that kustomize looks at (kubernetes-sigs/kustomize:
//! `api/internal/accumulator/resaccumulator.go`, `api/filters/refvar`). Those of all roots within a root are resolved at its
//! end.

use std::collections::BTreeMap;

use meshwright_policies::node::{Node, Value};

use super::Object;
use super::path;
use super::select::effective;

/// One variable.
#[derive(Clone, Debug)]
pub(super) struct Var {
    pub(super) name: String,
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    object: String,
    namespace: String,
    field: String,
}

/// A field in which variables stand: its keys, and the kind of object, any when it is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    path: Vec<String>,
    kind: String,
}

/// Fields of the kinds that a mesh is told by (`api/internal/konfig/builtinpluginconsts/varreference.go`).
const PLACES: &[(&str, &str)] = &[
    ("metadata/labels", ""),
    ("metadata/annotations", ""),
    ("spec/template/metadata/annotations", "Deployment"),
    ("spec/ports/port", "Service"),
    ("spec/ports/targetPort", "Service"),
];

/// Kinds with pods, and where those are.
const PODS: &[(&str, &str)] = &[
    ("spec/template/spec", "DaemonSet"),
    ("spec/template/spec", "Deployment"),
    ("spec/template/spec", "Job"),
    ("spec/template/spec", "ReplicaSet"),
    ("spec/template/spec", "StatefulSet"),
    ("spec/jobTemplate/spec/template/spec", "CronJob"),
    ("spec", "Pod"),
];

/// Fields of the containers of a pod.
const CONTAINER: &[&str] = &["args", "command", "env/value", "volumeMounts/mountPath"];

impl Place {
    fn new(path: &str, kind: &str) -> Place {
        Place { path: path.split('/').map(str::to_owned).collect(), kind: kind.to_owned() }
    }

    /// The fields that kustomize looks at of itself.
    fn usual() -> Vec<Place> {
        let mut all: Vec<Place> = PLACES.iter().map(|(path, kind)| Place::new(path, kind)).collect();
        for (pods, kind) in PODS {
            for list in ["containers", "initContainers"] {
                all.extend(CONTAINER.iter().map(|field| Place::new(&format!("{pods}/{list}/{field}"), kind)));
            }
        }
        all
    }

    /// Those of a file that `configurations` lists; nothing when the file says other things, too. Names and namespaces within
    /// other fields than an object's own are not told by.
    pub(super) fn configured(root: &Node) -> Option<Vec<Place>> {
        let known = ["varReference", "nameReference", "namespace"];
        if root.entries().any(|entry| !known.contains(&entry.key.as_str())) {
            return None;
        }
        let items = root.get("varReference").into_iter().flat_map(Node::items);
        let place = |item: &Node| {
            let text = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or_default();
            Place::new(text("path"), text("kind"))
        };
        Some(items.map(place).collect())
    }
}

impl Var {
    pub(super) fn of(node: &Node) -> Option<Var> {
        let object = node.get("objref").or_else(|| node.get("objRef"))?;
        let text = |key: &str| object.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
        let (group, version) = match text("apiVersion").map(|api| api.split_once('/').unwrap_or(("", api))) {
            Some((group, version)) => (Some(group.to_owned()), Some(version.to_owned())),
            None => (text("group").map(str::to_owned), text("version").map(str::to_owned)),
        };
        // kustomize reads its keys in any case.
        let field = node.get("fieldref").or_else(|| node.get("fieldRef"));
        let field = field.and_then(|field| field.get("fieldPath").or_else(|| field.get("fieldpath")));
        let field = field.and_then(Node::as_str);
        Some(Var {
            name: node.get("name")?.as_str()?.to_owned(),
            group,
            version,
            kind: text("kind").map(str::to_owned),
            object: text("name")?.to_owned(),
            namespace: text("namespace").unwrap_or_default().to_owned(),
            field: field.unwrap_or("metadata.name").to_owned(),
        })
    }

    fn is_for(&self, object: &Object<'_>) -> bool {
        let (group, version) = object.group_version();
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let is_name = [object.name(), object.original.0.as_str()].contains(&self.object.as_str());
        let home = [object.namespace(), object.original.1.as_str()];
        is(&self.group, group)
            && is(&self.version, version)
            && is(&self.kind, object.kind())
            && is_name
            && (self.namespace.is_empty()
                || home.iter().any(|own| effective(own) == effective(&self.namespace)))
    }

    /// What it stands for; nothing when it is not to be known.
    fn value(&self, objects: &[Object<'_>]) -> Option<Node> {
        let mut matching = objects.iter().filter(|object| self.is_for(object));
        let object = matching.next().filter(|object| !object.unknown)?;
        if matching.next().is_some() {
            return None;
        }
        // `a[0].b` and `a.b`, as in `GetFieldValue`.
        let look_up = |field: &str| path::look_up(object.node(), &path::split(field));
        let flat = || look_up(&self.field.replace('[', ".").replace(']', ""));
        let found = look_up(&self.field).or_else(flat)?;
        (!matches!(found.value, Value::Mapping(_) | Value::Sequence(_) | Value::Null)).then(|| found.clone())
    }
}

/// Puts the values of all variables in; whether all were known. What could not be put in stays `$(NAME)`, of which nothing
/// is concluded.
pub(super) fn resolve(vars: &[Var], configured: &[Place], objects: &mut [Object<'_>]) -> bool {
    if vars.is_empty() {
        return true;
    }
    let mut values = BTreeMap::new();
    let mut complete = true;
    for var in vars {
        match var.value(objects) {
            Some(value) => {
                values.insert(var.name.as_str(), value);
            }
            None => complete = false,
        }
    }
    let mut places = Place::usual();
    places.extend(configured.iter().cloned());
    for object in objects.iter_mut() {
        let own = places.iter().filter(|place| place.kind.is_empty() || place.kind == object.kind());
        let mut document = object.node().clone();
        let mut changed = false;
        for place in own {
            changed |= put(&mut document, &place.path, &values);
        }
        if changed {
            *object.change() = document;
        }
    }
    complete
}

/// Replaces what stands at a path, through lists; whether anything was.
fn put(node: &mut Node, path: &[String], values: &BTreeMap<&str, Node>) -> bool {
    match (&mut node.value, path.split_first()) {
        (Value::Sequence(items), Some(_)) => {
            items.iter_mut().fold(false, |changed, item| put(item, path, values) | changed)
        }
        (Value::Mapping(entries), Some((first, rest))) => {
            let mut at = entries.iter_mut().filter(|entry| entry.key == *first);
            at.next().is_some_and(|entry| put(&mut entry.node, rest, values))
        }
        (Value::Sequence(items), None) => {
            items.iter_mut().fold(false, |changed, item| scalar(item, values) | changed)
        }
        (Value::Mapping(entries), None) => {
            entries.iter_mut().fold(false, |changed, entry| scalar(&mut entry.node, values) | changed)
        }
        (_, None) => scalar(node, values),
        _ => false,
    }
}

/// Expands `$(NAME)` in a text; `$$` is a dollar (`api/filters/refvar/expand.go`).
fn scalar(node: &mut Node, values: &BTreeMap<&str, Node>) -> bool {
    let Some(text) = node.as_str().filter(|text| text.contains('$')).map(str::to_owned) else { return false };
    let whole = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
    if let Some(value) = whole.and_then(|name| values.get(name)) {
        *node = value.clone();
        return true;
    }
    let (mut expanded, mut rest, mut span) = (String::new(), text.as_str(), None);
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let reference = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match reference {
            Some((name, after)) => {
                match values.get(name) {
                    Some(value) => {
                        span = Some(value.span);
                        expanded.push_str(&match value.to_json() {
                            serde_json::Value::String(text) => text,
                            other => other.to_string(),
                        });
                    }
                    None => expanded.push_str(&format!("$({name})")),
                }
                rest = after;
            }
            None => {
                expanded.push('$');
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    if expanded == text {
        return false;
    }
    *node = Node { value: Value::String(expanded), span: span.unwrap_or(node.span) };
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_expanded_as_kustomize_expands_them() {
        let values = BTreeMap::from([
            ("NET", Node::from_json(&json!("network1"))),
            ("PORT", Node::from_json(&json!(15443))),
        ]);
        for (text, expected) in [
            ("$(NET)", json!("network1")),
            ("$(PORT)", json!(15443)),
            ("a-$(NET)-$(PORT)", json!("a-network1-15443")),
            ("$$(NET)", json!("$(NET)")),
            ("$(OTHER) $(NET", json!("$(OTHER) $(NET")),
            ("costs 5$", json!("costs 5$")),
        ] {
            let mut node = Node::from_json(&json!(text));
            scalar(&mut node, &values);
            assert_eq!(node.to_json(), expected, "{text}");
        }
    }
}
