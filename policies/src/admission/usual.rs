//! A review as API servers write it, read in one pass: the kind stands before the objects (Kubernetes: the order of the
//! fields of `AdmissionRequest` in `k8s.io/api/admission/v1/types.go`), so that an object can be read where it stands, and be
//! left out where its kind matters to nobody. Whatever is otherwise is left to [`Review::parse`], which says what is wrong.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::change::Change;
use super::declared;
use super::envelope::{Envelope, GroupVersionKind, Request, Resource, Review};
use super::object;
use crate::borrowed::{Fields, Text};
use crate::kinds;

/// A review with its objects read.
pub(super) fn parse(body: &str) -> Option<(Review<'_>, Change<'_>)> {
    let envelope: Envelope<'_, Usual<'_>> = serde_json::from_str(body).ok()?;
    let Usual { request, change } = envelope.request?;
    Some((Review::of(&envelope.api_version, &envelope.kind, request).ok()?, change))
}

struct Usual<'a> {
    request: Request<'a>,
    change: Change<'a>,
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Uid,
    Kind,
    Resource,
    SubResource,
    Name,
    Namespace,
    Operation,
    Object,
    OldObject,
    DryRun,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for Usual<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Usual<'de>, D::Error> {
        struct Requests;

        impl<'de> Visitor<'de> for Requests {
            type Value = Usual<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Usual<'de>, A::Error> {
                read(map)
            }
        }

        reader.deserialize_map(Requests)
    }
}

fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Usual<'de>, A::Error> {
    let (mut uid, mut operation) = (None, None);
    let (mut sub_resource, mut name, mut namespace) = (None, None, None);
    let mut kind: Option<GroupVersionKind<'de>> = None;
    let mut resource: Option<Resource<'de>> = None;
    let mut dry_run: Option<Option<bool>> = None;
    let (mut after, mut before) = (None, None);
    while let Some(key) = map.next_key()? {
        match key {
            Key::Uid => once(&mut uid, text(&mut map)?)?,
            Key::Operation => once(&mut operation, text(&mut map)?)?,
            Key::SubResource => once(&mut sub_resource, text(&mut map)?)?,
            Key::Name => once(&mut name, text(&mut map)?)?,
            Key::Namespace => once(&mut namespace, text(&mut map)?)?,
            Key::Kind => once(&mut kind, map.next_value()?)?,
            Key::Resource => once(&mut resource, map.next_value()?)?,
            Key::DryRun => once(&mut dry_run, map.next_value()?)?,
            Key::Object => once(&mut after, object(&mut map, kind.as_ref())?)?,
            Key::OldObject => once(&mut before, object(&mut map, kind.as_ref())?)?,
            Key::Other => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    let (Some(uid), Some(kind), Some(operation)) = (uid, kind, operation) else {
        return Err(A::Error::custom("a field is missing"));
    };
    let change = Change { before: before.flatten(), after: after.flatten() };
    let request = Request {
        uid,
        kind,
        resource: resource.unwrap_or_default(),
        sub_resource,
        name,
        namespace,
        operation,
        object: None,
        old_object: None,
        dry_run: dry_run.flatten(),
    };
    Ok(Usual { request, change })
}

/// A field that is there twice means one or the other.
fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a field is there twice")),
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Cow<'de, str>, A::Error> {
    map.next_value().map(|Text(text)| text)
}

fn object<'de, A: MapAccess<'de>>(
    map: &mut A,
    kind: Option<&GroupVersionKind<'de>>,
) -> Result<Option<Fields<'de>>, A::Error> {
    let kind = kind.ok_or_else(|| A::Error::custom("the kind comes later"))?;
    if kinds::kind_in(&kind.group, &kind.kind).is_none() && !declared::is_declaration(kind) {
        map.next_value::<IgnoredAny>()?;
        return Ok(None);
    }
    let mut object = map.next_value_seed(Objects)?;
    if let Some(object) = &mut object {
        object::complete(object, kind);
    }
    Ok(object)
}

/// An object, or nothing.
struct Objects;

impl<'de> DeserializeSeed<'de> for Objects {
    type Value = Option<Fields<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects {
    type Value = Option<Fields<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or nothing")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Fields::read(map, &object::OBJECT).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(kind: &str, objects: &str) -> String {
        format!(
            r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"u","kind":{kind},
            "resource":{{"group":"","version":"v1","resource":"namespaces"}},"requestKind":{{"kind":[1]}},"name":"n\u00e4",
            "operation":"UPDATE","userInfo":{{"uid":"x"}},{objects},"dryRun":false,"options":null}}}}"#
        )
    }

    const NAMESPACE: &str = r#"{"group":"","version":"v1","kind":"Namespace"}"#;

    #[test]
    fn it_reads_what_the_other_way_reads() {
        let objects =
            r#""object":{"metadata":{"name":"a","managedFields":[1]},"status":{}},"oldObject":{"kind":"x"}"#;
        for objects in [objects, r#""object":null,"oldObject":{"a":1}"#, r#""oldObject":null"#] {
            let text = review(NAMESPACE, objects);
            let (usual, change) = parse(&text).unwrap();
            let careful = Review::parse(text.as_bytes()).unwrap();
            let read = Change::read(&careful.request).unwrap();
            assert_eq!((change.before, change.after), (read.before, read.after));
            let (mut one, mut other) = (usual.request, careful.request);
            (one.object, one.old_object) = (None, None);
            (other.object, other.old_object) = (None, None);
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }

    #[test]
    fn objects_of_kinds_that_matter_to_nobody_are_left_out() {
        let kind = r#"{"group":"","version":"v1","kind":"Endpoints"}"#;
        let text = review(kind, r#""object":{"metadata":{"name":"a"}},"oldObject":[1]"#);
        let (_, change) = parse(&text).unwrap();
        assert!(change.before.is_none() && change.after.is_none());
    }

    #[test]
    fn what_is_unusual_is_left_to_the_other_way() {
        let good = review(NAMESPACE, r#""object":{"a":1}"#);
        assert!(parse(&good).is_some());
        for (from, to) in [
            (r#""uid":"u","#, ""),
            (r#""uid":"u""#, r#""uid":"u","uid":"v""#),
            (r#""uid":"u""#, r#""uid":7"#),
            (r#""uid":"u""#, r#""uid":"""#),
            (r#""uid":"u""#, r#""uid":"u","object":{}"#),
            (r#""object":{"a":1}"#, r#""object":[1]"#),
            (r#""object":{"a":1}"#, r#""object":{"a":1},"object":{"a":2}"#),
            (r#""object":{"a":1}"#, r#""object":{"a":1},"kind":{}"#),
            ("AdmissionReview", "TokenReview"),
            ("admission.k8s.io/v1", "admission.k8s.io/v2"),
            ("}}", "}"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert!(parse(&text).is_none(), "{text}");
        }
        assert!(parse(&format!("{good}x")).is_none());
        let deep = review(NAMESPACE, &format!(r#""object":{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200)));
        assert!(parse(&deep).is_none());
    }
}
