//! The registry: one file per policy, one line here.

mod default_cluster_id;
mod differing_system_namespace;
mod idle_port;
mod no_load_balancer;
mod node_port_local_policy;
mod overlapping_own_cidrs;
mod overlapping_pod_cidrs;
mod overridden_value;
mod repeated_gateway_name;
mod service_cidr_over_pods;
mod shared_cluster_id;
mod shared_context;
mod shared_gateway_own_network;
mod shared_mesh_id;
mod shared_network_not_routed;
mod undeclared_network;
mod undiscoverable_address;
mod undiscoverable_gateway;
mod unneeded_gateway;
mod unused_network;
mod void_source_range;
mod wrong_node_port;

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
    // Gateways.
    &shared_gateway_own_network::SharedGatewayOwnNetwork,
    &unneeded_gateway::UnneededGateway,
    &wrong_node_port::WrongNodePort,
    &repeated_gateway_name::RepeatedGatewayName,
    &idle_port::IdlePort,
    &void_source_range::VoidSourceRange,
    &undiscoverable_gateway::UndiscoverableGateway,
    &no_load_balancer::NoLoadBalancer,
    &node_port_local_policy::NodePortLocalPolicy,
    &undiscoverable_address::UndiscoverableAddress,
];
