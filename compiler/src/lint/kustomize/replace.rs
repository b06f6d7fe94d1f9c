//! `replacements` (kubernetes-sigs/kustomize: `api/filters/replacement/replacement.go`, `kyaml/yaml/match.go`): a value of one
//! object, or one that is written out, put into fields of others. It keeps the place where it was written.

use meshwright_policies::node::{Node, Value};

use super::Object;
use super::path;
use super::select::{Matcher, Target, effective};

/// One replacement.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    source: Source,
    targets: Vec<Place>,
}

#[derive(Clone, Debug)]
enum Source {
    /// `sourceValue`.
    Written(Node),
    /// A field of an object.
    Field { object: Box<Selected>, path: String, options: Options },
}

/// An object that is selected by what it is, each part of which may be left out.
#[derive(Clone, Debug)]
struct Selected {
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

#[derive(Clone, Debug)]
struct Place {
    select: Target,
    reject: Vec<Target>,
    paths: Vec<String>,
    options: Options,
}

/// `options` of a field.
#[derive(Clone, Debug, Default)]
struct Options {
    delimiter: String,
    index: i64,
    create: bool,
}

/// The field of a source or target that names none.
const NAME: &str = "metadata.name";

impl Options {
    fn of(node: Option<&Node>) -> Options {
        let json = node.map(Node::to_json).unwrap_or_default();
        let value = |key: &str| json.get(key).cloned().unwrap_or_default();
        Options {
            delimiter: value("delimiter").as_str().unwrap_or_default().to_owned(),
            index: value("index").as_i64().unwrap_or_default(),
            create: value("create").as_bool().unwrap_or_default(),
        }
    }
}

impl Selected {
    fn of(node: &Node) -> Selected {
        let text = |key: &str| node.get(key).and_then(Node::as_str).filter(|t| !t.is_empty());
        let owned = |key: &str| text(key).map(str::to_owned);
        Selected {
            group: owned("group"),
            version: owned("version"),
            kind: owned("kind"),
            name: owned("name"),
            namespace: owned("namespace"),
        }
    }

    fn matches(&self, object: &Object<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let (group, version) = object.group_version();
        let identities =
            [(object.name(), object.namespace()), (&object.original.0, object.original.1.as_str())];
        is(&self.group, group)
            && is(&self.version, version)
            && is(&self.kind, object.kind())
            && identities.iter().any(|(name, namespace)| {
                is(&self.name, name)
                    && self.namespace.as_ref().is_none_or(|wanted| effective(wanted) == effective(namespace))
            })
    }
}

impl Replacement {
    /// Reads one; nothing when it lacks what kustomize insists on.
    pub(super) fn of(node: &Node) -> Option<Replacement> {
        let source = match (node.get("source"), node.get("sourceValue")) {
            (Some(source), None) => Source::Field {
                object: Box::new(Selected::of(source)),
                path: source.get("fieldPath").and_then(Node::as_str).unwrap_or(NAME).to_owned(),
                options: Options::of(source.get("options")),
            },
            (None, Some(value)) => Source::Written(value.clone()),
            _ => return None,
        };
        let targets = node.get("targets")?.items().map(|target| {
            let paths: Vec<String> =
                list(target, "fieldPaths").filter_map(Node::as_str).map(str::to_owned).collect();
            Some(Place {
                select: Target::of(target.get("select")?),
                reject: list(target, "reject").map(Target::of).collect(),
                paths: if paths.is_empty() { vec![NAME.to_owned()] } else { paths },
                options: Options::of(target.get("options")),
            })
        });
        Some(Replacement { source, targets: targets.collect::<Option<_>>()? })
    }

    /// Carries it out; whether all of it was followed. What was not makes its targets unknown.
    pub(super) fn run(&self, objects: &mut [Object<'_>]) -> bool {
        let value = self.value(objects);
        let mut complete = value.is_some();
        for target in &self.targets {
            complete &= target.run(value.as_ref(), objects);
        }
        complete
    }

    fn value(&self, objects: &[Object<'_>]) -> Option<Node> {
        match &self.source {
            Source::Written(value) => Some(value.clone()),
            Source::Field { object, path, options } => {
                let mut matching = objects.iter().filter(|candidate| object.matches(candidate));
                let source = matching.next().filter(|source| !source.unknown)?;
                if matching.next().is_some() {
                    return None;
                }
                let found = path::look_up(source.node(), &path::split(path))?.clone();
                if is_empty(&found) {
                    return None;
                }
                options.part(found)
            }
        }
    }
}

fn list<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a Node> {
    node.get(key).into_iter().flat_map(Node::items)
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Mapping(entries) => entries.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The text of a scalar, as it would be written: nothing of `null`.
fn text(node: &Node) -> Option<String> {
    match node.value {
        Value::Null => Some(String::new()),
        _ => node.scalar(),
    }
}

impl Options {
    /// The part of a source's text.
    fn part(&self, found: Node) -> Option<Node> {
        if self.delimiter.is_empty() {
            return Some(found);
        }
        let whole = text(&found)?;
        let part = whole.split(self.delimiter.as_str()).nth(usize::try_from(self.index).ok()?)?;
        Some(Node { value: Value::String(part.to_owned()), span: found.span })
    }

    /// Puts a value into a field.
    fn put(&self, field: &mut Node, value: &Node) -> Option<()> {
        let mut value = value.clone();
        if !self.delimiter.is_empty() {
            let whole = text(field)?;
            let new = text(&value)?;
            let mut parts: Vec<&str> = whole.split(self.delimiter.as_str()).collect();
            match usize::try_from(self.index) {
                Err(_) => parts.insert(0, &new),
                Ok(index) => match parts.get_mut(index) {
                    Some(part) => *part = &new,
                    None => parts.push(&new),
                },
            }
            value.value = Value::String(parts.join(&self.delimiter));
        }
        let is_scalar = |node: &Node| !matches!(node.value, Value::Mapping(_) | Value::Sequence(_));
        *field = match (is_scalar(field), text(&value)) {
            // A scalar keeps its own type.
            (true, Some(new)) => Node { value: typed(&field.value, new), span: value.span },
            (true, None) => return None,
            (false, _) => value,
        };
        Some(())
    }
}

/// A text in the place of a value of some type: what a string was stays one.
fn typed(old: &Value, new: String) -> Value {
    if matches!(old, Value::String(_)) {
        return Value::String(new);
    }
    match serde_json::from_str::<serde_json::Value>(&new) {
        Ok(json @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_) | serde_json::Value::Null)) => {
            Node::from_json(&json).value
        }
        _ => Value::String(new),
    }
}

impl Place {
    fn run(&self, value: Option<&Node>, objects: &mut [Object<'_>]) -> bool {
        let rejected: Option<Vec<Matcher>> = self.reject.iter().map(Target::matcher).collect();
        let (Some(matcher), Some(rejected)) = (self.select.matcher(), rejected) else {
            objects.iter_mut().for_each(|object| object.unknown = true);
            return false;
        };
        let mut complete = true;
        for object in objects.iter_mut() {
            if !matcher.matches(object) || rejected.iter().any(|matcher| matcher.matches(object)) {
                continue;
            }
            let done = value.and_then(|value| self.put(object.node(), value));
            match done {
                Some(document) => *object.change() = document,
                None => {
                    object.unknown = true;
                    complete = false;
                }
            }
        }
        complete
    }

    /// The object with the value in all fields; nothing when one of them is not there.
    fn put(&self, document: &Node, value: &Node) -> Option<Node> {
        let mut document = document.clone();
        for path in &self.paths {
            let parts = path::split(path);
            let create = self.options.create.then_some(value);
            let found =
                path::visit(&mut document, &parts, create, &mut |field| self.options.put(field, value))?;
            if found == 0 {
                return None;
            }
        }
        Some(document)
    }
}
