//! The CustomResourceDefinition of `MeshDeclaration`.

use meshwright_policies::declaration::{DeclarationSpec, DeclarationStatus, KIND};
use meshwright_policies::mesh::Fleet;
use serde_json::{Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::memory::Memory;
use crate::object::Object;
use crate::structural;

/// Renders the definition, once: it is the same for every cluster.
pub(super) struct DeclarationCrd;

impl Artefact for DeclarationCrd {
    fn name(&self) -> &'static str {
        "mesh-declaration-crd"
    }

    fn render_fleet(&self, fleet: &Fleet, _memory: &mut Memory, out: &mut Output) {
        if !fleet.meshes.is_empty() {
            out.protected(Root::Crds, Wave::Declaration, definition());
        }
    }
}

/// The definition. Losing it would delete every declaration, so it is protected.
fn definition() -> Object {
    Object::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "meshdeclarations.meshwright.dev")
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(json!({
            "group": "meshwright.dev",
            "names": {
                "kind": KIND,
                "listKind": "MeshDeclarationList",
                "plural": "meshdeclarations",
                "singular": "meshdeclaration",
                "shortNames": ["meshdecl"],
                "categories": ["meshwright"],
            },
            "scope": "Cluster",
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns(),
                "schema": {"openAPIV3Schema": schema()},
            }],
        }))
}

fn columns() -> Value {
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let number = |name: &str, path: &str, priority: u8| json!({"name": name, "type": "integer", "jsonPath": path, "priority": priority});
    json!([
        column("Cluster", ".spec.cluster.id"),
        column("Network", ".spec.network"),
        column("Role", ".spec.controlPlane.role"),
        column("Istio", ".spec.istio.version"),
        column("Ready", ".status.conditions[?(@.type==\"Ready\")].status"),
        number("Errors", ".status.errors", 0),
        number("Generation", ".status.observedGeneration", 1),
        json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}),
    ])
}

fn schema() -> Value {
    let mut spec = structural::schema_of::<DeclarationSpec>();
    let list_key = |spec: &mut Value, field: &str, keys: &[&str]| {
        if let Some(list) = spec.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut) {
            list.insert("x-kubernetes-list-type".into(), "map".into());
            list.insert("x-kubernetes-list-map-keys".into(), json!(keys));
        }
    };
    for (field, key) in [("gateways", "name"), ("pools", "name"), ("provenance", "file")] {
        list_key(&mut spec, field, &[key]);
    }
    let mut status = structural::schema_of::<DeclarationStatus>();
    list_key(&mut status, "conditions", &["type"]);
    bound(&mut spec);
    if let Some(spec) = spec.as_object_mut() {
        spec.insert("x-kubernetes-validations".into(), rules());
    }
    json!({
        "type": "object",
        "description": "What the whole intent of a mesh means for this cluster. Rendered by meshwright from reviewed \
                        intent; not to be edited here.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [{
            "rule": "self.metadata.name == self.spec.mesh.name",
            "message": "a declaration is called like its mesh",
        }],
    })
}

/// Lengths, by which the API server estimates what a rule costs.
fn bound(spec: &mut Value) {
    for field in ["mesh/properties/name", "cluster/properties/name", "network", "mesh/properties/id"] {
        if let Some(text) = spec.pointer_mut(&format!("/properties/{field}")).and_then(Value::as_object_mut) {
            text.insert("maxLength".into(), 63.into());
        }
    }
}

/// What must hold inside one declaration, and over its life.
fn rules() -> Value {
    json!([
        {
            "rule": "self.cluster.name == oldSelf.cluster.name",
            "message": "the declaration of a cluster cannot become another cluster's: check which directory this \
                        cluster's agent applies",
        },
        {
            "rule": "self.network in self.networks",
            "message": "the cluster's network is none of the mesh's networks",
        },
        {
            "rule": "self.controlPlane.role == 'primary' || has(self.controlPlane.primary)",
            "message": "a remote cluster names the cluster whose istiod serves it",
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_structural() {
        assert_eq!(structural::violations(&schema()), Vec::<String>::new());
    }

    #[test]
    fn every_field_says_what_it_is() {
        fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
            for (name, value) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                if value["description"].as_str().is_none_or(str::is_empty) {
                    found.push(path.clone());
                }
                undescribed(value, &path, found);
            }
            for inner in ["items", "additionalProperties"] {
                if schema[inner].is_object() {
                    undescribed(&schema[inner], path, found);
                }
            }
        }
        let mut found = Vec::new();
        undescribed(&schema()["properties"]["spec"], "spec", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_cluster_cannot_be_given_anothers_declaration() {
        insta::assert_snapshot!(serde_yaml::to_string(&rules()).unwrap(), @"
        - rule: self.cluster.name == oldSelf.cluster.name
          message: 'the declaration of a cluster cannot become another cluster''s: check which directory this cluster''s agent applies'
        - rule: self.network in self.networks
          message: the cluster's network is none of the mesh's networks
        - rule: self.controlPlane.role == 'primary' || has(self.controlPlane.primary)
          message: a remote cluster names the cluster whose istiod serves it
        ");
    }
}
