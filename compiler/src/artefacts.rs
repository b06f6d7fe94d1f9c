//! The registry: one file per rendered artefact, one line here.

mod argocd;
pub mod carried;
pub mod cross_network_gateway;
mod declaration;
mod declaration_crd;
pub mod east_west_gateway;
pub mod expose_istiod;
mod failover;
mod flux;
mod global_mesh;
pub mod helm_control_plane;
#[cfg(test)]
mod install_tests;
pub mod istio_operator;
mod mesh_cluster;
pub mod metallb;
mod mspider;
pub mod namespace;
mod plan;
pub mod sail;
mod samples;
#[cfg(test)]
mod testing;
#[cfg(test)]
pub(crate) mod testing_delivery;
pub mod webhook;

use crate::artefact::Artefact;

/// Every artefact, in the order in which they render. The two that deliver are last: they look at what is there.
pub const ARTEFACTS: &[&dyn Artefact] = &[
    &declaration_crd::DeclarationCrd,
    &declaration::Declaration,
    &global_mesh::GlobalMesh,
    &mesh_cluster::MeshCluster,
    &namespace::Namespace,
    &metallb::Metallb,
    &webhook::Webhook,
    &istio_operator::IstioOperatorControlPlane,
    &helm_control_plane::HelmControlPlane,
    &sail::SailControlPlane,
    &east_west_gateway::EastWestGateway,
    &cross_network_gateway::CrossNetworkGateway,
    &expose_istiod::ExposeIstiod,
    &samples::Samples,
    &failover::Failover,
    &carried::Carried,
    &flux::FluxKustomizations,
    &argocd::ArgocdApplicationSets,
    &plan::Plan,
];

/// A directory of the output below the path at which the output lies in its repository; relative, without `./`.
fn below(base: &str, directory: &str) -> String {
    let base = base.split('/').filter(|segment| !matches!(*segment, "" | "."));
    base.chain([directory]).collect::<Vec<_>>().join("/")
}
