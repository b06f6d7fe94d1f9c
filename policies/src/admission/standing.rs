//! Objects that are there already.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Basis, scope};
use crate::claim::At;
use crate::declaration::MeshDeclaration;
use crate::embedded;
use crate::finding::Findings;
use crate::judge;
use crate::kinds;

/// The namespaces of the control planes that are declared, once each.
#[must_use]
pub fn system_namespaces<'a>(basis: &Basis<'a>) -> Vec<&'a str> {
    let all = basis.declarations.iter().map(|declared| declared.spec.istio.namespace.as_str());
    all.collect::<BTreeSet<&str>>().into_iter().collect()
}

/// Judges an object as if it were created now, and what it should have been given since, by the declaration that is nearest
/// to it; nothing when it asserts nothing about a mesh that is declared.
#[must_use]
pub fn standing<'a>(
    object: &Map<String, Value>,
    basis: &Basis<'a>,
) -> Option<(&'a MeshDeclaration, Findings)> {
    let object = embedded::expand(object);
    let object = &At::root(&object);
    let claims = kinds::claims_at(object);
    if claims.list.is_empty() {
        return None;
    }
    let is_namespace = object.str_at(&["kind"]) == Some("Namespace");
    let home = object.str_at(&["metadata", if is_namespace { "name" } else { "namespace" }]);
    let home = home.unwrap_or_default();
    let candidates = scope::declarations(&basis.declarations, home, claims.named_plane(), object);
    let judged = candidates.into_iter().filter(|declared| claims.concern(&declared.spec)).map(|declared| {
        let mut findings = judge::judge(&declared.spec, &claims);
        findings.extend(judge::judge_rest_at(&declared.spec, object));
        findings.extend(judge::judge_running(&declared.spec, object));
        judge::excuse(&declared.spec, basis.today, &mut findings);
        (declared, findings)
    });
    judged.min_by_key(|(_, findings)| (findings.errors(), findings.warnings()))
}
