//! Field paths of kustomize: `spec.containers.[name=web].ports.0`, `*` for every item, `[a.b/c]` for a key with dots
//! (kubernetes-sigs/kustomize: `kyaml/utils/pathsplitter.go`, `kyaml/yaml/match.go`, `kyaml/yaml/fns.go`).

use meshwright_policies::node::{Entry, Node, Value};
use regex::Regex;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key(String),
    Index(usize),
    /// `*`.
    Every,
    /// `[name=value]`; without a name the items themselves are compared.
    Where(String, String),
    /// `[x]`, which kustomize takes for no key and no item.
    Odd,
}

/// The steps of a path: `\.` is a dot in a key.
pub(super) fn split(path: &str) -> Vec<Part> {
    let mut steps: Vec<String> = Vec::new();
    let path = path.strip_prefix('.').unwrap_or(path);
    for step in path.split('.') {
        match steps.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('.');
                last.push_str(step);
            }
            _ => steps.push(step.to_owned()),
        }
    }
    let mut parts = Vec::new();
    let mut steps = steps.into_iter();
    while let Some(mut step) = steps.next() {
        let mut has_dots = false;
        while step.starts_with('[') && !step.ends_with(']') {
            let Some(more) = steps.next() else { break };
            step.push('.');
            step.push_str(&more);
            has_dots = true;
        }
        parts.push(part(step, has_dots));
    }
    parts
}

fn part(step: String, has_dots: bool) -> Part {
    let inner = step.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => match inner.split_once('=') {
            Some((key, value)) => Part::Where(key.to_owned(), value.to_owned()),
            None if has_dots => Part::Key(inner.to_owned()),
            None => Part::Odd,
        },
        None if step == "*" => Part::Every,
        None => match step.parse() {
            Ok(index) => Part::Index(index),
            Err(_) => Part::Key(step),
        },
    }
}

/// What is at a path; an item is found by its exact value.
pub(super) fn look_up<'a>(node: &'a Node, path: &[Part]) -> Option<&'a Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let below = match first {
        Part::Key(key) if key == "-" && matches!(node.value, Value::Sequence(_)) => node.items().last()?,
        Part::Key(key) => node.get(key)?,
        // Keys may be numbers.
        Part::Index(index) => match &node.value {
            Value::Mapping(_) => node.get(&index.to_string())?,
            _ => node.item(*index)?,
        },
        Part::Where(key, value) => node.items().find(|item| {
            let at = if key.is_empty() { Some(*item) } else { item.get(key) };
            at.and_then(Node::as_str) == Some(value)
        })?,
        Part::Every | Part::Odd => return None,
    };
    look_up(below, rest)
}

/// Does something with every field at a path; how many there are. With `create`, what is not there is made, for a value of
/// that kind. Nothing where a step leads into a scalar, or whatever is done fails.
pub(super) fn visit(
    node: &mut Node,
    path: &[Part],
    create: Option<&Node>,
    run: &mut dyn FnMut(&mut Node) -> Option<()>,
) -> Option<usize> {
    let Some((first, rest)) = path.split_first() else {
        run(node)?;
        return Some(1);
    };
    let span = node.span;
    let new = |rest: &[Part]| Node { value: kind_of(rest, create), span };
    match (first, &mut node.value) {
        (Part::Key(_) | Part::Index(_), Value::Mapping(entries)) => {
            let key = match first {
                Part::Key(key) => key.clone(),
                Part::Index(index) => index.to_string(),
                _ => return None,
            };
            if !entries.iter().any(|entry| entry.key == key) {
                if create.is_none() {
                    return Some(0);
                }
                entries.push(Entry { key: key.clone(), key_span: span, node: new(rest) });
            }
            let entry = entries.iter_mut().find(|entry| entry.key == key)?;
            visit(&mut entry.node, rest, create, run)
        }
        (Part::Index(index), Value::Sequence(items)) => {
            if items.len() == *index && create.is_some() {
                items.push(new(rest));
            }
            visit(items.get_mut(*index)?, rest, create, run)
        }
        (Part::Every, Value::Sequence(items)) => {
            let mut count = 0_usize;
            for item in items {
                count = count.saturating_add(visit(item, rest, create, run)?);
            }
            Some(count)
        }
        (Part::Where(key, value), Value::Sequence(items)) => {
            let pattern = Regex::new(value).ok()?;
            let is_one = |item: &Node| {
                let at = if key.is_empty() { Some(item) } else { item.get(key) };
                let text = at.map(Node::to_json).map(|json| match json {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                });
                text.is_some_and(|text| pattern.is_match(&text))
            };
            if create.is_some() && !items.iter().any(is_one) {
                let named = Node { value: Value::String(value.clone()), span };
                let made = if key.is_empty() {
                    named
                } else {
                    let entry = Entry { key: key.clone(), key_span: span, node: named };
                    Node { value: Value::Mapping(vec![entry]), span }
                };
                items.push(made);
            }
            let mut count = 0_usize;
            for item in items.iter_mut().filter(|item| is_one(item)) {
                let found =
                    if key.is_empty() { run(item).map(|()| 1) } else { visit(item, rest, create, run) };
                count = count.saturating_add(found?);
            }
            Some(count)
        }
        // What is empty is whatever is wanted.
        (Part::Key(_), Value::Null) if create.is_some() => {
            node.value = Value::Mapping(Vec::new());
            visit(node, path, create, run)
        }
        (Part::Where(..) | Part::Index(_), Value::Null) if create.is_some() => {
            node.value = Value::Sequence(Vec::new());
            visit(node, path, create, run)
        }
        _ => None,
    }
}

/// What a field is made as, by the step after it.
fn kind_of(rest: &[Part], create: Option<&Node>) -> Value {
    match rest.first() {
        Some(Part::Where(..) | Part::Index(_) | Part::Every | Part::Odd) => Value::Sequence(Vec::new()),
        Some(Part::Key(_)) => Value::Mapping(Vec::new()),
        None => match create.map(|node| &node.value) {
            Some(Value::Mapping(_)) => Value::Mapping(Vec::new()),
            Some(Value::Sequence(_)) => Value::Sequence(Vec::new()),
            _ => Value::Null,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_split_as_kustomize_splits_them() {
        let key = |text: &str| Part::Key(text.to_owned());
        let item = |key: &str, value: &str| Part::Where(key.to_owned(), value.to_owned());
        for (path, parts) in [
            ("metadata.name", vec![key("metadata"), key("name")]),
            (
                r"metadata.labels.topology\.istio\.io/network",
                vec![key("metadata"), key("labels"), key("topology.istio.io/network")],
            ),
            (
                "metadata.labels.[topology.istio.io/network]",
                vec![key("metadata"), key("labels"), key("topology.istio.io/network")],
            ),
            (
                "spec.servers.0.hosts.*",
                vec![key("spec"), key("servers"), Part::Index(0), key("hosts"), Part::Every],
            ),
            ("a.[name=b.c].d", vec![key("a"), item("name", "b.c"), key("d")]),
            ("a.[=x]", vec![key("a"), item("", "x")]),
            ("a.[b]", vec![key("a"), Part::Odd]),
        ] {
            assert_eq!(split(path), parts, "{path}");
        }
    }

    #[test]
    fn hostile_paths_change_nothing_and_end() {
        for path in ["", ".", "a.", "[", "[=", "a.[b=(].c", "a.99999999999999999999", "a.0.b", "s.x", "*"] {
            let mut node = Node::from_json(&json!({"a": [1], "s": "text"}));
            let create = Node::from_json(&json!("x"));
            for create in [None, Some(&create)] {
                let _ = visit(&mut node, &split(path), create, &mut |_| Some(()));
            }
        }
    }
}
