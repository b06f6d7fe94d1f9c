//! The registry: one file per rendered artefact, one line here.

pub mod cross_network_gateway;
pub mod east_west_gateway;
pub mod expose_istiod;
mod failover;
mod global_mesh;
pub mod helm_control_plane;
#[cfg(test)]
mod install_tests;
pub mod istio_operator;
mod mesh_cluster;
mod metallb;
mod mspider;
pub mod namespace;
pub mod sail;
mod samples;
#[cfg(test)]
mod testing;

use crate::artefact::Artefact;

/// Every artefact, in the order in which they render.
pub const ARTEFACTS: &[&dyn Artefact] = &[
    &global_mesh::GlobalMesh,
    &mesh_cluster::MeshCluster,
    &namespace::Namespace,
    &metallb::Metallb,
    &istio_operator::IstioOperatorControlPlane,
    &helm_control_plane::HelmControlPlane,
    &sail::SailControlPlane,
    &east_west_gateway::EastWestGateway,
    &cross_network_gateway::CrossNetworkGateway,
    &expose_istiod::ExposeIstiod,
    &samples::Samples,
    &failover::Failover,
];
