//! The object of a review, without what asserts nothing: `status`, `metadata.managedFields` and kubectl's copy of the object,
//! which are most of its weight.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::envelope::GroupVersionKind;

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the object cannot be read: {0}")]
pub struct ObjectError(#[from] serde_json::Error);

/// Reads an object of a kind; the request's word for it counts.
///
/// # Errors
/// When it is not an object, or nested too deep.
pub fn parse(raw: &RawValue, kind: &GroupVersionKind<'_>) -> Result<Map<String, Value>, ObjectError> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    let mut object = serde::Deserializer::deserialize_map(&mut reader, Object)?;
    reader.end()?;
    object.insert("apiVersion".to_owned(), kind.api_version().into());
    object.insert("kind".to_owned(), kind.kind.clone().into_owned().into());
    Ok(object)
}

/// A map without some keys, and without others in the map of one key.
#[derive(Debug)]
struct Without {
    keys: &'static [&'static str],
    below: Option<(&'static str, &'static Without)>,
}

static OBJECT: Without = Without { keys: &["status"], below: Some(("metadata", &METADATA)) };
static METADATA: Without = Without { keys: &["managedFields"], below: Some(("annotations", &ANNOTATIONS)) };
/// The object as `kubectl apply` was given it (Kubernetes: `k8s.io/api/core/v1/annotation_key_constants.go`).
static ANNOTATIONS: Without =
    Without { keys: &["kubectl.kubernetes.io/last-applied-configuration"], below: None };

impl Without {
    fn read<'de, A: MapAccess<'de>>(&'static self, mut map: A) -> Result<Map<String, Value>, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match self.below {
                _ if self.keys.contains(&key.as_str()) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some((name, inner)) if key == name => map.next_value_seed(Inner(inner))?,
                _ => map.next_value()?,
            };
            object.insert(key, value);
        }
        Ok(object)
    }
}

/// The whole object, which has to be one.
struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        OBJECT.read(map)
    }
}

/// A map in it, which somebody could write as anything.
struct Inner(&'static Without);

impl<'de> DeserializeSeed<'de> for Inner {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inner {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        self.0.read(map).map(Value::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(items))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn gateway() -> GroupVersionKind<'static> {
        let text = Cow::Borrowed;
        GroupVersionKind { group: text("networking.istio.io"), version: text("v1"), kind: text("Gateway") }
    }

    fn read(text: &str) -> Result<String, ObjectError> {
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        parse(&raw, &gateway()).map(|object| Value::Object(object).to_string())
    }

    #[test]
    fn what_asserts_nothing_is_left_out() {
        let text = r#"{"metadata":{"name":"a","managedFields":[{}],"labels":{"managedFields":"b"},
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","a":"b"}},
            "spec":{"status":1},"status":{"x":[]}}"#;
        let kept = r#"{"metadata":{"name":"a","labels":{"managedFields":"b"},"annotations":{"a":"b"}},"spec":{"status":1},"#;
        let kind = r#""apiVersion":"networking.istio.io/v1","kind":"Gateway"}"#;
        assert_eq!(read(text).unwrap(), format!("{kept}{kind}"));
    }

    #[test]
    fn the_kind_is_the_request_s() {
        let kind = r#"{"kind":"Gateway","apiVersion":"networking.istio.io/v1"}"#;
        assert_eq!(read(r#"{"kind":"Secret","apiVersion":"v1"}"#).unwrap(), kind);
    }

    #[test]
    fn hostile_objects_are_refused_or_read_but_end() {
        assert!(read("[]").is_err() && read("7").is_err() && read("\"\"").is_err());
        for metadata in ["7", "-7", "7.5", "null", "true", "\"m\"", "[1,[{}]]", r#"{"annotations":[1]}"#] {
            let text = format!(r#"{{"metadata":{metadata}}}"#);
            assert!(read(&text).unwrap().starts_with(&text[..text.len() - 1]), "{text}");
        }
        let deep = format!(r#"{{"spec":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&deep).is_err());
        let deep = format!(r#"{{"status":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let _ended = read(&deep);
    }
}
