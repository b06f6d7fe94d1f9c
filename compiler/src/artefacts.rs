//! The registry: one file per rendered artefact, one line here.

mod failover;
mod global_mesh;
mod mesh_cluster;
mod metallb;
mod mspider;
mod samples;
#[cfg(test)]
mod testing;

use crate::artefact::Artefact;

/// Every artefact, in the order in which they render.
pub const ARTEFACTS: &[&dyn Artefact] = &[
    &global_mesh::GlobalMesh,
    &mesh_cluster::MeshCluster,
    &metallb::Metallb,
    &samples::Samples,
    &failover::Failover,
];
