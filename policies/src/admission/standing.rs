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
    let nearest = judged.min_by_key(|(_, findings)| (findings.errors(), findings.warnings()));
    // An object can be at fault by what it does not say, or says beside its claims.
    nearest.filter(|(_, findings)| !claims.list.is_empty() || !findings.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::WithoutDeclaration;

    #[test]
    fn what_an_object_does_not_say_is_found_too() {
        let declared: MeshDeclaration = serde_json::from_value(json!({
            "apiVersion": "meshwright.dev/v1alpha1", "kind": "MeshDeclaration", "metadata": {"name": "demo"},
            "spec": {
                "mesh": {"name": "demo", "id": "demo", "trustDomain": "cluster.local", "clusterDomain": "cluster.local"},
                "cluster": {"name": "east", "id": "east"},
                "network": "net-east",
                "controlPlane": {"role": "primary"},
                "istio": {"version": "1.30.1", "namespace": "istio-system", "install": "Helm", "dataPlane": "sidecar"},
                "networks": {"net-east": {"discovery": "labels"}, "net-west": {"discovery": "labels"}},
            },
        }))
        .unwrap();
        let basis = Basis {
            declarations: vec![&declared],
            unreadable: false,
            without: WithoutDeclaration::Allow,
            today: "2026-01-01".to_owned().try_into().unwrap(),
        };
        let codes = |object: &serde_json::Value| -> Option<Vec<&str>> {
            let (_, findings) = standing(object.as_object().unwrap(), &basis)?;
            Some(findings.iter().map(|finding| finding.rule.code).collect())
        };
        let namespace = |name: &str, labels: serde_json::Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        // It was there before Istio, whose installer labels only what it makes itself.
        assert_eq!(codes(&namespace("istio-system", json!({}))), Some(vec!["MW2112"]));
        let right = namespace("istio-system", json!({"topology.istio.io/network": "net-east"}));
        assert_eq!(codes(&right), Some(vec![]));
        assert_eq!(codes(&namespace("shop", json!({}))), None, "another namespace says nothing of a mesh");
        let misspelt = json!({
            "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator",
            "metadata": {"name": "i", "namespace": "istio-system"},
            "spec": {"values": {"global": {"network": "net-east", "multicluster": {"clusterName": "east"}}}},
        });
        assert_eq!(codes(&misspelt), Some(vec!["MW1102", "MW6110", "MW8201"]), "beside its claims");
    }
}
