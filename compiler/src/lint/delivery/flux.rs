//! Flux's `Kustomization`.

use meshwright_policies::node::Node;

use super::{Delivery, in_repository, overlay, text};
use crate::lint::home::of_kubeconfig;
use crate::lint::read::Files;

/// What it has applied (fluxcd/kustomize-controller: `api/v1/kustomization_types.go`).
pub(super) fn delivery(object: &Node, path: &str, files: &Files<'_>) -> Option<Delivery> {
    let spec = object.get("spec")?;
    let directory = in_repository(files, path, text(spec, "path").unwrap_or("."))?;
    let kubeconfig =
        text(spec, "kubeConfig.secretRef.name").or_else(|| text(spec, "kubeConfig.configMapRef.name"));
    let to = kubeconfig.map(|secret| of_kubeconfig(secret, text(object, "metadata.namespace")));
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
    let maps = from.filter(|item| text(item, "kind") == Some("ConfigMap"));
    Some(Delivery {
        directory,
        from: path.to_owned(),
        to,
        overlay,
        variables: variables.map(|entry| (entry.key.clone(), entry.node.clone())).collect(),
        variables_from: maps.filter_map(|item| text(item, "name")).map(str::to_owned).collect(),
        recurse: true,
    })
}
