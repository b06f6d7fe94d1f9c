//! The object of a review, without what asserts nothing: `status` and `metadata.managedFields`, which are most of its
//! weight.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
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
    let mut object = Without(&["status"], Some(&["managedFields"])).deserialize(&mut reader)?;
    reader.end()?;
    object.insert("apiVersion".to_owned(), kind.api_version().into());
    object.insert("kind".to_owned(), kind.kind.clone().into_owned().into());
    Ok(object)
}

/// A map without some keys, and without others in `metadata`.
#[derive(Clone, Copy)]
struct Without(&'static [&'static str], Option<&'static [&'static str]>);

impl<'de> DeserializeSeed<'de> for Without {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Without {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match self.1 {
                _ if self.0.contains(&key.as_str()) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some(inner) if key == "metadata" => map.next_value_seed(Metadata(Without(inner, None)))?,
                _ => map.next_value()?,
            };
            object.insert(key, value);
        }
        Ok(object)
    }
}

/// `metadata`, which somebody could write as anything.
struct Metadata(Without);

impl<'de> DeserializeSeed<'de> for Metadata {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let raw = <&RawValue>::deserialize(reader)?;
        if !raw.get().starts_with('{') {
            return serde_json::from_str(raw.get()).map_err(serde::de::Error::custom);
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        let read = self.0.deserialize(&mut reader).map(Value::Object);
        read.map_err(serde::de::Error::custom)
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
        let text = r#"{"metadata":{"name":"a","managedFields":[{}],"labels":{"managedFields":"b"}},
            "spec":{"status":1},"status":{"x":[]}}"#;
        let kept = r#"{"metadata":{"name":"a","labels":{"managedFields":"b"}},"spec":{"status":1},"#;
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
        assert!(read(r#"{"metadata":7}"#).is_ok() && read(r#"{"metadata":null}"#).is_ok());
        let deep = format!(r#"{{"spec":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&deep).is_err());
        let deep = format!(r#"{{"status":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let _ended = read(&deep);
    }
}
