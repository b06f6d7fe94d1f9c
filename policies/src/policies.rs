//! The registry: one file per policy, one line here.

mod default_cluster_id;
mod differing_system_namespace;
mod hosted_install_method;
mod idle_port;
mod mspider_parameter;
mod no_in_cluster_operator;
mod no_load_balancer;
mod node_port_local_policy;
mod old_mspider;
mod overlapping_own_cidrs;
mod overlapping_pod_cidrs;
mod overridden_value;
mod remote_revision;
mod repeated_gateway_name;
mod service_cidr_over_pods;
mod shared_cluster_id;
mod shared_context;
mod shared_gateway_own_network;
mod shared_mesh_id;
mod shared_network_not_routed;
mod unclear_primary;
mod undeclared_network;
mod undiscoverable_address;
mod undiscoverable_gateway;
mod unknown_control_plane_cluster;
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
    // Control planes.
    &unknown_control_plane_cluster::UnknownControlPlaneCluster,
    &unclear_primary::UnclearPrimary,
    &hosted_install_method::HostedInstallMethod,
    &no_in_cluster_operator::NoInClusterOperator,
    &mspider_parameter::MspiderParameter,
    &old_mspider::OldMspider,
    &remote_revision::RemoteRevision,
];
