//! Flux's `Kustomization`.

use meshwright_policies::node::Node;

use super::{Delivery, in_repository, overlay};
use crate::lint::home::of_kubeconfig;
use crate::lint::read::Files;

/// What it has applied (fluxcd/kustomize-controller: `api/v1/kustomization_types.go`).
pub(super) fn delivery(object: &Node, path: &str, files: &Files<'_>) -> Option<Delivery> {
    let spec = object.get("spec")?;
    let directory = in_repository(files, path, spec.str_at("path").unwrap_or("."))?;
    let kubeconfig =
        spec.str_at("kubeConfig.secretRef.name").or_else(|| spec.str_at("kubeConfig.configMapRef.name"));
    let to = kubeconfig.map(|secret| of_kubeconfig(secret, object.str_at("metadata.namespace")));
    let common = |key: &str| spec.at(&format!("commonMetadata.{key}").as_str().into());
    let overlay = overlay(&[
        ("patches", spec.get("patches")),
        ("components", spec.get("components")),
        ("namespace", spec.get("targetNamespace")),
        ("namePrefix", spec.get("namePrefix")),
        ("nameSuffix", spec.get("nameSuffix")),
        ("commonAnnotations", common("annotations")),
    ]);
    let variables = spec.at(&"postBuild.substitute".into()).into_iter().flat_map(Node::entries);
    let from = spec.at(&"postBuild.substituteFrom".into()).into_iter().flat_map(Node::items);
    let maps = from.filter(|item| item.str_at("kind") == Some("ConfigMap"));
    Some(Delivery {
        directory,
        from: path.to_owned(),
        to,
        overlay,
        variables: variables.map(|entry| (entry.key.clone(), entry.node.clone())).collect(),
        variables_from: maps.filter_map(|item| item.str_at("name")).map(str::to_owned).collect(),
        recurse: true,
        is_plain_files: false,
    })
}
