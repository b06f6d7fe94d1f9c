//! Which keys of two values differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keys named before a sentence stops.
const MOST_KEYS: usize = 5;

/// The keys that differ, as a sentence names them; nothing if there is none. `known` are keys that others have words
/// for, with everything below them.
pub(super) fn keys<T: serde::Serialize>(old: &T, new: &T, known: &[&str]) -> Option<String> {
    let json = |value: &T| serde_json::to_value(value).unwrap_or_default();
    let mut differing = BTreeSet::new();
    differ(&json(old), &json(new), "", &mut differing);
    let below = |key: &str, known: &str| {
        key.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let unknown = differing.into_iter().filter(|key| !known.iter().any(|known| below(key, known)));
    let unknown: Vec<String> = unknown.map(|key| format!("`{key}`")).collect();
    (!unknown.is_empty()).then(|| super::some(&unknown, MOST_KEYS))
}

fn differ(old: &Value, new: &Value, path: &str, keys: &mut BTreeSet<String>) {
    if old == new {
        return;
    }
    let none = Map::new();
    let (a, b) = match (old, new) {
        (Value::Object(a), Value::Object(b)) => (a, b),
        (Value::Object(a), Value::Null) => (a, &none),
        (Value::Null, Value::Object(b)) => (&none, b),
        _ => {
            keys.insert(path.to_owned());
            return;
        }
    };
    for key in a.keys().chain(b.keys()) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        differ(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), &path, keys);
    }
}
