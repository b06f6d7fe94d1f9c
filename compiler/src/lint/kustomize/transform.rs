//! Namespaces, names, labels and annotations for all objects of a root (kubernetes-sigs/kustomize:
//! `api/internal/konfig/builtinpluginconsts`).

use meshwright_policies::node::{Entry, Node, Value};

use super::{Kustomization, Labels, Object};

/// Built-in kinds without a namespace; kustomize takes any other kind to have one.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// Kinds whose names no prefix changes.
const NAMED_FOR_EVER: &[&str] = &["APIService", "CustomResourceDefinition", "Namespace"];

/// Whether kustomize takes a kind to have no namespace, whatever an object of it says.
pub(super) fn is_cluster_scoped(kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&kind)
}

pub(super) fn namespace(kustomization: &Kustomization, objects: &mut [Object<'_>]) {
    let Some(namespace) = &kustomization.namespace else { return };
    for object in objects {
        if object.kind() == "Namespace" {
            set(object.change(), &["metadata", "name"], namespace.clone());
        } else if !is_cluster_scoped(object.kind()) {
            set(object.change(), &["metadata", "namespace"], namespace.clone());
        }
    }
}

pub(super) fn names(kustomization: &Kustomization, objects: &mut [Object<'_>]) {
    let affix = |text: &Option<String>| text.clone().unwrap_or_default();
    let (prefix, suffix) = (affix(&kustomization.prefix), affix(&kustomization.suffix));
    if prefix.is_empty() && suffix.is_empty() {
        return;
    }
    for object in objects.iter_mut().filter(|object| !NAMED_FOR_EVER.contains(&object.kind())) {
        let name = format!("{prefix}{}{suffix}", object.name());
        let span = object.node().nearest_span(&"metadata.name".into());
        set(object.change(), &["metadata", "name"], Node { value: Value::String(name), span });
    }
}

pub(super) fn labels(kustomization: &Kustomization, objects: &mut [Object<'_>]) {
    for labels in &kustomization.labels {
        for object in objects.iter_mut() {
            add_labels(labels, object);
        }
    }
}

fn add_labels(labels: &Labels, object: &mut Object<'_>) {
    let template: &[&str] = match object.kind() {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            &["spec", "template"]
        }
        "CronJob" => &["spec", "jobTemplate", "spec", "template"],
        _ => &[],
    };
    let selector: &[&str] = match object.kind() {
        "Service" | "ReplicationController" => &["spec", "selector"],
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => &["spec", "selector", "matchLabels"],
        _ => &[],
    };
    let native = object.is_native();
    for entry in labels.pairs.entries() {
        let document = object.change();
        let mut put = |path: &[&str]| {
            let path: Vec<&str> = path.iter().copied().chain([entry.key.as_str()]).collect();
            set(document, &path, entry.node.clone());
        };
        put(&["metadata", "labels"]);
        if native && labels.selectors && !selector.is_empty() {
            put(selector);
        }
        if native && labels.templates && !template.is_empty() {
            put(&[template, &["metadata", "labels"]].concat());
        }
    }
}

pub(super) fn annotations(kustomization: &Kustomization, objects: &mut [Object<'_>]) {
    let Some(pairs) = &kustomization.annotations else { return };
    for object in objects.iter_mut() {
        for entry in pairs.entries() {
            set(object.change(), &["metadata", "annotations", &entry.key], entry.node.clone());
        }
    }
}

/// Puts a value at a path of keys, making the maps on the way.
pub(in crate::lint) fn set(document: &mut Node, path: &[&str], value: Node) {
    let Some((first, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    if !matches!(document.value, Value::Mapping(_)) {
        document.value = Value::Mapping(Vec::new());
    }
    let Value::Mapping(entries) = &mut document.value else { return };
    match entries.iter_mut().find(|entry| entry.key == *first) {
        Some(entry) => set(&mut entry.node, rest, value),
        None => {
            let mut node = Node { value: Value::Null, span: value.span };
            let span = value.span;
            set(&mut node, rest, value);
            entries.push(Entry { key: (*first).to_owned(), key_span: span, node });
        }
    }
}

/// Takes a key away.
pub(in crate::lint) fn unset(node: &mut Node, path: &[&str]) {
    let (Some((first, rest)), Value::Mapping(entries)) = (path.split_first(), &mut node.value) else {
        return;
    };
    if rest.is_empty() {
        entries.retain(|entry| entry.key != *first);
    } else if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
        unset(&mut entry.node, rest);
    }
}
