//! ConfigMaps and Secrets that kustomize makes of files and literals. Their names stay without the hash: whoever refers to
//! them in the same root means the one that is made. Of Secrets the keys alone are kept.

use meshwright_policies::node::{Entry, Node, Span, Value};

use super::transform::set;
use super::{Builder, Generator, Kustomization, Object};

/// What stands for a value that was not read.
const UNREAD: &str = "$(unread)";

pub(super) fn run<'a>(builder: &Builder<'a>, from: &'a Kustomization, objects: &mut Vec<Object<'a>>) {
    for generator in &from.generators {
        let text = |key: &str| generator.node.get(key).and_then(Node::as_str);
        let Some(name) = text("name") else { continue };
        let namespace = text("namespace").unwrap_or_default();
        let behavior = text("behavior").unwrap_or("create");
        let data = data(builder, generator);
        let existing = objects.iter_mut().find(|object| {
            object.kind() == generator.kind
                && [object.name(), object.original.0.as_str()].contains(&name)
                && (namespace.is_empty() || object.namespace() == namespace)
        });
        match (behavior, existing) {
            ("merge", Some(object)) => {
                for entry in data {
                    set(object.change(), &["data", &entry.key], entry.node);
                }
            }
            ("replace", Some(object)) => {
                let span = generator.node.span;
                set(object.change(), &["data"], Node { value: Value::Mapping(data), span });
            }
            (_, None) => objects.push(object(builder, from, generator, name, namespace, data)),
            (_, Some(_)) => {}
        }
    }
}

fn object<'a>(
    builder: &Builder<'a>,
    from: &'a Kustomization,
    generator: &Generator,
    name: &str,
    namespace: &str,
    data: Vec<Entry>,
) -> Object<'a> {
    let span = generator.node.span;
    let text = |text: &str| Node { value: Value::String(text.to_owned()), span };
    let mut node = Node { value: Value::Mapping(Vec::new()), span };
    set(&mut node, &["apiVersion"], text("v1"));
    set(&mut node, &["kind"], text(generator.kind));
    let at = |key: &str| generator.node.get(key).map_or(span, |node| node.span);
    set(&mut node, &["metadata", "name"], Node { span: at("name"), ..text(name) });
    if !namespace.is_empty() {
        set(&mut node, &["metadata", "namespace"], Node { span: at("namespace"), ..text(namespace) });
    }
    if let Some(options) = generator.node.get("options") {
        for map in ["labels", "annotations"] {
            for entry in options.get(map).into_iter().flat_map(Node::entries) {
                set(&mut node, &["metadata", map, &entry.key], entry.node.clone());
            }
        }
    }
    set(&mut node, &["data"], Node { value: Value::Mapping(data), span });
    Object::made(builder.path_of(&from.directory), node)
}

fn data(builder: &Builder<'_>, generator: &Generator) -> Vec<Entry> {
    let secret = generator.kind == "Secret";
    let entry = |key: &str, text: String, span: Span| Entry {
        key: key.to_owned(),
        key_span: span,
        node: Node { value: Value::String(if secret { String::new() } else { text }), span },
    };
    let mut data = Vec::new();
    for (key, path) in &generator.files {
        data.push(match builder.text_of(path) {
            Some((text, span)) => entry(key, text, span),
            None => entry(key, UNREAD.to_owned(), generator.node.span),
        });
    }
    for literal in generator.node.get("literals").into_iter().flat_map(Node::items) {
        if let Some((key, value)) = literal.as_str().and_then(|text| text.split_once('=')) {
            let value = value.trim_matches(|c| c == '"' || c == '\'');
            data.push(entry(key, value.to_owned(), literal.span));
        }
    }
    data
}
