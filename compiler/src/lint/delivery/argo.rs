//! Argo CD's `Application`, and the clusters that it knows.

use std::collections::BTreeMap;

use meshwright_policies::node::Node;
use meshwright_policies::repository::has_placeholder;

use super::{Delivery, in_repository, overlay};
use crate::lint::read::{Content, Files};

/// What it has applied, one for each of its sources (argoproj/argo-cd: `pkg/apis/application/v1alpha1/types.go`).
pub(super) fn deliveries(object: &Node, path: &str, files: &Files<'_>) -> Vec<Delivery> {
    let Some(spec) = object.get("spec") else { return Vec::new() };
    let sources = spec.get("source").into_iter().chain(spec.get("sources").into_iter().flat_map(Node::items));
    let to = destination(spec);
    let delivery = |source: &Node| {
        let directory = in_repository(files, path, source.str_at("path")?)?;
        let kustomize = |key: &str| source.get("kustomize").and_then(|kustomize| kustomize.get(key));
        let overlay = overlay(&[
            ("patches", kustomize("patches")),
            ("components", kustomize("components")),
            ("namespace", kustomize("namespace")),
            ("namePrefix", kustomize("namePrefix")),
            ("nameSuffix", kustomize("nameSuffix")),
            ("commonLabels", kustomize("commonLabels")),
            ("commonAnnotations", kustomize("commonAnnotations")),
        ]);
        let recurse = source.at(&"directory.recurse".into()).map(Node::to_json) == Some(true.into());
        let is_plain_files = recurse && files.kustomization(&directory).is_none();
        Some(Delivery {
            directory,
            from: path.to_owned(),
            to: to.clone(),
            overlay,
            variables: BTreeMap::new(),
            variables_from: Vec::new(),
            recurse,
            is_plain_files,
        })
    };
    sources.filter_map(delivery).collect()
}

/// The cluster of `spec.destination`; nothing for the one that Argo CD is on.
pub(in crate::lint) fn destination(spec: &Node) -> Option<String> {
    let name = spec.str_at("destination.name").filter(|name| *name != "in-cluster" && !name.is_empty());
    let server = || spec.str_at("destination.server").filter(|s| !s.contains("kubernetes.default.svc"));
    name.or_else(server).filter(|to| !to.is_empty() && !has_placeholder(to)).map(str::to_owned)
}

/// Names of Argo CD's clusters, by the address of their API servers, as its cluster Secrets give them.
pub(in crate::lint) fn clusters(files: &Files<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for content in files.in_order().flat_map(|file| &file.contents) {
        let Content::Object(manifest) = content else { continue };
        let object = &manifest.document;
        let labels = object.at(&"metadata.labels".into());
        let kind =
            labels.and_then(|labels| labels.get("argocd.argoproj.io/secret-type")).and_then(Node::as_str);
        if manifest.kind == "Secret" && kind == Some("cluster") {
            let (name, server) = (object.str_at("stringData.name"), object.str_at("stringData.server"));
            if let (Some(name), Some(server)) = (name, server) {
                found.insert(server.to_owned(), name.to_owned());
            }
        }
    }
    found
}
