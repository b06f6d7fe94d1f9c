//! The object of a review, without what asserts nothing: `status`, `metadata.managedFields` and kubectl's copy of the object,
//! which are most of its weight.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::envelope::GroupVersionKind;
use crate::borrowed::{Borrowed, Fields, ReadFields, Without};
use crate::embedded;

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the object cannot be read: {0}")]
pub struct ObjectError(#[from] serde_json::Error);

pub(super) static OBJECT: Without = Without { keys: &["status"], below: Some(("metadata", &METADATA)) };
static METADATA: Without = Without { keys: &["managedFields"], below: Some(("annotations", &ANNOTATIONS)) };
/// The object as `kubectl apply` was given it (Kubernetes: `k8s.io/api/core/v1/annotation_key_constants.go`).
static ANNOTATIONS: Without =
    Without { keys: &["kubectl.kubernetes.io/last-applied-configuration"], below: None };

/// Reads an object of a kind, and the documents in it; the request's word for its kind counts.
///
/// # Errors
/// When it is not an object, or nested too deep.
pub fn parse<'a>(raw: &'a RawValue, kind: &GroupVersionKind<'a>) -> Result<Fields<'a>, ObjectError> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    let mut object = serde::Deserializer::deserialize_map(&mut reader, ReadFields(&OBJECT))?;
    reader.end()?;
    complete(&mut object, kind);
    Ok(object)
}

/// Makes an object that was read what it is: one of that kind.
pub(super) fn complete<'a>(object: &mut Fields<'a>, kind: &GroupVersionKind<'a>) {
    let text = |text: Cow<'a, str>| Borrowed::String(text);
    object.insert("apiVersion", text(kind.api_version()));
    object.insert("kind", text(kind.kind.clone()));
    embedded::expand_fields(object);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn gateway() -> GroupVersionKind<'static> {
        let text = Cow::Borrowed;
        GroupVersionKind { group: text("networking.istio.io"), version: text("v1"), kind: text("Gateway") }
    }

    fn read(text: &str) -> Result<String, ObjectError> {
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        parse(&raw, &gateway()).map(|object| Value::Object(object.to_map()).to_string())
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
