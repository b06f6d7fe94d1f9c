//! Bare objects: what they are called, and those that are there already.

use std::collections::BTreeMap;
use std::fmt;

use meshwright_policies::admission::Resource;
use meshwright_policies::kinds;
use serde_json::{Map, Value};

/// By what an object is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its group; empty for the core group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for none.
    pub namespace: String,
    /// Its name; empty when the API server is to make one up.
    pub name: String,
}

impl Named {
    /// The name of an object, in that namespace when it says none and is of a kind that has one.
    #[must_use]
    pub fn of(object: &Map<String, Value>, namespace: Option<&str>) -> Named {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let metadata = |key: &str| object.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str);
        let (group, version) = match text("apiVersion").split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", text("apiVersion")),
        };
        let kind = text("kind");
        let default = namespace.filter(|_| !CLUSTER_SCOPED.contains(&(group, kind)));
        Named {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            namespace: metadata("namespace").or(default).unwrap_or_default().to_owned(),
            name: metadata("name").unwrap_or_default().to_owned(),
        }
    }

    /// Its resource, as far as it is known.
    #[must_use]
    pub fn resource(&self) -> Resource<'static> {
        let api_version = format!("{}/{}", self.group, self.version);
        let api_version = api_version.trim_start_matches('/');
        let plural = kinds::kind_of(api_version, &self.kind).map_or("", |kind| kind.plural());
        Resource { resource: plural.into() }
    }
}

/// Kinds in no namespace, of those that are judged.
const CLUSTER_SCOPED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Node"),
    ("sailoperator.io", "Istio"),
    ("sailoperator.io", "IstioRevision"),
    ("sailoperator.io", "IstioRevisionTag"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("meshwright.dev", "MeshDeclaration"),
];

/// `Kind/namespace/name`, or `Kind/name`.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// Objects by name. Versions of one kind are one object.
#[derive(Clone, Debug, Default)]
pub struct Objects(BTreeMap<(String, String, String, String), Map<String, Value>>);

impl Objects {
    /// Adds an object.
    pub fn add(&mut self, object: Map<String, Value>, namespace: Option<&str>) {
        self.0.insert(key(&Named::of(&object, namespace)), object);
    }

    /// The object of that name.
    #[must_use]
    pub fn get(&self, named: &Named) -> Option<&Map<String, Value>> {
        self.0.get(&key(named))
    }
}

fn key(named: &Named) -> (String, String, String, String) {
    let Named { group, kind, namespace, name, .. } = named.clone();
    (group, kind, namespace, name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(object: Value, namespace: Option<&str>) -> String {
        Named::of(object.as_object().unwrap(), namespace).to_string()
    }

    #[test]
    fn a_namespace_is_given_to_what_has_one() {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}});
        assert_eq!(named(service.clone(), None), "Service/a");
        assert_eq!(named(service, Some("b")), "Service/b/a");
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}});
        assert_eq!(named(namespace, Some("b")), "Namespace/a");
        let own = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "c"}});
        assert_eq!(named(own, Some("b")), "Service/c/a");
        assert_eq!(named(json!({"metadata": 7}), None), "/");
    }

    #[test]
    fn versions_of_a_kind_are_one_object() {
        let gateway = |version: &str| {
            let api = format!("networking.istio.io/{version}");
            let object = json!({"apiVersion": api, "kind": "Gateway", "metadata": {"name": "g"}});
            object.as_object().unwrap().clone()
        };
        let mut old = Objects::default();
        old.add(gateway("v1alpha3"), None);
        assert!(old.get(&Named::of(&gateway("v1"), None)).is_some());
    }
}
