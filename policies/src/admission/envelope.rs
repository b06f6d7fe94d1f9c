//! `AdmissionReview`, as it comes and as it is answered (Kubernetes: `k8s.io/api/admission/v1`, `types.go`).
//!
//! The envelope borrows from the body, and the objects in it stay unread text until it is known that they matter.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// `kind` of the document.
pub(super) const KIND: &str = "AdmissionReview";
/// The version that API servers send since Kubernetes 1.16.
pub const API_VERSION: &str = "admission.k8s.io/v1";
/// That one and the one before.
const VERSIONS: [&str; 2] = [API_VERSION, "admission.k8s.io/v1beta1"];

/// A review.
#[derive(Debug)]
pub struct Review<'a> {
    /// Version of the document, which is also the answer's.
    pub api_version: &'static str,
    /// What is asked.
    pub request: Request<'a>,
}

/// What is asked. Only what decides or is logged is read; who asks decides nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    /// By which the answer is known.
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    /// Kind of the object, in the version that the webhook is configured for.
    #[serde(borrow)]
    pub kind: GroupVersionKind<'a>,
    /// The resource.
    #[serde(borrow, default)]
    pub resource: Resource<'a>,
    /// `status`, `scale`, `finalize`; nothing for the object itself.
    #[serde(borrow, default)]
    pub sub_resource: Option<Cow<'a, str>>,
    /// Name of the object; empty when the API server is to make one up.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// Its namespace.
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    /// What is done.
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    /// The object as it is to be; nothing for DELETE.
    #[serde(borrow, default)]
    pub object: Option<&'a RawValue>,
    /// The object as it is; nothing for CREATE.
    #[serde(borrow, default)]
    pub old_object: Option<&'a RawValue>,
    /// Whether nothing will be stored.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// A kind.
#[derive(Debug, Deserialize)]
pub struct GroupVersionKind<'a> {
    /// Group; empty for the core group.
    #[serde(borrow, default)]
    pub group: Cow<'a, str>,
    /// Version.
    #[serde(borrow)]
    pub version: Cow<'a, str>,
    /// Kind.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
}

impl<'a> GroupVersionKind<'a> {
    /// As objects write it.
    #[must_use]
    pub fn api_version(&self) -> Cow<'a, str> {
        match self.group.as_ref() {
            "" => self.version.clone(),
            group => [group, "/", &self.version].concat().into(),
        }
    }
}

/// A resource.
#[derive(Debug, Default, Deserialize)]
pub struct Resource<'a> {
    /// Its plural.
    #[serde(borrow, default)]
    pub resource: Cow<'a, str>,
}

/// What cannot be decided.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// Nothing by which an answer could be known.
    #[error("the body is not an AdmissionReview: {0}")]
    Envelope(String),
    /// A request that is known by its uid but broken.
    #[error("the review's request cannot be read: {error}")]
    Request {
        /// Version of the document.
        api_version: &'static str,
        /// The request.
        uid: String,
        /// What is wrong.
        error: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a, R> {
    #[serde(borrow)]
    pub(super) api_version: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) request: Option<R>,
}

#[derive(Deserialize)]
struct Uid<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
}

impl<'a> Review<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// [`ReviewError`]; with the uid whenever there is one.
    pub fn parse(body: &'a [u8]) -> Result<Review<'a>, ReviewError> {
        let Ok(envelope) = serde_json::from_slice::<Envelope<'a, Request<'a>>>(body) else {
            return Err(broken(body));
        };
        let Some(request) = envelope.request else {
            version(&envelope.api_version, &envelope.kind)?;
            return Err(without_uid());
        };
        Review::of(&envelope.api_version, &envelope.kind, request)
    }

    /// A review of that version and kind.
    pub(super) fn of(api_version: &str, kind: &str, request: Request<'a>) -> Result<Review<'a>, ReviewError> {
        let api_version = version(api_version, kind)?;
        if request.uid.is_empty() { Err(without_uid()) } else { Ok(Review { api_version, request }) }
    }
}

fn without_uid() -> ReviewError {
    ReviewError::Envelope("it has no request with a uid".to_owned())
}

fn version(api_version: &str, kind: &str) -> Result<&'static str, ReviewError> {
    let known = VERSIONS.into_iter().find(|known| *known == api_version && kind == KIND);
    let show = |text: &str| text.chars().take(80).collect::<String>();
    known.ok_or_else(|| {
        let (api_version, kind) = (show(api_version), show(kind));
        ReviewError::Envelope(format!("it is a `{kind}` of `{api_version}`"))
    })
}

/// Finds the uid of a review that does not read as a whole.
fn broken(body: &[u8]) -> ReviewError {
    let envelope = match serde_json::from_slice::<Envelope<'_, &RawValue>>(body) {
        Ok(envelope) => envelope,
        Err(error) => return ReviewError::Envelope(error.to_string()),
    };
    let api_version = match version(&envelope.api_version, &envelope.kind) {
        Ok(version) => version,
        Err(error) => return error,
    };
    let request = envelope.request.map(RawValue::get).unwrap_or("null");
    let Ok(Uid { uid }) = serde_json::from_str(request) else {
        return without_uid();
    };
    let error = match serde_json::from_str::<Request<'_>>(request) {
        Ok(_) => "it is ambiguous".to_owned(),
        Err(error) => error.to_string(),
    };
    ReviewError::Request { api_version, uid: uid.into_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1",
        "kind":{"group":"","version":"v1","kind":"Namespace"},"operation":"CREATE","object":{"a":[1]}}}"#;

    #[test]
    fn the_envelope_borrows_and_leaves_objects_unread() {
        let review = Review::parse(SMALL.as_bytes()).unwrap();
        assert!(matches!(review.request.uid, Cow::Borrowed("u-1")));
        assert_eq!(review.request.object.map(RawValue::get), Some(r#"{"a":[1]}"#));
        assert!(review.request.old_object.is_none());
        assert_eq!(review.request.kind.api_version(), "v1");
    }

    #[test]
    fn the_uid_survives_a_broken_request() {
        for (from, to) in [
            (r#""CREATE""#, "7"),
            (r#""group":"""#, r#""group":[]"#),
            (r#""version":"v1","#, ""),
            (r#""operation""#, r#""dryRun":"x","operation""#),
        ] {
            let text = SMALL.replacen(from, to, 1);
            assert_ne!(text, SMALL);
            let error = Review::parse(text.as_bytes()).unwrap_err();
            assert!(matches!(&error, ReviewError::Request { uid, .. } if uid == "u-1"), "{error:?}");
        }
    }

    #[test]
    fn what_is_no_review_is_said() {
        for body in [
            "",
            "{",
            "null",
            "[]",
            "\"x\"",
            &SMALL[..SMALL.len() - 1],
            &SMALL.replace("admission.k8s.io/v1", "admission.k8s.io/v2"),
            &SMALL.replace("AdmissionReview", "TokenReview"),
            &SMALL.replace("\"u-1\"", "\"\""),
            &SMALL.replace("\"uid\"", "\"id\""),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}"#,
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
        ] {
            let error = Review::parse(body.as_bytes()).unwrap_err();
            assert!(matches!(error, ReviewError::Envelope(_)), "{body}: {error:?}");
        }
        let bytes = [SMALL.as_bytes(), &[0xff]].concat();
        assert!(Review::parse(&bytes).is_err());
    }
}
