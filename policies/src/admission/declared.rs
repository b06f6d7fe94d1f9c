//! `MeshDeclaration` itself: what this program could not read would not come into force, and whoever applies it should
//! hear so; and the question by which it is proved that questions arrive.

use serde_json::Value;

use super::{Answer, Decision, GroupVersionKind, Request, object_name};
use crate::borrowed::Fields;
use crate::claim::At;
use crate::declaration::{KIND, MeshDeclaration};
use crate::intent::GROUP;

/// Name of the declaration that is always refused, so that a dry run of it proves that an API server asks and obeys.
pub const SELF_TEST: &str = "meshwright-self-test";
/// Annotation of it, whose value the refusal repeats: no other program's refusal is taken for ours.
pub const SELF_TEST_NONCE: &str = "meshwright.dev/self-test";

/// What the refusal of a self-test says.
#[must_use]
pub fn self_test_message(nonce: &str) -> String {
    format!("self-test {nonce}: this question has arrived, and is always refused")
}

/// Whether the request is about a declaration.
pub(super) fn concerns(request: &Request<'_>) -> bool {
    is_declaration(&request.kind)
}

/// Whether it is the kind of declarations.
pub(super) fn is_declaration(kind: &GroupVersionKind<'_>) -> bool {
    kind.group == GROUP && kind.kind == KIND
}

/// The decision on a new or changed declaration.
pub(super) fn decide(request: &Request<'_>, name: &str, after: Option<&Fields<'_>>) -> Decision<'static> {
    let Some(after) = after.filter(|_| request.operation != "DELETE") else {
        return Decision::allowed("declaration");
    };
    if name == SELF_TEST {
        let nonce = At::fields(after).str_at(&["metadata", "annotations", SELF_TEST_NONCE]);
        let nonce: String =
            nonce.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        let answer = Answer::denied(403, self_test_message(&nonce), object_name(request, name));
        return Decision::of(answer, "self-test");
    }
    let mut decision = Decision::allowed("declaration");
    if let Err(error) = serde_json::from_value::<MeshDeclaration>(Value::Object(after.to_map())) {
        decision.reason = "warned";
        decision.answer.warn(&format!("the webhook cannot read this and keeps what it has: {error}"));
    }
    decision
}
