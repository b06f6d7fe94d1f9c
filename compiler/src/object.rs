//! A Kubernetes object that is going to be rendered.

use serde_json::{Map, Value, json};

/// A whole object, keys in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Map<String, Value>);

impl Object {
    /// A cluster-scoped object, or one whose namespace [`Object::namespace`] adds.
    #[must_use]
    pub fn new(api_version: &str, kind: &str, name: impl Into<String>) -> Object {
        let mut map = Map::new();
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
        map.insert("metadata".into(), json!({"name": name.into()}));
        Object(map)
    }

    /// An object that is there already.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> Object {
        Object(map)
    }

    fn metadata(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("metadata").and_then(Value::as_object_mut)
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
        self.0.insert(name.into(), value);
        self
    }

    /// Sets `spec`.
    #[must_use]
    pub fn spec(self, value: Value) -> Object {
        self.field("spec", value)
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

    fn text(&self, path: &[&str]) -> &str {
        let (first, rest) = match path.split_first() {
            Some(parts) => parts,
            None => return "",
        };
        let start = self.0.get(*first);
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

    /// The object as JSON.
    #[must_use]
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }

    /// The object as JSON, borrowed.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}
