//! The registry: one file per policy, one line here.

mod address_asked_twice;
mod address_family;
mod address_from_not_dialled;
mod address_from_without_mesh_networks;
mod address_is_a_name;
mod address_outside_pools;
mod address_used_twice;
mod addresses_left_to_chance;
mod another_address_range;
mod another_advertisement;
mod another_api_server;
mod another_cluster_id;
mod another_control_plane;
mod another_discovery_address;
mod another_exposure;
mod another_gateway_address;
mod another_istiod_route;
mod another_locality;
mod another_mesh_id;
mod another_mesh_networks;
mod another_network;
mod another_network_view;
mod another_pool;
mod another_remote_gateway;
mod another_role;
mod another_root;
mod another_service;
mod another_system_namespace;
mod another_trust_domain;
mod broken_certificate_chain;
mod certificate_lives_too_long;
mod cilium_settings;
mod cluster_local_service;
mod cni_unknown_to_sail;
mod competing_bgp;
mod contradictory_namespace;
mod contrary_annotation;
mod contrary_mesh_id;
mod control_plane_without_address;
mod default_cluster_id;
mod demo_profile;
mod differing_hub;
mod differing_system_namespace;
mod directory_of_another_cluster;
mod failover_without_effect;
mod gateway_chart_refused;
mod gateway_ends_tls;
mod gateway_of_another_network;
mod gateway_of_the_platform;
mod harmful_setting;
mod helm_by_hand;
mod hosted_install_method;
mod idle_port;
mod incomplete_injection_path;
mod incomplete_signing_secret;
mod inert_operator;
mod injection_elsewhere;
mod injector_without_ca_bundle;
mod interfaces_without_layer_2;
mod intermediate_outlives_root;
mod istiod_leads_nobody;
mod kubectl_skew;
mod kubernetes_not_announced;
mod kubernetes_too_old;
mod local_address;
mod local_traffic_policy;
mod malformed_delivery;
mod malformed_fingerprint;
mod manifest_is_no_object;
mod manifest_is_secret;
mod member_of_two_networks;
mod misleading_secret_name;
mod mspider_parameter;
mod mutual_tls_disabled;
mod namespace_without_network;
mod network_without_entry;
mod no_in_cluster_operator;
mod no_load_balancer;
mod no_metrics_server;
mod no_such_manifest;
mod node_port_local_policy;
mod node_without_locality;
mod old_gateway_api;
mod old_mspider;
mod one_view_for_all;
mod overlapping_network_ranges;
mod overlapping_own_cidrs;
mod overlapping_own_pools;
mod overlapping_pod_cidrs;
mod overlapping_pools;
mod overlapping_service_cidrs;
mod overridden_value;
mod platform_name;
mod platform_version;
mod pool_auto_assign;
mod pooled_address_without_load_balancer;
mod private_api_server;
mod private_gateway_among_public;
mod profile_of_another_release;
mod provisioned_otherwise;
mod public_east_west_gateway;
mod refused_credential;
mod remote_revision;
mod remote_unknown_to_sail;
mod repeated_entry;
mod repeated_gateway_name;
mod repeated_node;
mod repeated_pool;
mod repeated_subset;
mod rewritten_field;
mod second_cross_network_gateway;
mod secret_in_intent;
mod service_cidr_over_pods;
mod shadowed_cluster_id;
mod shared_api_server;
mod shared_cluster_id;
mod shared_context;
mod shared_directory;
mod shared_gateway_own_network;
mod shared_locality;
mod shared_mesh_id;
mod shared_network_not_routed;
mod tag_of_another_version;
mod unasked_pool_address;
mod unclear_primary;
mod undeclared_api_server;
mod undeclared_ca;
mod undeclared_gateway;
mod undeclared_mesh_cluster;
mod undeclared_network;
mod undeclared_remote_cluster;
mod undeliverable_hosted_objects;
mod undiscoverable_address;
mod undiscoverable_gateway;
mod unknown_control_plane_cluster;
mod unknown_gateway;
mod unknown_istio_release;
mod unknown_profile;
mod unknown_subset;
mod unknown_to_sail;
mod unknown_value_key;
mod unknown_webhook_value;
mod unneeded_gateway;
mod unpinned_image;
mod unreachable_api_server;
mod unread_configuration;
mod unread_remote_secret;
mod unresolved_gateway;
mod unseen_namespace;
mod unusable_cluster_id;
mod unused_failover_region;
mod unused_network;
mod version_skew;
mod void_source_range;
mod workload_on_another_network;
mod workload_on_two_networks;
mod wrong_dialled_port;
mod wrong_listener;
mod wrong_node_port;

pub use secret_in_intent::secret_at;
/// The rule of a cluster's network that is not declared: it is found while references are followed, too.
pub use undeclared_network::RULE as UNDECLARED_NETWORK;

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
    &unusable_cluster_id::UnusableClusterId,
    &another_mesh_id::AnotherMeshId,
    &another_cluster_id::AnotherClusterId,
    &another_trust_domain::AnotherTrustDomain,
    &shadowed_cluster_id::ShadowedClusterId,
    &misleading_secret_name::MisleadingSecretName,
    // Networks.
    &undeclared_network::UndeclaredNetwork,
    &shared_network_not_routed::SharedNetworkNotRouted,
    &network_without_entry::NetworkWithoutEntry,
    &overlapping_pod_cidrs::OverlappingPodCidrs,
    &overlapping_own_cidrs::OverlappingOwnCidrs,
    &service_cidr_over_pods::ServiceCidrOverPods,
    &address_from_without_mesh_networks::AddressFromWithoutMeshNetworks,
    &gateway_of_another_network::GatewayOfAnotherNetwork,
    &unknown_gateway::UnknownGateway,
    &repeated_entry::RepeatedEntry,
    &provisioned_otherwise::ProvisionedOtherwise,
    &overlapping_service_cidrs::OverlappingServiceCidrs,
    &another_network::AnotherNetwork,
    &another_mesh_networks::AnotherMeshNetworks,
    &workload_on_another_network::WorkloadOnAnotherNetwork,
    &workload_on_two_networks::WorkloadOnTwoNetworks,
    &namespace_without_network::NamespaceWithoutNetwork,
    &another_address_range::AnotherAddressRange,
    &overlapping_network_ranges::OverlappingNetworkRanges,
    &member_of_two_networks::MemberOfTwoNetworks,
    // Addresses.
    &control_plane_without_address::ControlPlaneWithoutAddress,
    &address_used_twice::AddressUsedTwice,
    &address_outside_pools::AddressOutsidePools,
    &overlapping_own_pools::OverlappingOwnPools,
    &overlapping_pools::OverlappingPools,
    &addresses_left_to_chance::AddressesLeftToChance,
    &address_is_a_name::AddressIsAName,
    &unreachable_api_server::UnreachableApiServer,
    &private_gateway_among_public::PrivateGatewayAmongPublic,
    &local_address::LocalAddress,
    &unasked_pool_address::UnaskedPoolAddress,
    &repeated_pool::RepeatedPool,
    &contrary_annotation::ContraryAnnotation,
    &private_api_server::PrivateApiServer,
    &address_from_not_dialled::AddressFromNotDialled,
    &interfaces_without_layer_2::InterfacesWithoutLayer2,
    &pooled_address_without_load_balancer::PooledAddressWithoutLoadBalancer,
    &another_gateway_address::AnotherGatewayAddress,
    &another_control_plane::AnotherControlPlane,
    &another_pool::AnotherPool,
    &pool_auto_assign::PoolAutoAssign,
    &another_advertisement::AnotherAdvertisement,
    &address_asked_twice::AddressAskedTwice,
    &another_remote_gateway::AnotherRemoteGateway,
    &unresolved_gateway::UnresolvedGateway,
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
    &wrong_dialled_port::WrongDialledPort,
    &gateway_of_the_platform::GatewayOfThePlatform,
    &public_east_west_gateway::PublicEastWestGateway,
    &address_family::AddressFamily,
    &another_network_view::AnotherNetworkView,
    &another_exposure::AnotherExposure,
    &another_service::AnotherService,
    &local_traffic_policy::LocalTrafficPolicy,
    &undeclared_gateway::UndeclaredGateway,
    &gateway_ends_tls::GatewayEndsTls,
    &second_cross_network_gateway::SecondCrossNetworkGateway,
    &wrong_listener::WrongListener,
    &unread_configuration::UnreadConfiguration,
    &mutual_tls_disabled::MutualTlsDisabled,
    &repeated_subset::RepeatedSubset,
    &one_view_for_all::OneViewForAll,
    // Control planes.
    &unknown_control_plane_cluster::UnknownControlPlaneCluster,
    &unclear_primary::UnclearPrimary,
    &hosted_install_method::HostedInstallMethod,
    &no_in_cluster_operator::NoInClusterOperator,
    &mspider_parameter::MspiderParameter,
    &old_mspider::OldMspider,
    &remote_revision::RemoteRevision,
    &contrary_mesh_id::ContraryMeshId,
    &platform_version::PlatformVersion,
    &platform_name::PlatformName,
    &another_discovery_address::AnotherDiscoveryAddress,
    &istiod_leads_nobody::IstiodLeadsNobody,
    &incomplete_injection_path::IncompleteInjectionPath,
    &another_role::AnotherRole,
    &profile_of_another_release::ProfileOfAnotherRelease,
    &unread_remote_secret::UnreadRemoteSecret,
    &another_system_namespace::AnotherSystemNamespace,
    &injection_elsewhere::InjectionElsewhere,
    &another_istiod_route::AnotherIstiodRoute,
    // Versions.
    &kubernetes_too_old::KubernetesTooOld,
    &kubernetes_not_announced::KubernetesNotAnnounced,
    &unknown_istio_release::UnknownIstioRelease,
    &version_skew::VersionSkew,
    &kubectl_skew::KubectlSkew,
    &old_gateway_api::OldGatewayApi,
    &gateway_chart_refused::GatewayChartRefused,
    &unknown_to_sail::UnknownToSail,
    &demo_profile::DemoProfile,
    &harmful_setting::HarmfulSetting,
    &unknown_profile::UnknownProfile,
    &cni_unknown_to_sail::CniUnknownToSail,
    &remote_unknown_to_sail::RemoteUnknownToSail,
    &tag_of_another_version::TagOfAnotherVersion,
    &inert_operator::InertOperator,
    // Certificates and secrets.
    &secret_in_intent::SecretInIntent,
    &intermediate_outlives_root::IntermediateOutlivesRoot,
    &undeclared_ca::UndeclaredCa,
    &malformed_fingerprint::MalformedFingerprint,
    &undeclared_api_server::UndeclaredApiServer,
    &another_root::AnotherRoot,
    &incomplete_signing_secret::IncompleteSigningSecret,
    &broken_certificate_chain::BrokenCertificateChain,
    &undeclared_remote_cluster::UndeclaredRemoteCluster,
    &another_api_server::AnotherApiServer,
    &refused_credential::RefusedCredential,
    &injector_without_ca_bundle::InjectorWithoutCaBundle,
    &certificate_lives_too_long::CertificateLivesTooLong,
    // Delivery.
    &shared_api_server::SharedApiServer,
    &undeliverable_hosted_objects::UndeliverableHostedObjects,
    &unknown_value_key::UnknownValueKey,
    &shared_directory::SharedDirectory,
    &malformed_delivery::MalformedDelivery,
    &undeclared_mesh_cluster::UndeclaredMeshCluster,
    &helm_by_hand::HelmByHand,
    &no_such_manifest::NoSuchManifest,
    &manifest_is_no_object::ManifestIsNoObject,
    &manifest_is_secret::ManifestIsSecret,
    &unknown_webhook_value::UnknownWebhookValue,
    &rewritten_field::RewrittenField,
    &directory_of_another_cluster::DirectoryOfAnotherCluster,
    // Platform.
    &cilium_settings::CiliumSettings,
    &competing_bgp::CompetingBgp,
    &no_metrics_server::NoMetricsServer,
    &unused_failover_region::UnusedFailoverRegion,
    &differing_hub::DifferingHub,
    &contradictory_namespace::ContradictoryNamespace,
    &unpinned_image::UnpinnedImage,
    &repeated_node::RepeatedNode,
    &shared_locality::SharedLocality,
    &node_without_locality::NodeWithoutLocality,
    &unknown_subset::UnknownSubset,
    &failover_without_effect::FailoverWithoutEffect,
    &another_locality::AnotherLocality,
    &unseen_namespace::UnseenNamespace,
    &cluster_local_service::ClusterLocalService,
];
