//! Admission without a cluster: what the webhook would answer, asked of files.
//!
//! A text holds reviews, as an API server sends them, or objects, which are asked about as if somebody applied them. The
//! decision is [`meshwright_policies::admission`], so that the answer is the served one, word for word.

mod declarations;
mod object;
mod read;

use meshwright_policies::admission::{self, API_VERSION, Basis, GroupVersionKind, Request, Review, Verdict};
use meshwright_policies::node::{FieldPath, FileId, Node};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub use declarations::{DeclarationError, declarations};
pub use object::{Named, Objects};
pub use read::{Asked, Question, ReadError, read};

/// What is done with a bare object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Operation {
    /// It is new.
    Create,
    /// It takes the place of another.
    Update,
    /// It goes.
    Delete,
}

impl Operation {
    /// As a review says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
        }
    }
}

/// How bare objects are asked about.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// What is done. Default: UPDATE for an object that is among the old ones, CREATE for any other.
    pub operation: Option<Operation>,
    /// Objects as they are.
    pub old: Objects,
    /// The namespace of objects that name none and whose kind has one.
    pub namespace: Option<String>,
}

/// Why an object cannot be asked about.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TermsError {
    /// An update of what is not there.
    #[error("`{0}` is not among the old objects; an update needs the object as it is")]
    NotOld(Named),
}

/// Answers a question.
///
/// # Errors
/// When a bare object is to be updated and nobody said what it is now.
pub fn answer(question: &Question, terms: &Terms, basis: &Basis<'_>) -> Result<Verdict, TermsError> {
    match question {
        Question::Review(body) => Ok(admission::review(body, basis)),
        Question::Object(object) => about(object, terms, basis),
    }
}

fn about(object: &Map<String, Value>, terms: &Terms, basis: &Basis<'_>) -> Result<Verdict, TermsError> {
    let named = Named::of(object, terms.namespace.as_deref());
    let old = terms.old.get(&named);
    let operation = terms.operation.unwrap_or(match old {
        Some(_) => Operation::Update,
        None => Operation::Create,
    });
    let old = match operation {
        Operation::Create => None,
        Operation::Update => Some(old.ok_or_else(|| TermsError::NotOld(named.clone()))?),
        Operation::Delete => Some(old.unwrap_or(object)),
    };
    let new = (operation != Operation::Delete).then_some(object);
    let (new, old) = (new.and_then(raw), old.and_then(raw));
    let kind = GroupVersionKind {
        group: named.group.as_str().into(),
        version: named.version.as_str().into(),
        kind: named.kind.as_str().into(),
    };
    let request = Request {
        uid: "".into(),
        kind,
        resource: named.resource(),
        sub_resource: None,
        name: Some(named.name.as_str().into()),
        namespace: Some(named.namespace.as_str().into())
            .filter(|namespace: &String| !namespace.is_empty())
            .map(Into::into),
        operation: operation.as_str().into(),
        object: new.as_deref(),
        old_object: old.as_deref(),
        dry_run: Some(true),
    };
    Ok(admission::decide(&Review { api_version: API_VERSION, request }, basis))
}

/// The object as a review holds it. Text and numbers alone: this does not fail.
fn raw(object: &Map<String, Value>) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(object).ok()
}

/// A field of the judged object, as the file spells it: in a review, objects lie deeper.
#[must_use]
pub fn path_in_file(asked: &Asked, operation: &str, path: &FieldPath) -> FieldPath {
    match asked.question {
        Question::Object(_) => path.clone(),
        Question::Review(_) => {
            let object = if operation == "DELETE" { "request.oldObject" } else { "request.object" };
            path.under(&FieldPath::parse(object))
        }
    }
}

/// Where a document stands in its file.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file.
    pub file: FileId,
    /// The document with its spans; nothing for what is too large to be worth reading twice.
    pub tree: Option<Node>,
}
