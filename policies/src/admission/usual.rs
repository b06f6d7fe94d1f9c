//! A review as API servers write it, read in one pass: the kind stands before the objects (Kubernetes: the order of the
//! fields of `AdmissionRequest` in `k8s.io/api/admission/v1/types.go`), so that an object can be read where it stands, and be
//! left out where its kind matters to nobody. Whatever is otherwise is left to [`Review::parse`], which says what is wrong.

use std::borrow::Cow;

use super::change::Change;
use super::declared;
use super::envelope::{GroupVersionKind, Request, Resource, Review};
use super::object;
use super::reader::Reader;
use crate::borrowed::Fields;
use crate::kinds;

/// A review with its objects read.
pub(super) fn parse(body: &str) -> Option<(Review<'_>, Change<'_>)> {
    let (mut api_version, mut kind, mut asked) = (None, None, None);
    let mut reader = Reader::new(body);
    reader.map(|reader, key| match key.as_ref() {
        "apiVersion" => once(&mut api_version, reader.string()?),
        "kind" => once(&mut kind, reader.string()?),
        "request" => once(&mut asked, request(reader)?),
        _ => reader.skip(),
    })?;
    let (request, change) = asked.filter(|_| reader.is_at_end())?;
    Some((Review::of(&api_version?, &kind?, request).ok()?, change))
}

fn request<'a>(reader: &mut Reader<'a>) -> Option<(Request<'a>, Change<'a>)> {
    let (mut uid, mut operation) = (None, None);
    let (mut sub_resource, mut name, mut namespace) = (None, None, None);
    let (mut kind, mut resource) = (None, None);
    let (mut dry_run, mut after, mut before) = (None, None, None);
    reader.map(|reader, key| match key.as_ref() {
        "uid" => once(&mut uid, reader.string()?),
        "operation" => once(&mut operation, reader.string()?),
        "subResource" => once(&mut sub_resource, reader.string()?),
        "name" => once(&mut name, reader.string()?),
        "namespace" => once(&mut namespace, reader.string()?),
        "kind" => once(&mut kind, group_version_kind(reader)?),
        "resource" => once(&mut resource, self::resource(reader)?),
        "dryRun" => once(&mut dry_run, reader.bool_or_null()?),
        "object" => once(&mut after, object(reader, kind.as_ref()?)?),
        "oldObject" => once(&mut before, object(reader, kind.as_ref()?)?),
        _ => reader.skip(),
    })?;
    let change = Change { before: before.flatten(), after: after.flatten() };
    let request = Request {
        uid: uid?,
        kind: kind?,
        resource: resource.unwrap_or_default(),
        sub_resource,
        name,
        namespace,
        operation: operation?,
        object: None,
        old_object: None,
        dry_run: dry_run.flatten(),
    };
    Some((request, change))
}

/// A field that is there twice means one or the other.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn group_version_kind<'a>(reader: &mut Reader<'a>) -> Option<GroupVersionKind<'a>> {
    let (mut group, mut version, mut kind) = (None, None, None);
    reader.map(|reader, key| match key.as_ref() {
        "group" => once(&mut group, reader.string()?),
        "version" => once(&mut version, reader.string()?),
        "kind" => once(&mut kind, reader.string()?),
        _ => reader.skip(),
    })?;
    Some(GroupVersionKind { group: group.unwrap_or_default(), version: version?, kind: kind? })
}

fn resource<'a>(reader: &mut Reader<'a>) -> Option<Resource<'a>> {
    let mut resource: Option<Cow<'a, str>> = None;
    reader.map(|reader, key| match key.as_ref() {
        "resource" => once(&mut resource, reader.string()?),
        _ => reader.skip(),
    })?;
    Some(Resource { resource: resource.unwrap_or_default() })
}

fn object<'a>(reader: &mut Reader<'a>, kind: &GroupVersionKind<'a>) -> Option<Option<Fields<'a>>> {
    if kinds::kind_in(&kind.group, &kind.kind).is_none() && !declared::is_declaration(kind) {
        return reader.skip().map(|()| None);
    }
    let mut object = reader.fields(&object::OBJECT)?;
    if let Some(object) = &mut object {
        object::complete(object, kind);
    }
    Some(object)
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
        let kind = r#"{"group":"","version":"v1","kind":"PodTemplate"}"#;
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
