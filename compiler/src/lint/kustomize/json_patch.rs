//! JSON patches (RFC 6902) on trees, as kustomize applies them: a replaced key need not be there
//! (evanphx/json-patch@4.13: `patch.go`), and there are always annotations, since kustomize keeps its own among them while it
//! runs. Values keep the place where the patch writes them.

use meshwright_policies::node::{Entry, Node, Span, Value};

use super::transform::set;

/// Applies every operation, or none: nothing when one of them fails.
pub(super) fn apply(document: &Node, operations: &Node) -> Option<Node> {
    let mut root = document.clone();
    for operation in operations.items() {
        let text = |key: &str| operation.get(key).and_then(Node::as_str);
        let path = pointer(text("path")?)?;
        match text("op")? {
            "add" => add(&mut root, &path, value(operation))?,
            "replace" => replace(&mut root, &path, value(operation))?,
            "remove" => drop(remove(&mut root, &path)?),
            "copy" => {
                let copied = at(&mut root, &pointer(text("from")?)?)?.clone();
                add(&mut root, &path, copied)?;
            }
            "move" => {
                let moved = remove(&mut root, &pointer(text("from")?)?)?;
                add(&mut root, &path, moved)?;
            }
            "test" => {
                let found = at(&mut root, &path)?.to_json();
                (found == value(operation).to_json()).then_some(())?;
            }
            _ => return None,
        }
    }
    Some(root)
}

fn value(operation: &Node) -> Node {
    operation.get("value").cloned().unwrap_or(Node { value: Value::Null, span: operation.span })
}

/// The steps of a JSON pointer (RFC 6901).
fn pointer(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let steps = text.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

fn at<'a>(root: &'a mut Node, path: &[String]) -> Option<&'a mut Node> {
    path.iter().try_fold(root, |node, step| match &mut node.value {
        Value::Mapping(entries) => {
            entries.iter_mut().find(|entry| entry.key == *step).map(|entry| &mut entry.node)
        }
        Value::Sequence(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn add(root: &mut Node, path: &[String], new: Node) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *root = new;
        return Some(());
    };
    annotated(root, parents, new.span);
    match &mut at(root, parents)?.value {
        Value::Mapping(entries) => match entries.iter_mut().find(|entry| entry.key == *last) {
            Some(entry) => (entry.key_span, entry.node) = (new.span, new),
            None => entries.push(Entry { key: last.clone(), key_span: new.span, node: new }),
        },
        Value::Sequence(items) => {
            let index = if last == "-" { items.len() } else { last.parse().ok()? };
            if index > items.len() {
                return None;
            }
            items.insert(index, new);
        }
        _ => return None,
    }
    Some(())
}

fn replace(root: &mut Node, path: &[String], new: Node) -> Option<()> {
    match at(root, path) {
        Some(old) => {
            *old = new;
            Some(())
        }
        None => {
            let (_, parents) = path.split_last()?;
            annotated(root, parents, new.span);
            matches!(at(root, parents)?.value, Value::Mapping(_)).then_some(())?;
            add(root, path, new)
        }
    }
}

/// Makes the map of annotations, where it is needed and there is none.
fn annotated(root: &mut Node, parents: &[String], span: Span) {
    if parents.len() == 2
        && let [metadata, annotations] = parents
        && metadata == "metadata"
        && annotations == "annotations"
        && at(root, parents).is_none_or(|node| node.value == Value::Null)
    {
        set(root, &["metadata", "annotations"], Node { value: Value::Mapping(Vec::new()), span });
    }
}

fn remove(root: &mut Node, path: &[String]) -> Option<Node> {
    let (last, parents) = path.split_last()?;
    match &mut at(root, parents)?.value {
        Value::Mapping(entries) => {
            let index = entries.iter().position(|entry| entry.key == *last)?;
            Some(entries.remove(index).node)
        }
        Value::Sequence(items) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn patched(document: Json, operations: Json) -> Option<Json> {
        apply(&Node::from_json(&document), &Node::from_json(&operations)).map(|node| node.to_json())
    }

    /// Examples of RFC 6902, appendix A.
    #[test]
    fn operations_do_what_the_rfc_shows() {
        let op = |op: Json| json!([op]);
        for (document, operations, expected) in [
            (
                json!({"foo": "bar"}),
                op(json!({"op": "add", "path": "/baz", "value": "qux"})),
                json!({"foo": "bar", "baz": "qux"}),
            ),
            (
                json!({"foo": [1, 3]}),
                op(json!({"op": "add", "path": "/foo/1", "value": 2})),
                json!({"foo": [1, 2, 3]}),
            ),
            (
                json!({"foo": [1]}),
                op(json!({"op": "add", "path": "/foo/-", "value": [2]})),
                json!({"foo": [1, [2]]}),
            ),
            (json!({"a": 1, "b": 2}), op(json!({"op": "remove", "path": "/a"})), json!({"b": 2})),
            (
                json!({"foo": [1, 2, 3]}),
                op(json!({"op": "remove", "path": "/foo/1"})),
                json!({"foo": [1, 3]}),
            ),
            (json!({"a": 1}), op(json!({"op": "replace", "path": "/a", "value": 2})), json!({"a": 2})),
            (
                json!({"a": {"b": 1}, "c": {}}),
                op(json!({"op": "move", "from": "/a/b", "path": "/c/d"})),
                json!({"a": {}, "c": {"d": 1}}),
            ),
            (
                json!({"a/b": 1, "m~n": 2}),
                op(json!({"op": "copy", "from": "/a~1b", "path": "/m~0n"})),
                json!({"a/b": 1, "m~n": 1}),
            ),
            (json!({"a": 1}), op(json!({"op": "test", "path": "/a", "value": 1})), json!({"a": 1})),
        ] {
            assert_eq!(patched(document, operations.clone()), Some(expected), "{operations}");
        }
    }

    /// Where kustomize does more than the RFC.
    #[test]
    fn keys_are_made_as_kustomize_makes_them() {
        for (operation, expected) in [
            (
                json!({"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"}),
                json!({"metadata": {"name": "x", "annotations": {"a/b": "c"}}}),
            ),
            (
                json!({"op": "replace", "path": "/metadata/namespace", "value": "n"}),
                json!({"metadata": {"name": "x", "namespace": "n"}}),
            ),
        ] {
            assert_eq!(patched(json!({"metadata": {"name": "x"}}), json!([operation])), Some(expected));
        }
    }

    #[test]
    fn what_fails_changes_nothing() {
        for operation in [
            json!({"op": "add", "path": "/x/y", "value": 1}),
            json!({"op": "add", "path": "/l/9", "value": 1}),
            json!({"op": "replace", "path": "/x/y", "value": 1}),
            json!({"op": "replace", "path": "/l/1", "value": 1}),
            json!({"op": "add", "path": "/metadata/labels/a", "value": 1}),
            json!({"op": "remove", "path": "/l/3"}),
            json!({"op": "remove", "path": ""}),
            json!({"op": "test", "path": "/l", "value": 1}),
            json!({"op": "dance", "path": "/l"}),
            json!({"op": "add", "path": "l", "value": 1}),
            json!({"path": "/l"}),
        ] {
            let operations = json!([{"op": "add", "path": "/z", "value": 1}, operation]);
            assert_eq!(patched(json!({"l": [1]}), operations.clone()), None, "{operations}");
        }
    }
}
