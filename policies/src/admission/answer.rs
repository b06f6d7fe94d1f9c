//! The answer: `AdmissionReview` with a response, and a `Status` that says why.

use std::collections::BTreeMap;

use serde::Serialize;

/// An answer, before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is answered.
    pub outcome: Outcome,
    /// Said to whoever asks, allowed or not; at most 120 characters each.
    pub warnings: Vec<String>,
    /// Put into the audit log by the API server, under the webhook's name.
    pub audit: BTreeMap<&'static str, String>,
}

/// Allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Allowed.
    Allowed,
    /// Not allowed. The API server passes `Status` on to whoever asks; without a code it would say 400 (Kubernetes:
    /// `k8s.io/apiserver`, `pkg/admission/plugin/webhook/errors/statuserror.go`).
    Denied {
        /// HTTP status: 403, or 400 for what cannot be read.
        code: u16,
        /// For people; may have several lines.
        message: String,
        /// For programs, one each.
        causes: Vec<Cause>,
        /// The object: name, group and resource.
        object: ObjectName,
    },
}

/// The object that is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Its resource.
    #[serde(rename = "kind", skip_serializing_if = "String::is_empty")]
    pub resource: String,
}

/// `StatusCause`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `FieldValueInvalid`, or nothing.
    pub reason: &'static str,
    /// One line.
    pub message: String,
    /// The field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Answer {
    /// Allowed, without a word.
    #[must_use]
    pub fn allowed() -> Answer {
        Answer { outcome: Outcome::Allowed, warnings: Vec::new(), audit: BTreeMap::new() }
    }

    /// Denied for a reason that is not about one field.
    #[must_use]
    pub fn denied(code: u16, message: impl Into<String>, object: ObjectName) -> Answer {
        let outcome = Outcome::Denied { code, message: message.into(), causes: Vec::new(), object };
        Answer { outcome, warnings: Vec::new(), audit: BTreeMap::new() }
    }

    /// Whether it allows.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// Adds a warning, cut to what a client shows for sure.
    pub fn warn(&mut self, text: &str) {
        self.warnings.push(cut(text, 120));
    }

    /// The document, for the request of that uid.
    #[must_use]
    pub fn to_json(&self, api_version: &str, uid: &str) -> Vec<u8> {
        let response = Response {
            uid,
            allowed: self.is_allowed(),
            status: self.status(),
            warnings: &self.warnings,
            audit_annotations: &self.audit,
        };
        let document = Document { api_version, kind: super::envelope::KIND, response };
        let mut text = Vec::with_capacity(self.length());
        // Text and numbers alone: this cannot fail.
        let _written = serde_json::to_writer(&mut text, &document);
        text
    }

    /// About how long the document will be: growing to kilobytes copies each part of it several times.
    fn length(&self) -> usize {
        let said = match &self.outcome {
            Outcome::Allowed => 0,
            Outcome::Denied { message, causes, .. } => {
                message.len()
                    + causes.iter().map(|cause| cause.message.len() + cause.field.len() + 64).sum::<usize>()
            }
        };
        1024 + said + said / 8
    }

    fn status(&self) -> Option<Status<'_>> {
        let Outcome::Denied { code, message, causes, object } = &self.outcome else { return None };
        let reason = if *code == 403 { "Forbidden" } else { "BadRequest" };
        let details = Details { object, causes };
        Some(Status { status: "Failure", message, reason, details, code: *code })
    }
}

/// At most `limit` characters.
#[must_use]
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => {
            let mut kept: String = text.chars().take(limit.saturating_sub(1)).collect();
            kept.push('…');
            kept
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    kind: &'static str,
    api_version: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'static str,
    message: &'a str,
    reason: &'static str,
    details: Details<'a>,
    code: u16,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    object: &'a ObjectName,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    causes: &'a [Cause],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_a_status() {
        let object = ObjectName { name: "a".to_owned(), ..ObjectName::default() };
        let mut answer = Answer::denied(403, "no", object);
        answer.warn("w");
        let text = String::from_utf8(answer.to_json("admission.k8s.io/v1", "u")).unwrap();
        insta::assert_snapshot!(text, @r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u","allowed":false,"status":{"status":"Failure","message":"no","reason":"Forbidden","details":{"name":"a"},"code":403},"warnings":["w"]}}"#);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        let mut answer = Answer::allowed();
        answer.warn(&"ß".repeat(500));
        assert_eq!(answer.warnings[0].chars().count(), 120);
    }
}
