//! A Kubernetes object that is going to be rendered.

use meshwright_policies::finding::Findings;
use meshwright_policies::node::FileId;
use serde_json::{Map, Value, json};

use crate::syntax::{self, Limits};
use crate::yaml;

/// A whole object, keys in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    map: Map<String, Value>,
    /// Fields at the end of `spec` that are YAML already, since many objects have them.
    written: String,
}

impl Object {
    /// A cluster-scoped object, or one whose namespace [`Object::namespace`] adds.
    #[must_use]
    pub fn new(api_version: &str, kind: &str, name: impl Into<String>) -> Object {
        let mut map = Map::new();
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
        map.insert("metadata".into(), json!({"name": name.into()}));
        Object { map, written: String::new() }
    }

    /// An object that is there already.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> Object {
        Object { map, written: String::new() }
    }

    fn metadata(&mut self) -> Option<&mut Map<String, Value>> {
        self.map.get_mut("metadata").and_then(Value::as_object_mut)
    }

    fn metadata_map(&mut self, field: &str, key: String, value: String) {
        if let Some(metadata) = self.metadata()
            && let Some(map) = metadata.entry(field).or_insert_with(|| json!({})).as_object_mut()
        {
            map.insert(key, value.into());
        }
    }

    /// Puts it into a namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Object {
        if let Some(metadata) = self.metadata() {
            metadata.insert("namespace".into(), namespace.into().into());
        }
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Object {
        self.metadata_map("labels", key.into(), value.into());
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Object {
        self.metadata_map("annotations", key.into(), value.into());
        self
    }

    /// Sets a top-level field such as `spec` or `data`.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Object {
        self.map.insert(name.into(), value);
        self
    }

    /// Sets `spec`.
    #[must_use]
    pub fn spec(self, value: Value) -> Object {
        self.field("spec", value)
    }

    /// Sets `spec`, with more fields at its end that are written already: lines of YAML at the indentation of a field of
    /// `spec`, as [`yaml::append_fields`] writes them. What many objects share is so written once.
    #[must_use]
    pub fn spec_ending_in(self, fields: Map<String, Value>, written: String) -> Object {
        let mut object = self.field("spec", Value::Object(fields));
        object.written = written;
        object
    }

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// `metadata.namespace`.
    #[must_use]
    pub fn namespace_name(&self) -> Option<&str> {
        Some(self.text(&["metadata", "namespace"])).filter(|text| !text.is_empty())
    }

    /// Whether the other one has the same kind, namespace and name.
    #[must_use]
    pub fn has_name_of(&self, other: &Object) -> bool {
        self.kind() == other.kind()
            && self.name() == other.name()
            && self.namespace_name() == other.namespace_name()
    }

    fn text(&self, path: &[&str]) -> &str {
        let (first, rest) = match path.split_first() {
            Some(parts) => parts,
            None => return "",
        };
        let start = self.map.get(*first);
        rest.iter()
            .fold(start, |value, key| value.and_then(|v| v.get(key)))
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// `Kind/namespace/name` or `Kind/name`.
    #[must_use]
    pub fn reference(&self) -> String {
        match self.namespace_name() {
            Some(namespace) => format!("{}/{namespace}/{}", self.kind(), self.name()),
            None => format!("{}/{}", self.kind(), self.name()),
        }
    }

    /// The object as JSON. Fields that are written already are read back.
    #[must_use]
    pub fn into_json(self) -> Value {
        if self.written.is_empty() {
            return Value::Object(self.map);
        }
        let mut text = String::new();
        self.append_yaml(&mut text);
        let documents = syntax::load(FileId::NONE, text.as_bytes(), &Limits::default(), &mut Findings::new());
        documents.first().map_or(Value::Null, |document| document.root.to_json())
    }

    /// Writes the object as YAML behind what is there.
    pub fn append_yaml(&self, out: &mut String) {
        out.reserve(self.written.len());
        yaml::append_map(out, &self.map);
        out.push_str(&self.written);
    }

    /// The object as JSON, borrowed; without the fields that are written already.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.map
    }

    /// Whether the other one has the same fields in the same order: objects that are equal to Kubernetes need not be.
    #[must_use]
    pub fn is_same(&self, other: &Object) -> bool {
        same_maps(&self.map, &other.map) && self.written == other.written
    }

    /// Whether a text in it holds this one. Quotes and line breaks, which YAML may write otherwise, must not be part of it.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        self.map.iter().any(|(_, value)| value_holds(value, text)) || text_holds(&self.written, text)
    }
}

fn value_holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => text_holds(own, text),
        Value::Array(items) => items.iter().any(|item| value_holds(item, text)),
        Value::Object(map) => {
            map.iter().any(|(key, value)| text_holds(key, text) || value_holds(value, text))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Texts that are looked for begin with a byte that hardly any text has, and to look for one byte is much cheaper.
fn text_holds(whole: &str, text: &str) -> bool {
    text.as_bytes().first().is_none_or(|first| whole.as_bytes().contains(first)) && whole.contains(text)
}

/// Maps are equal whatever the order of their keys; the same only in one order.
fn same_maps(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((key, value), (other_key, other))| key == other_key && same(value, other))
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => same_maps(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}
