//! A YAML or JSON value in which every key and value knows where it was written.
//!
//! The tree is the common currency of the house: the loader produces it from text, layering merges such trees into a
//! cluster's effective values, and a finding points back into it. It holds byte offsets and opaque [`FileId`]s only,
//! so this crate stays free of files.

use std::collections::BTreeMap;

use serde_json::Number;

/// Index of a source file in the table of whoever loaded it; meaningless here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

impl FileId {
    /// The file of values that nobody wrote: built-in defaults and objects that came over the wire.
    pub const NONE: FileId = FileId(u32::MAX);
}

/// A range of bytes in one file, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of values that were written nowhere.
    pub const NONE: Span = Span { file: FileId::NONE, start: 0, end: 0 };

    /// Whether the value was written in a file.
    #[must_use]
    pub fn is_written(self) -> bool {
        self.file != FileId::NONE
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it was written.
    pub span: Span,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(Number),
    /// Any other scalar.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order it was written, without duplicate keys.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Entry {
    /// An entry that was written nowhere.
    #[must_use]
    pub fn unwritten(key: &str, node: Node) -> Entry {
        Entry { key: key.to_owned(), key_span: Span::NONE, node }
    }
}

impl Node {
    /// A value that was written nowhere.
    #[must_use]
    pub fn unwritten(value: Value) -> Node {
        Node { value, span: Span::NONE }
    }

    /// The tree of a JSON value that was written nowhere.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Node {
        use serde_json::Value as Json;
        Node::unwritten(match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(*b),
            Json::Number(n) => Value::Number(n.clone()),
            Json::String(s) => Value::String(s.clone()),
            Json::Array(items) => Value::Sequence(items.iter().map(Node::from_json).collect()),
            Json::Object(map) => return Node::from_map(map),
        })
    }

    /// The tree of a JSON map that was written nowhere.
    #[must_use]
    pub fn from_map(map: &serde_json::Map<String, serde_json::Value>) -> Node {
        let entries = map.iter().map(|(key, value)| Entry::unwritten(key, Node::from_json(value)));
        Node::unwritten(Value::Mapping(entries.collect()))
    }

    /// The same value without places.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Number(n) => Json::Number(n.clone()),
            Value::String(s) => Json::String(s.clone()),
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(entries) => {
                Json::Object(entries.iter().map(|e| (e.key.clone(), e.node.to_json())).collect())
            }
        }
    }

    /// The entry of a mapping.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// The value of a mapping's key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|e| &e.node)
    }

    /// An item of a list.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<&Node> {
        match &self.value {
            Value::Sequence(items) => items.get(index),
            _ => None,
        }
    }

    /// Entries of a mapping; nothing for any other value.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.as_slice(),
            _ => &[],
        }
        .iter()
    }

    /// Items of a list; nothing for any other value.
    pub fn items(&self) -> impl Iterator<Item = &Node> {
        match &self.value {
            Value::Sequence(items) => items.as_slice(),
            _ => &[],
        }
        .iter()
    }

    /// The text of a scalar, as it would be written; nothing for `null`.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The text of a string at a path such as `metadata.name`.
    #[must_use]
    pub fn str_at(&self, path: &str) -> Option<&str> {
        self.at(&path.into())?.as_str()
    }

    /// The value at `path`, when it is there.
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Node> {
        path.0.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.item(*index),
        })
    }

    /// The span of the value at `path`, or of its nearest ancestor that was written: what a person has to look at
    /// when the value itself is a default.
    #[must_use]
    pub fn nearest_span(&self, path: &FieldPath) -> Span {
        let mut node = self;
        let mut span = self.span;
        for step in &path.0 {
            let next = match step {
                Step::Key(key) => node.get(key),
                Step::Index(index) => node.item(*index),
            };
            let Some(next) = next else { break };
            node = next;
            if node.span.is_written() {
                span = node.span;
            }
        }
        span
    }

    /// Lays `over` on `self`: mappings merge key by key, everything else is replaced whole (lists too: an overlay
    /// that loses list items in silence is the fault this program exists to prevent, so there is no list merge).
    /// Every value keeps the place where it was written.
    pub fn overlay(&mut self, over: &Node) {
        match (&mut self.value, &over.value) {
            (Value::Mapping(under), Value::Mapping(entries)) => {
                if over.span.is_written() {
                    self.span = over.span;
                }
                let mut index: BTreeMap<String, usize> =
                    under.iter().enumerate().map(|(i, e)| (e.key.clone(), i)).collect();
                for entry in entries {
                    match index.get(&entry.key).and_then(|i| under.get_mut(*i)) {
                        Some(existing) => {
                            existing.key_span = entry.key_span;
                            existing.node.overlay(&entry.node);
                        }
                        None => {
                            index.insert(entry.key.clone(), under.len());
                            under.push(entry.clone());
                        }
                    }
                }
            }
            _ => *self = over.clone(),
        }
    }
}

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A key of a mapping.
    Key(String),
    /// An index of a list.
    Index(usize),
}

/// The path of a field in a document: prints as Kubernetes prints it, `spec.podCIDRs[0]`,
/// `metadata.labels["topology.istio.io/network"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(pub Vec<Step>);

impl FieldPath {
    /// The document itself.
    #[must_use]
    pub fn root() -> FieldPath {
        FieldPath::default()
    }

    /// Parses the printed form. Unbalanced brackets are taken as text: the result is used for pointing only.
    #[must_use]
    pub fn parse(text: &str) -> FieldPath {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("[\"")
                && let Some((key, after)) = inner.split_once("\"]")
            {
                steps.push(Step::Key(key.to_owned()));
                rest = after.strip_prefix('.').unwrap_or(after);
            } else if let Some(inner) = rest.strip_prefix('[')
                && let Some((index, after)) = inner.split_once(']')
                && let Ok(index) = index.parse()
            {
                steps.push(Step::Index(index));
                rest = after.strip_prefix('.').unwrap_or(after);
            } else {
                let end = rest.find(['.', '[']).filter(|end| *end > 0).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                steps.push(Step::Key(key.to_owned()));
                rest = after.strip_prefix('.').unwrap_or(after);
            }
        }
        FieldPath(steps)
    }

    /// The path of a JSON pointer (RFC 6901) in a given document: numbers are indexes where the document has a list.
    #[must_use]
    pub fn from_pointer(pointer: &str, document: &Node) -> FieldPath {
        let mut steps = Vec::new();
        let mut node = Some(document);
        for raw in pointer.split('/').skip(1) {
            let key = raw.replace("~1", "/").replace("~0", "~");
            let index = match node.map(|n| &n.value) {
                Some(Value::Sequence(_)) => key.parse::<usize>().ok(),
                _ => None,
            };
            match index {
                Some(index) => {
                    node = node.and_then(|n| n.item(index));
                    steps.push(Step::Index(index));
                }
                None => {
                    node = node.and_then(|n| n.get(&key));
                    steps.push(Step::Key(key));
                }
            }
        }
        FieldPath(steps)
    }

    /// This path and one more key.
    #[must_use]
    pub fn key(mut self, key: &str) -> FieldPath {
        self.0.push(Step::Key(key.to_owned()));
        self
    }

    /// This path and one more index.
    #[must_use]
    pub fn index(mut self, index: usize) -> FieldPath {
        self.0.push(Step::Index(index));
        self
    }

    /// `prefix` before this path.
    #[must_use]
    pub fn under(&self, prefix: &FieldPath) -> FieldPath {
        FieldPath(prefix.0.iter().chain(&self.0).cloned().collect())
    }
}

impl From<&str> for FieldPath {
    fn from(text: &str) -> FieldPath {
        FieldPath::parse(text)
    }
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key)
                    if key.is_empty()
                        || key.bytes().any(|byte| matches!(byte, b'.' | b'[' | b'/' | b' ')) =>
                {
                    f.write_str("[\"")?;
                    f.write_str(key)?;
                    f.write_str("\"]")?;
                }
                Step::Key(key) => {
                    f.write_str(if i == 0 { "" } else { "." })?;
                    f.write_str(key)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_print_as_they_parse() {
        for text in ["spec", "spec.podCIDRs[0]", "metadata.labels[\"topology.istio.io/network\"]", "[2].a"] {
            assert_eq!(FieldPath::parse(text).to_string(), text);
        }
    }

    #[test]
    fn hostile_paths_end() {
        for text in ["[", "a[", "a.[.]", "..", "[\"", "a[x]b", "."] {
            let _ = FieldPath::parse(text);
        }
    }

    #[test]
    fn an_overlay_merges_maps_and_replaces_lists() {
        let mut under = Node::from_json(&json!({"a": {"b": 1, "c": [1, 2]}, "d": 1}));
        under.overlay(&Node::from_json(&json!({"a": {"c": [3], "e": null}})));
        assert_eq!(under.to_json(), json!({"a": {"b": 1, "c": [3], "e": null}, "d": 1}));
    }

    #[test]
    fn a_pointer_becomes_a_path() {
        let doc = Node::from_json(&json!({"a": [{"b/c": 1}], "0": 2}));
        assert_eq!(FieldPath::from_pointer("/a/0/b~1c", &doc).to_string(), "a[0][\"b/c\"]");
        assert_eq!(FieldPath::from_pointer("/0", &doc).to_string(), "0");
    }
}
