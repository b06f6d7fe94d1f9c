//! The registry of policies that compare the objects of a repository with each other: one file per policy, one line
//! here. Nothing was declared, so none of them knows which side is right: each names both.

mod address_outside_found_pools;
mod ambient_gateway_for_sidecars;
mod ambient_in_one_network;
mod ambient_remote;
mod api_server_in_pool;
mod blank_cluster_name;
mod control_plane_inside;
mod data_plane_ahead;
mod delivered_elsewhere;
mod dials_elsewhere;
mod differing_cluster_id;
mod differing_declarations;
mod differing_flag;
mod differing_gateway_network;
mod differing_mesh_id;
mod differing_mesh_networks;
mod differing_network;
mod differing_service;
mod differing_trust_domain;
mod entry_elsewhere;
mod entry_nobody_opens;
mod entry_of_another_family;
mod entry_port_not_served;
mod entry_repeats_service;
mod external_istiod_id;
mod found;
mod found_node_without_region;
mod gateway_not_injected;
mod gateway_without_mesh_port;
mod gateway_without_server;
mod half_exposed_istiod;
mod half_global_service;
mod istiod_leads_elsewhere;
mod joined;
mod malformed_cluster_id;
mod malformed_control_plane_address;
mod malformed_mesh_networks;
mod malformed_network_id;
mod member_of_another_mesh;
mod member_of_another_network;
mod meshes_joined_by_mistake;
mod misspelt_member;
mod misspelt_network;
mod misspelt_value;
mod mixed_hubs;
mod network_without_gateway;
mod nobody_leads;
mod not_auto_passthrough;
mod old_gateway_api_crds;
mod one_way_discovery;
mod operator_is_gone;
mod orphaned_manifest;
mod overlapping_cross_network_gateways;
mod overlapping_found_pools;
mod overlapping_found_ranges;
mod overlay_loses_items;
mod passthrough_of_everything;
mod pinned_address_for_all;
mod pool_not_advertised;
mod remote_of_another;
mod remote_secret_key;
mod repeated_cluster_id;
mod repeated_remote_cluster;
mod second_ambient_gateway;
mod selector_without_gateway;
mod services_among_pods;
mod shared_entry;
mod shared_mesh_config_networks;
mod shared_node_port;
mod shared_signing_certificate;
mod target_without_server;
mod trust_domains_apart;
mod two_parts;
mod unknown_members;
mod unknown_pool;
mod unknown_revision;
mod unknown_subset_value;
mod unlabelled_gateway_pods;
mod unread_annotation;
mod unread_registry_service;
mod unreadable_declaration;
mod webhook_without_port;

use crate::claim::Fact;
use crate::finding::{Finding, Findings, Rule};
use crate::policy::{self, Policy};
use crate::repository::{Cluster, Repository, Stated};

/// Every policy of this kind, in the order of its code.
pub const CONTRADICTIONS: &[&dyn Policy] = &[
    // Identity.
    &differing_cluster_id::DifferingClusterId,
    &differing_mesh_id::DifferingMeshId,
    &repeated_cluster_id::RepeatedClusterId,
    &meshes_joined_by_mistake::MeshesJoinedByMistake,
    &trust_domains_apart::TrustDomainsApart,
    &remote_secret_key::RemoteSecretKey,
    &blank_cluster_name::BlankClusterName,
    &malformed_cluster_id::MalformedClusterId,
    &member_of_another_mesh::MemberOfAnotherMesh,
    &differing_trust_domain::DifferingTrustDomain,
    // Networks.
    &differing_network::DifferingNetwork,
    &differing_gateway_network::DifferingGatewayNetwork,
    &differing_mesh_networks::DifferingMeshNetworks,
    &malformed_mesh_networks::MalformedMeshNetworks,
    &misspelt_network::MisspeltNetwork,
    &member_of_another_network::MemberOfAnotherNetwork,
    &shared_mesh_config_networks::SharedMeshConfigNetworks,
    &misspelt_member::MisspeltMember,
    &malformed_network_id::MalformedNetworkId,
    &overlapping_found_ranges::OverlappingFoundRanges,
    &unknown_members::UnknownMembers,
    &services_among_pods::ServicesAmongPods,
    // Addresses.
    &shared_entry::SharedEntry,
    &address_outside_found_pools::AddressOutsideFoundPools,
    &pool_not_advertised::PoolNotAdvertised,
    &pinned_address_for_all::PinnedAddressForAll,
    &overlapping_found_pools::OverlappingFoundPools,
    &entry_elsewhere::EntryElsewhere,
    &unread_annotation::UnreadAnnotation,
    &dials_elsewhere::DialsElsewhere,
    &unknown_pool::UnknownPool,
    &istiod_leads_elsewhere::IstiodLeadsElsewhere,
    &api_server_in_pool::ApiServerInPool,
    // Gateways.
    &gateway_without_mesh_port::GatewayWithoutMeshPort,
    &entry_port_not_served::EntryPortNotServed,
    &selector_without_gateway::SelectorWithoutGateway,
    &not_auto_passthrough::NotAutoPassthrough,
    &passthrough_of_everything::PassthroughOfEverything,
    &overlapping_cross_network_gateways::OverlappingCrossNetworkGateways,
    &entry_repeats_service::EntryRepeatsService,
    &network_without_gateway::NetworkWithoutGateway,
    &target_without_server::TargetWithoutServer,
    &entry_nobody_opens::EntryNobodyOpens,
    &half_exposed_istiod::HalfExposedIstiod,
    &gateway_not_injected::GatewayNotInjected,
    &unlabelled_gateway_pods::UnlabelledGatewayPods,
    &ambient_gateway_for_sidecars::AmbientGatewayForSidecars,
    &unread_registry_service::UnreadRegistryService,
    &second_ambient_gateway::SecondAmbientGateway,
    &gateway_without_server::GatewayWithoutServer,
    &shared_node_port::SharedNodePort,
    &unknown_revision::UnknownRevision,
    &entry_of_another_family::EntryOfAnotherFamily,
    // Control planes.
    &nobody_leads::NobodyLeads,
    &malformed_control_plane_address::MalformedControlPlaneAddress,
    &control_plane_inside::ControlPlaneInside,
    &webhook_without_port::WebhookWithoutPort,
    &one_way_discovery::OneWayDiscovery,
    &ambient_in_one_network::AmbientInOneNetwork,
    &external_istiod_id::ExternalIstiodId,
    &ambient_remote::AmbientRemote,
    &remote_of_another::RemoteOfAnother,
    &two_parts::TwoParts,
    // Versions.
    &operator_is_gone::OperatorIsGone,
    &data_plane_ahead::DataPlaneAhead,
    &old_gateway_api_crds::OldGatewayApiCrds,
    &mixed_hubs::MixedHubs,
    // Certificates and secrets.
    &shared_signing_certificate::SharedSigningCertificate,
    &repeated_remote_cluster::RepeatedRemoteCluster,
    // Delivery.
    &misspelt_value::MisspeltValue,
    &orphaned_manifest::OrphanedManifest,
    &overlay_loses_items::OverlayLosesItems,
    &unreadable_declaration::UnreadableDeclaration,
    &differing_declarations::DifferingDeclarations,
    &delivered_elsewhere::DeliveredElsewhere,
    // Platform.
    &unknown_subset_value::UnknownSubsetValue,
    &differing_service::DifferingService,
    &half_global_service::HalfGlobalService,
    &differing_flag::DifferingFlag,
    &found_node_without_region::FoundNodeWithoutRegion,
];

/// Compares everything in a repository. Policies that judge objects against a declaration may find faults that need none.
#[must_use]
pub fn compare(repository: &Repository) -> Findings {
    let mut findings = Findings::new();
    for policy in policy::all() {
        policy.compare(repository, &mut findings);
    }
    findings.sort();
    findings
}

/// Reports every statement of one cluster that differs from the leading one. What an object says in several places of one
/// kind, as every webhook of a configuration says its path, is one statement.
fn differing(
    rule: &'static Rule,
    cluster: &Cluster,
    what: &str,
    stated: &[Stated<'_>],
    findings: &mut Findings,
) {
    let Some(first) = stated.first() else { return };
    let mut told: Vec<(&Stated<'_>, Finding)> = Vec::new();
    for other in stated.iter().filter(|other| other.claim.value != first.claim.value) {
        let repeats = |(earlier, _): &&mut (&Stated<'_>, Finding)| {
            std::ptr::eq(earlier.subject, other.subject)
                && earlier.claim.value == other.claim.value
                && earlier.source() == other.source()
        };
        match told.iter_mut().find(repeats) {
            Some((_, finding)) => finding.relate(other.place(), "and here"),
            None => told.push((other, differs(rule, cluster, what, first, other))),
        }
    }
    told.into_iter().for_each(|(_, finding)| findings.push(finding));
}

/// Reports what single workloads say of their cluster otherwise than its one control plane, when all of that agrees. Another
/// cluster's, that runs here in a namespace of its own, says nothing of this cluster's workloads.
fn differing_workloads(
    rule: &'static Rule,
    cluster: &Cluster,
    what: &str,
    of_plane: &Fact,
    of_workload: impl Fn(&Fact) -> bool,
    findings: &mut Findings,
) {
    if !matches!(cluster.planes().as_slice(), ["istio-system"]) {
        return;
    }
    let own = cluster.stated(|_, fact| fact == of_plane);
    let Some(first) = own.first().filter(|_| Cluster::agreed(&own).is_some()) else { return };
    for other in cluster.stated(|_, fact| of_workload(fact)) {
        if other.claim.value != first.claim.value {
            findings.push(differs(rule, cluster, what, first, &other));
        }
    }
}

/// One of two statements, against the other.
fn differs(
    rule: &'static Rule,
    cluster: &Cluster,
    what: &str,
    first: &Stated<'_>,
    other: &Stated<'_>,
) -> Finding {
    let (found, right) = (&other.claim.value, &first.claim.value);
    let source = other.source();
    let message = format!(
        "{source} {} `{found}` as {what} of {}, but {} {} `{right}`",
        verb(source),
        cluster.called(),
        first.source(),
        verb(first.source()),
    );
    let field = &other.claim.path;
    other
        .subject
        .finding(rule, field, message)
        .found(found)
        .declared(right, first.place(), format!("{what} is `{right}` here"))
        .help(format!(
            "if `{right}` is right, put it in the place of `{found}` in `{field}`; otherwise correct the other place"
        ))
        .cluster(&cluster.name)
}

fn verb(source: &str) -> &'static str {
    if source.ends_with("values of the control plane") { "give" } else { "gives" }
}
