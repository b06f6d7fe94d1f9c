//! The JSON Schemas of the intent, for editors: generated from the types that read it.

mod page;

use meshwright_policies::intent::IntentKind;
use serde_json::{Map, Value, json};

pub use page::page;

/// The schema of one kind, as pretty JSON.
#[must_use]
pub fn of(kind: IntentKind) -> String {
    pretty(&kind.schema().to_value())
}

/// One schema for documents of every kind, chosen by `kind`: what a YAML language server needs for a whole directory.
/// Documents of other API groups are left alone.
#[must_use]
pub fn all() -> String {
    let mut definitions = Map::new();
    let mut branches = Vec::new();
    for kind in IntentKind::ALL {
        let mut schema = kind.schema().to_value();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            if let Some(Value::Object(own)) = object.remove("$defs") {
                definitions.extend(own);
            }
        }
        let when = json!({
            "properties": {
                "apiVersion": {"pattern": "^meshwright\\.dev/"},
                "kind": {"const": kind.as_str()},
            },
            "required": ["apiVersion", "kind"],
        });
        branches.push(json!({"if": when, "then": schema}));
    }
    pretty(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "meshwright intent",
        "type": "object",
        "allOf": branches,
        "$defs": definitions,
    }))
}

/// The files of `.schema/`: name and text.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let kinds =
        IntentKind::ALL.map(|kind| (format!("{}.schema.json", kind.as_str().to_ascii_lowercase()), of(kind)));
    [("intent.schema.json".to_owned(), all())].into_iter().chain(kinds).collect()
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_for_all_kinds_judges_each_by_its_own() {
        let schema: Value = serde_json::from_str(&all()).unwrap();
        let validator = jsonschema::options().offline().build(&schema).unwrap();
        let cluster = |spec: Value| json!({"apiVersion": "meshwright.dev/v1alpha1", "kind": "Cluster", "metadata": {"name": "a"}, "spec": spec});
        assert!(validator.is_valid(&cluster(json!({"network": "n"}))));
        assert!(!validator.is_valid(&cluster(json!({"netwrok": "n"}))));
        assert!(!validator.is_valid(&cluster(json!({"network": "a_b"}))));
        assert!(validator.is_valid(&json!({"apiVersion": "v1", "kind": "Service"})));
    }
}
