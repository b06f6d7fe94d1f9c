//! Reading trees.

use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::repository::{Manifest, has_placeholder};
use serde_json::{Map, Value as Json};

use crate::source::Sources;

/// The text of a scalar, unless something fills it in later.
pub(super) fn text(node: &Node, path: &str) -> Option<String> {
    node.at(&FieldPath::parse(path))?.scalar().filter(|text| !text.is_empty() && !has_placeholder(text))
}

/// A map of texts.
pub(super) fn texts(node: Option<&Node>) -> Map<String, Json> {
    let entries = node.into_iter().flat_map(Node::entries);
    entries.filter_map(|entry| Some((entry.key.clone(), entry.node.scalar()?.into()))).collect()
}

/// Sets a value below maps that are made where they are missing.
pub(super) fn set(map: &mut Map<String, Json>, path: &[&str], value: Json) {
    match path {
        [] => {}
        [key] => {
            map.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let below = map.entry((*key).to_owned()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(below) = below {
                set(below, rest, value);
            }
        }
    }
}

/// `file:line` of a field.
pub(super) fn line(sources: &Sources, subject: &Manifest, path: &FieldPath) -> String {
    sources.place(subject.place(path).span).unwrap_or_else(|| "a patch".to_owned())
}

/// Where an object is from, for people: `file:line: Kind/namespace/name`.
pub(super) fn origin(subject: &Manifest, sources: &Sources) -> String {
    format!("{}: {}", line(sources, subject, &FieldPath::root()), called(subject))
}

/// What people call a document: `Kind/namespace/name`, or the values of a release.
pub(super) fn called(subject: &Manifest) -> String {
    match (subject.kind.as_str(), &subject.namespace) {
        ("", _) => format!("values of `{}`", subject.name),
        (kind, Some(namespace)) => format!("{kind}/{namespace}/{}", subject.name),
        (kind, None) => format!("{kind}/{}", subject.name),
    }
}
