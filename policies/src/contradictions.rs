//! The registry of policies that compare the objects of a repository with each other: one file per policy, one line
//! here. Nothing was declared, so none of them knows which side is right: each names both.

mod address_outside_found_pools;
mod blank_cluster_name;
mod differing_cluster_id;
mod differing_gateway_network;
mod differing_mesh_id;
mod differing_mesh_networks;
mod differing_network;
mod entry_port_not_served;
mod gateway_without_mesh_port;
mod joined;
mod malformed_mesh_networks;
mod member_of_another_network;
mod meshes_joined_by_mistake;
mod misspelt_network;
mod misspelt_value;
mod not_auto_passthrough;
mod operator_is_gone;
mod orphaned_manifest;
mod overlay_loses_items;
mod passthrough_of_everything;
mod remote_secret_key;
mod repeated_cluster_id;
mod selector_without_gateway;
mod shared_entry;
mod trust_domains_apart;

use crate::finding::{Finding, Findings, Rule};
use crate::policies::POLICIES;
use crate::policy::Policy;
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
    // Networks.
    &differing_network::DifferingNetwork,
    &differing_gateway_network::DifferingGatewayNetwork,
    &differing_mesh_networks::DifferingMeshNetworks,
    &malformed_mesh_networks::MalformedMeshNetworks,
    &misspelt_network::MisspeltNetwork,
    &member_of_another_network::MemberOfAnotherNetwork,
    // Addresses.
    &shared_entry::SharedEntry,
    &address_outside_found_pools::AddressOutsideFoundPools,
    // Gateways.
    &gateway_without_mesh_port::GatewayWithoutMeshPort,
    &entry_port_not_served::EntryPortNotServed,
    &selector_without_gateway::SelectorWithoutGateway,
    &not_auto_passthrough::NotAutoPassthrough,
    &passthrough_of_everything::PassthroughOfEverything,
    // Versions.
    &operator_is_gone::OperatorIsGone,
    // Delivery.
    &misspelt_value::MisspeltValue,
    &orphaned_manifest::OrphanedManifest,
    &overlay_loses_items::OverlayLosesItems,
];

/// Compares everything in a repository.
#[must_use]
pub fn compare(repository: &Repository) -> Findings {
    let mut findings = Findings::new();
    for policy in POLICIES.iter().chain(CONTRADICTIONS) {
        policy.compare(repository, &mut findings);
    }
    findings.sort();
    findings
}

/// Reports every statement of one cluster that differs from the leading one, each value once per document.
fn differing(
    rule: &'static Rule,
    cluster: &Cluster,
    what: &str,
    stated: &[Stated<'_>],
    findings: &mut Findings,
) {
    let Some(first) = stated.first() else { return };
    for other in stated.iter().filter(|other| other.claim.value != first.claim.value) {
        findings.push(differs(rule, cluster, what, first, other));
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
