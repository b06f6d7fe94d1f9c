//! JSON Schemas of Rust types -> structural schemas, the only ones that a CustomResourceDefinition takes
//! (kubernetes.io, "Extend the Kubernetes API with CustomResourceDefinitions": every node has one `type`, there is no
//! `$ref` and no `null`, and nothing below `oneOf` describes a value).

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Keywords that are carried over as they are.
const KEPT: [&str; 11] = [
    "description",
    "enum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "required",
];

/// The structural schema of a type.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    structural(settings.into_generator().into_root_schema_for::<T>().as_value())
}

fn structural(schema: &Value) -> Value {
    let Some(schema) = schema.as_object() else {
        // `true`: any value.
        return json!({"x-kubernetes-preserve-unknown-fields": true});
    };
    let mut out = match only_choice(schema) {
        Some(choice) => choice,
        None => Map::new(),
    };
    if let Some(kind) = schema.get("type").and_then(single_type) {
        out.insert("type".into(), kind.into());
    }
    for key in KEPT {
        match (key, schema.get(key)) {
            (_, None) => {}
            ("items", Some(items)) => {
                out.insert(key.into(), structural(items));
            }
            // A type's own description is the better one only where the field has none.
            (_, Some(value)) => {
                out.insert(key.into(), value.clone());
            }
        }
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str)
        && let Some(known) = integer_format(format)
    {
        out.insert("format".into(), known.into());
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let properties = properties.iter().map(|(name, value)| (name.clone(), structural(value)));
        out.insert("properties".into(), Value::Object(properties.collect()));
    } else if let Some(values) = map_values(schema) {
        out.insert("additionalProperties".into(), structural(values));
    }
    Value::Object(out)
}

/// The values of a map. A map with constrained keys comes as `patternProperties`, which Kubernetes does not have.
fn map_values(schema: &Map<String, Value>) -> Option<&Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let by_pattern = patterns.and_then(|patterns| patterns.values().next());
    by_pattern.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

/// `[string, null]` is a string that may be left out.
fn single_type(kind: &Value) -> Option<String> {
    match kind {
        Value::String(kind) => Some(kind.clone()),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").map(str::to_owned)
        }
        _ => None,
    }
}

/// Formats that Kubernetes knows; the others are of this program or of other schema dialects.
fn integer_format(format: &str) -> Option<&'static str> {
    match format {
        "int64" | "uint64" | "uint32" => Some("int64"),
        "int32" | "uint16" | "uint8" | "int16" | "int8" => Some("int32"),
        _ => None,
    }
}

/// Enumerations and optional values, which the generator writes as `oneOf` and `anyOf`.
fn only_choice(schema: &Map<String, Value>) -> Option<Map<String, Value>> {
    let choices = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
    let choices: Vec<&Value> = choices.iter().filter(|choice| !is_null(choice)).collect();
    if let [only] = choices.as_slice() {
        return structural(only).as_object().cloned();
    }
    let mut values: Vec<Value> = Vec::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => values.push(value.clone()),
            (None, Some(more)) => values.extend(more.iter().cloned()),
            (None, None) => {}
        }
    }
    Some(Map::from_iter([("type".to_owned(), json!("string")), ("enum".to_owned(), Value::Array(values))]))
}

/// Everything in a schema that an API server would refuse, by path. Empty for a structural schema.
#[must_use]
pub fn violations(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    found
}

fn walk(schema: &Value, path: &str, found: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        found.push(format!("{path}: not an object"));
        return;
    };
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    match schema.get("type") {
        Some(Value::String(kind)) if !kind.is_empty() && kind != "null" => {}
        None if open => {}
        other => found.push(format!("{path}: type is {other:?}")),
    }
    for key in schema.keys() {
        let known = KEPT.contains(&key.as_str())
            || matches!(
                key.as_str(),
                "type" | "format" | "properties" | "additionalProperties" | "maxProperties"
            )
            || key.starts_with("x-kubernetes-");
        if !known {
            found.push(format!("{path}: keyword `{key}`"));
        }
    }
    if schema.contains_key("properties") && schema.contains_key("additionalProperties") {
        found.push(format!("{path}: properties and additionalProperties"));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, value) in properties.into_iter().flatten() {
        walk(value, &format!("{path}.{name}"), found);
    }
    for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !required.as_str().is_some_and(|name| properties.is_some_and(|p| p.contains_key(name))) {
            found.push(format!("{path}: requires {required}, which it does not have"));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(value) = schema.get(key) {
            walk(value, &format!("{path}.{key}"), found);
        }
    }
    if schema.get("type").and_then(Value::as_str) == Some("array") && !schema.contains_key("items") {
        found.push(format!("{path}: array without items"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_server_refuses_is_seen() {
        let bad = json!({
            "type": "object",
            "required": ["b"],
            "properties": {"a": {"type": ["string", "null"]}, "c": {"$ref": "#/x"}, "d": {"type": "array"}},
        });
        assert_eq!(
            violations(&bad),
            [
                ".a: type is Some(Array [String(\"string\"), String(\"null\")])",
                ".c: type is None",
                ".c: keyword `$ref`",
                ".d: array without items",
                ": requires \"b\", which it does not have",
            ]
        );
    }

    #[test]
    fn options_and_enumerations_become_plain() {
        #[derive(JsonSchema)]
        #[serde(rename_all = "lowercase")]
        #[expect(dead_code, reason = "only its schema is wanted")]
        enum Colour {
            /// Red.
            Red,
            /// Blue.
            Blue,
        }
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is wanted")]
        struct Thing {
            /// Its colour.
            colour: Option<Colour>,
            size: Option<u16>,
        }
        let schema = schema_of::<Thing>();
        assert_eq!(violations(&schema), Vec::<String>::new(), "{schema}");
        let colour = &schema["properties"]["colour"];
        assert_eq!(*colour, json!({"type": "string", "enum": ["red", "blue"], "description": "Its colour."}));
        assert_eq!(schema["properties"]["size"]["format"], "int32");
    }
}
