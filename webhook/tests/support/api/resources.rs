//! The resources that are served, and what discovery says of them.

use serde_json::{Value, json};

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    /// Served versions, the preferred one first.
    pub(crate) versions: Vec<String>,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether the status is a subresource.
    pub(crate) status: bool,
}

impl Resource {
    fn new(group: &str, version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
        Resource {
            group: group.to_owned(),
            versions: vec![version.to_owned()],
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced,
            status: matches!(kind, "Namespace" | "Node" | "Service" | "Deployment"),
        }
    }

    /// What a CustomResourceDefinition defines.
    pub(crate) fn defined_by(definition: &Value) -> Option<Resource> {
        let spec = &definition["spec"];
        let served = |version: &&Value| version["served"] == true;
        let versions: Vec<&Value> = spec["versions"].as_array()?.iter().filter(served).collect();
        Some(Resource {
            group: spec["group"].as_str()?.to_owned(),
            versions: versions.iter().filter_map(|v| v["name"].as_str()).map(str::to_owned).collect(),
            kind: spec["names"]["kind"].as_str()?.to_owned(),
            plural: spec["names"]["plural"].as_str()?.to_owned(),
            namespaced: spec["scope"] == "Namespaced",
            status: versions.iter().any(|version| version["subresources"]["status"].is_object()),
        })
    }

    /// `v1` or `group/version`.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }
}

/// Those that every API server has, as far as tests need them.
pub(crate) fn built_in() -> Vec<Resource> {
    [
        ("", "v1", "Namespace", "namespaces", false),
        ("", "v1", "Node", "nodes", false),
        ("", "v1", "Pod", "pods", true),
        ("", "v1", "Service", "services", true),
        ("", "v1", "ServiceAccount", "serviceaccounts", true),
        ("", "v1", "Secret", "secrets", true),
        ("", "v1", "ConfigMap", "configmaps", true),
        ("apps", "v1", "Deployment", "deployments", true),
        ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
        ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false),
        ("coordination.k8s.io", "v1", "Lease", "leases", true),
        ("events.k8s.io", "v1", "Event", "events", true),
        ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
        (
            "admissionregistration.k8s.io",
            "v1",
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
            false,
        ),
        (
            "admissionregistration.k8s.io",
            "v1",
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
            false,
        ),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ]
    .map(|(group, version, kind, plural, namespaced)| Resource::new(group, version, kind, plural, namespaced))
    .into()
}

/// `APIGroupList`.
pub(crate) fn groups(resources: &[Resource]) -> Value {
    let mut groups: Vec<Value> = Vec::new();
    for resource in resources.iter().filter(|resource| !resource.group.is_empty()) {
        if !groups.iter().any(|group| group["name"] == resource.group) {
            groups.extend(group(resources, &resource.group));
        }
    }
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `APIGroup`.
pub(crate) fn group(resources: &[Resource], name: &str) -> Option<Value> {
    let mut versions: Vec<&String> = Vec::new();
    for resource in resources.iter().filter(|resource| resource.group == name) {
        versions.extend(
            resource.versions.iter().filter(|version| !versions.contains(version)).collect::<Vec<_>>(),
        );
    }
    let version =
        |version: &&String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let preferred = versions.first()?.clone();
    Some(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": preferred,
    }))
}

/// `APIResourceList`.
pub(crate) fn list(resources: &[Resource], group: &str, version: &str) -> Option<Value> {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let mut list = Vec::new();
    let mut group_version = String::new();
    for resource in resources.iter().filter(|r| r.group == group && r.versions.iter().any(|v| v == version)) {
        group_version = resource.api_version(version);
        let entry = |name: String, verbs: &[&str]| {
            json!({
                "name": name, "singularName": resource.kind.to_lowercase(), "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": verbs,
            })
        };
        list.push(entry(resource.plural.clone(), &verbs));
        if resource.status {
            list.push(entry(format!("{}/status", resource.plural), &["get", "patch", "update"]));
        }
    }
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list,
    });
    (!group_version.is_empty()).then_some(list)
}
