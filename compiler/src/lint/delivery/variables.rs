//! Variables that Flux replaces in what it applies (fluxcd/pkg: `kustomize/kustomize_varsub.go`).

use std::collections::BTreeMap;

use meshwright_policies::node::{Node, Value};

pub(super) fn has_any(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.contains("${"),
        Value::Sequence(items) => items.iter().any(has_any),
        Value::Mapping(entries) => {
            entries.iter().any(|entry| entry.key.contains("${") || has_any(&entry.node))
        }
        _ => false,
    }
}

pub(super) fn substitute(node: &mut Node, variables: &BTreeMap<String, Node>) {
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
    super::filled::filled(text, ("${", "}"), |inside| {
        let (name, default) = match inside.split_once(":=").or_else(|| inside.split_once(":-")) {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        variables.get(name).and_then(Node::scalar).or(default.map(str::to_owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
