//! Strategic merge patches: lists of built-in kinds are merged by their keys, lists of custom resources are replaced whole,
//! since kustomize has no schema for them (kubernetes-sigs/kustomize: `kyaml/yaml/merge2/merge2.go`).

use meshwright_policies::node::{Entry, FieldPath, Node, Span, Value};

/// An item of a list that a patch drops: the list, the item's name, and where it was.
pub(super) type Lost = (FieldPath, String, Span);

/// Lays a patch on an object; nothing when the patch removes it. `native` kinds have merge keys.
pub(super) fn merge(document: &Node, patch: &Node, native: bool, lost: &mut Vec<Lost>) -> Option<Node> {
    if directive(patch) == Some("delete") {
        return None;
    }
    let mut root = document.clone();
    let mut merging = Merging { native, path: FieldPath::root(), lost };
    merging.node(&mut root, patch);
    Some(root)
}

fn directive(node: &Node) -> Option<&str> {
    node.get("$patch").and_then(Node::as_str)
}

struct Merging<'l> {
    native: bool,
    path: FieldPath,
    lost: &'l mut Vec<Lost>,
}

impl Merging<'_> {
    fn node(&mut self, under: &mut Node, patch: &Node) {
        match (&mut under.value, &patch.value) {
            (Value::Mapping(entries), Value::Mapping(changes)) => {
                if directive(patch) == Some("replace") {
                    *under = without_directives(patch);
                    return;
                }
                self.mapping(entries, changes);
            }
            (Value::Sequence(items), Value::Sequence(changes)) => match self.merge_key(items, changes) {
                Some(key) => merge_items(self, key, items, changes),
                None => {
                    if !self.native {
                        losses(&self.path, items, changes, self.lost);
                    }
                    *under = without_directives(patch);
                }
            },
            _ => *under = without_directives(patch),
        }
    }

    fn mapping(&mut self, entries: &mut Vec<Entry>, changes: &[Entry]) {
        for change in changes.iter().filter(|change| !change.key.starts_with('$')) {
            let removes = change.node.value == Value::Null || directive(&change.node) == Some("delete");
            let found = entries.iter().position(|entry| entry.key == change.key);
            match (found, removes) {
                (Some(index), true) => drop(entries.remove(index)),
                (None, true) => {}
                (Some(index), false) => {
                    self.path.0.push(meshwright_policies::node::Step::Key(change.key.clone()));
                    if let Some(entry) = entries.get_mut(index) {
                        entry.key_span = change.key_span;
                        self.node(&mut entry.node, &change.node);
                    }
                    self.path.0.pop();
                }
                (None, false) => {
                    let node = without_directives(&change.node);
                    entries.push(Entry { key: change.key.clone(), key_span: change.key_span, node });
                }
            }
        }
    }

    /// The key by which items of a list are one and the same (k8s.io/api: `patchMergeKey` and `listMapKey` of the types).
    fn merge_key(&self, items: &[Node], changes: &[Node]) -> Option<&'static str> {
        if !self.native {
            return None;
        }
        let last = self.path.0.last().map(|step| match step {
            meshwright_policies::node::Step::Key(key) => key.as_str(),
            meshwright_policies::node::Step::Index(_) => "",
        });
        let key = match last? {
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "volumes"
            | "imagePullSecrets"
            | "webhooks"
            | "secrets" => "name",
            "volumeMounts" => "mountPath",
            "volumeDevices" => "devicePath",
            "hostAliases" => "ip",
            "topologySpreadConstraints" => "topologyKey",
            "ownerReferences" => "uid",
            "ports" if items.iter().chain(changes).any(|item| item.get("containerPort").is_some()) => {
                "containerPort"
            }
            "ports" => "port",
            _ => return None,
        };
        Some(key)
    }
}

/// Items of the patch come first, then the others, as kustomize puts them.
fn merge_items(merging: &mut Merging<'_>, key: &str, items: &mut Vec<Node>, changes: &[Node]) {
    if changes.iter().any(|change| directive(change) == Some("replace")) {
        *items =
            changes.iter().filter(|change| directive(change).is_none()).map(without_directives).collect();
        return;
    }
    let same = |a: &Node, b: &Node| {
        let value = |node: &Node, key: &str| node.get(key).map(Node::to_json);
        let agree = |key: &str| match (value(a, key), value(b, key)) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        value(a, key).is_some() && value(a, key) == value(b, key) && agree("protocol")
    };
    let mut new = Vec::new();
    for change in changes {
        let found = items.iter().position(|item| same(item, change));
        let removes = directive(change) == Some("delete");
        match (found, removes) {
            (Some(index), true) => drop(items.remove(index)),
            (None, true) => {}
            (Some(index), false) => {
                let mut item = items.remove(index);
                merging.path.0.push(meshwright_policies::node::Step::Index(index));
                merging.node(&mut item, change);
                merging.path.0.pop();
                new.push(item);
            }
            (None, false) => new.push(without_directives(change)),
        }
    }
    new.append(items);
    *items = new;
}

/// A patch as a value: without what directs the merge, and without what it would remove.
fn without_directives(patch: &Node) -> Node {
    let value = match &patch.value {
        Value::Mapping(entries) => {
            let kept = entries.iter().filter(|entry| {
                !entry.key.starts_with("$patch")
                    && entry.node.value != Value::Null
                    && directive(&entry.node) != Some("delete")
            });
            Value::Mapping(
                kept.map(|entry| Entry { node: without_directives(&entry.node), ..entry.clone() }).collect(),
            )
        }
        Value::Sequence(items) => Value::Sequence(items.iter().map(without_directives).collect()),
        other => other.clone(),
    };
    Node { value, span: patch.span }
}

/// Named items that a replacing list does not repeat, when it looks as if it was meant to be merged: it is shorter, or it
/// repeats some of them. A port of the mesh that is gone is missed in any case.
pub(super) fn losses(path: &FieldPath, items: &[Node], new: &[Node], lost: &mut Vec<Lost>) {
    let names: Vec<String> = new.iter().filter_map(name).collect();
    let meant = new.len() < items.len() || items.iter().filter_map(name).any(|name| names.contains(&name));
    let has_mesh_port = |nodes: &[Node]| nodes.iter().any(is_mesh_port);
    for item in items {
        let Some(name) = name(item).filter(|name| !names.contains(name)) else { continue };
        if meant || (is_mesh_port(item) && !has_mesh_port(new)) {
            lost.push((path.clone(), name, item.span));
        }
    }
}

/// How people call an item: by its name, or a server of a Gateway by its port's.
fn name(item: &Node) -> Option<String> {
    let port = item.get("port");
    let names =
        [item.get("name"), port.and_then(|port| port.get("name")), port.and_then(|port| port.get("number"))];
    names.into_iter().flatten().find_map(|node| match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A server, a port or a `ServicePort` for other networks.
fn is_mesh_port(item: &Node) -> bool {
    let number = |node: Option<&Node>| matches!(node.map(|node| &node.value), Some(Value::Number(n)) if n.as_u64() == Some(15443));
    let port = item.get("port");
    number(port) || number(port.and_then(|port| port.get("number"))) || number(item.get("targetPort"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn merged(native: bool, document: Json, patch: Json) -> (Option<Json>, Vec<String>) {
        let mut lost = Vec::new();
        let node = merge(&Node::from_json(&document), &Node::from_json(&patch), native, &mut lost);
        (node.map(|node| node.to_json()), lost.into_iter().map(|(_, name, _)| name).collect())
    }

    #[test]
    fn null_and_directives_remove_and_replace() {
        let document = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        let patch = json!({"a": {"b": null, "$patch": "replace", "e": 3}, "d": {"$patch": "delete"}});
        assert_eq!(merged(true, document.clone(), patch).0, Some(json!({"a": {"e": 3}})));
        assert_eq!(merged(true, document, json!({"$patch": "delete"})).0, None);
    }

    #[test]
    fn lists_of_built_in_kinds_are_merged_by_key() {
        let document = json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let patch =
            json!({"ports": [{"port": 3}, {"port": 2, "targetPort": 4}, {"port": 1, "$patch": "delete"}]});
        let expected = json!({"ports": [{"port": 3}, {"name": "b", "port": 2, "targetPort": 4}]});
        assert_eq!(merged(true, document, patch), (Some(expected), vec![]));
    }

    #[test]
    fn lists_of_custom_resources_lose_what_is_not_repeated() {
        let server = |port: u16, name: &str| json!({"port": {"number": port, "name": name}});
        let loses = |old: Vec<Json>, new: Vec<Json>| merged(false, json!({"s": old}), json!({"s": new})).1;
        let (tls, web, extra) = (server(15443, "tls"), server(80, "web"), server(81, "extra"));
        assert_eq!(loses(vec![tls.clone(), web.clone()], vec![tls.clone()]), ["web"]);
        assert_eq!(loses(vec![tls.clone(), web.clone()], vec![web.clone(), extra.clone()]), ["tls"]);
        assert_eq!(loses(vec![tls.clone()], vec![web.clone()]), ["tls"], "a port of the mesh");
        assert_eq!(loses(vec![web.clone()], vec![extra.clone()]), [""; 0], "another list altogether");
        assert_eq!(loses(vec![tls.clone()], vec![extra, tls]), [""; 0]);
    }
}
