//! The object of a request, before and after.

use serde_json::value::RawValue;

use super::envelope::Request;
use super::object::{ObjectError, parse};
use crate::borrowed::Fields;
use crate::claim::At;

/// The object before and after, as far as the request has them.
pub(super) struct Change<'a> {
    pub(super) before: Option<Fields<'a>>,
    pub(super) after: Option<Fields<'a>>,
}

impl<'a> Change<'a> {
    /// Reads the objects of a request.
    pub(super) fn read(request: &Request<'a>) -> Result<Change<'a>, ObjectError> {
        let read = |raw: &'a RawValue| parse(raw, &request.kind);
        Ok(Change {
            before: request.old_object.map(read).transpose()?,
            after: request.object.map(read).transpose()?,
        })
    }
}

/// The object's name. The request has none when an API server is to make one up, and need not have one when a whole
/// collection is deleted; the object has it then.
pub(super) fn name<'a>(request: &'a Request<'_>, change: &'a Change<'_>) -> &'a str {
    let written = || {
        let object = change.after.as_ref().or(change.before.as_ref())?;
        At::fields(object).str_at(&["metadata", "name"])
    };
    known(request, written().unwrap_or_default())
}

/// The request's name for the object, or the other one when it has none.
pub(super) fn known<'a>(request: &'a Request<'_>, otherwise: &'a str) -> &'a str {
    request.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(otherwise)
}

/// `Kind/namespace/name`, or `Kind/name` for what is in no namespace.
pub(super) fn reference(request: &Request<'_>, name: &str) -> String {
    let (kind, name) = (&request.kind.kind, known(request, name));
    match request.namespace.as_deref() {
        // The request of a Namespace names it as its own namespace.
        Some(namespace) if !namespace.is_empty() && kind != "Namespace" => {
            format!("{kind}/{namespace}/{name}")
        }
        _ => format!("{kind}/{name}"),
    }
}
