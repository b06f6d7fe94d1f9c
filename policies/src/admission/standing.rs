//! Objects that are there already.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Basis, scope};
use crate::declaration::MeshDeclaration;
use crate::finding::Findings;
use crate::judge;
use crate::kinds;

/// The namespaces of the control planes that are declared, once each.
#[must_use]
pub fn system_namespaces<'a>(basis: &Basis<'a>) -> Vec<&'a str> {
    let all = basis.declarations.iter().map(|declared| declared.spec.istio.namespace.as_str());
    all.collect::<BTreeSet<&str>>().into_iter().collect()
}

/// Judges an object as if it were created now, by the declaration that is nearest to it; nothing when it asserts nothing
/// about a mesh that is declared.
#[must_use]
pub fn standing<'a>(
    object: &Map<String, Value>,
    basis: &Basis<'a>,
) -> Option<(&'a MeshDeclaration, Findings)> {
    let claims = kinds::claims_of(object);
    if claims.list.is_empty() {
        return None;
    }
    let metadata =
        |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str);
    let is_namespace = object.get("kind").and_then(Value::as_str) == Some("Namespace");
    let home = metadata(if is_namespace { "name" } else { "namespace" }).unwrap_or_default();
    let candidates = scope::declarations(&basis.declarations, home, object);
    let judged = candidates.into_iter().filter(|declared| claims.concern(&declared.spec)).map(|declared| {
        let mut findings = judge::judge(&declared.spec, &claims);
        findings.extend(judge::judge_rest(&declared.spec, object));
        judge::excuse(&declared.spec, basis.today, &mut findings);
        (declared, findings)
    });
    judged.min_by_key(|(_, findings)| (findings.errors(), findings.warnings()))
}
