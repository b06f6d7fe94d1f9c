//! What the two Mspider artefacts share: names, parameter keys, and how their objects are merged.
//!
//! No schema of `discovery.mspider.io` is published. Only what DaoCloud's documentation shows is rendered: fields of
//! `GlobalMesh` and `MeshCluster`, and the parameter keys of its multicloud guide.

use meshwright_policies::intent::{Delivery, Hosted};
use meshwright_policies::mesh::Mesh;

use crate::artefact::Root;
use crate::object::Object;

/// `apiVersion` of `GlobalMesh` and `MeshCluster`.
pub(super) const API_VERSION: &str = "discovery.mspider.io/v3alpha1";

/// Prefix of parameters that become `spec.values.global.*` of the mesh's IstioOperator.
pub(super) const GLOBAL_VALUES: &str = "istio.custom_params.values.global";

/// Where Mspider's objects go: the global management cluster.
pub(super) fn root(hosted: &Hosted) -> Root {
    Root::Mesh(hosted.mspider.global_cluster.clone())
}

/// An object that Mspider made and keeps writing to. It carries no label of ours, since it is not ours to create whole;
/// with Flux it is merged, or Flux would take out the fields that the product's own edits (`kubectl edit`) left there.
pub(super) fn object(mesh: &Mesh, hosted: &Hosted, kind: &str, name: &str) -> Object {
    let object = Object::new(API_VERSION, kind, name).namespace(hosted.mspider.namespace.as_str());
    match hosted.mspider.global_delivery.as_ref().unwrap_or(&mesh.spec.delivery) {
        Delivery::Flux(_) => object.annotation("kustomize.toolkit.fluxcd.io/ssa", "Merge"),
        _ => object,
    }
}
