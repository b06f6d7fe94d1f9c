//! The registry: one file per policy, one line here.

mod default_cluster_id;
mod differing_system_namespace;
mod overlapping_own_cidrs;
mod overlapping_pod_cidrs;
mod overridden_value;
mod service_cidr_over_pods;
mod shared_cluster_id;
mod shared_context;
mod shared_mesh_id;
mod shared_network_not_routed;
mod undeclared_network;
mod unused_network;

use crate::policy::Policy;

/// Every policy, in the order of its code, which is the order of the documentation.
pub const POLICIES: &[&dyn Policy] = &[
    // Identity.
    &shared_mesh_id::SharedMeshId,
    &shared_cluster_id::SharedClusterId,
    &shared_context::SharedContext,
    &overridden_value::OverriddenValue,
    &differing_system_namespace::DifferingSystemNamespace,
    &unused_network::UnusedNetwork,
    &default_cluster_id::DefaultClusterId,
    // Networks.
    &undeclared_network::UndeclaredNetwork,
    &shared_network_not_routed::SharedNetworkNotRouted,
    &overlapping_pod_cidrs::OverlappingPodCidrs,
    &overlapping_own_cidrs::OverlappingOwnCidrs,
    &service_cidr_over_pods::ServiceCidrOverPods,
];
