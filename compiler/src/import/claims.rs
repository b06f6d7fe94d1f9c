//! The proof: every claim of the manifests is one of what is rendered, or is listed.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::{Claim, Fact};
use meshwright_policies::repository::Manifest;

use super::cluster::Member;
use super::draft::Draft;
use super::fleet::network_of;
use super::node::{called, line};
use super::raw;
use super::residue::Rendered;
use crate::source::Sources;

/// Lists the claims of the manifests that are not rendered: in the document beside the value that stands against them,
/// and in the draft.
pub(super) fn compare(members: &[Member<'_>], rendered: &Rendered, sources: &Sources, draft: &mut Draft) {
    for member in members {
        // What is wrong with a cluster's document is a finding; nothing is rendered of it until that is mended.
        if rendered.clusters(member).next().is_none() {
            continue;
        }
        let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let subjects = rendered.clusters(member).flat_map(|cluster| &cluster.subjects);
        for claim in subjects.flat_map(|subject| &subject.claims.list) {
            made.entry(key(claim)).or_default().extend(values(claim));
        }
        for subject in &member.input.subjects {
            // Secrets are listed as such.
            if subject.kind == "Secret" || raw::is_carried(draft, member, subject) {
                continue;
            }
            for claim in &subject.claims.list {
                if is_implied(member, members, claim, draft) {
                    continue;
                }
                let found = made.get(&key(claim));
                let missing: Vec<String> =
                    values(claim).into_iter().filter(|v| !found.is_some_and(|all| all.contains(v))).collect();
                if !missing.is_empty() {
                    tell(member, subject, claim, found, sources, draft);
                }
            }
        }
    }
}

/// Whether the intent says so, though not in this cluster: a remote has its mesh from the primary, and clusters belong
/// to their network without `fromRegistry`.
fn is_implied(member: &Member<'_>, members: &[Member<'_>], claim: &Claim, draft: &mut Draft) -> bool {
    match &claim.fact {
        Fact::MeshId => draft.cluster(&member.name).is_some_and(|(mesh, name)| {
            let id = mesh.mesh.spec.get("meshID").and_then(|id| id.as_str());
            id.unwrap_or(&name) == claim.value
        }),
        Fact::Member { network } => {
            members.iter().any(|other| other.cluster_id() == claim.value && network_of(other) == *network)
        }
        _ => false,
    }
}

fn tell(
    member: &Member<'_>,
    subject: &Manifest,
    claim: &Claim,
    found: Option<&BTreeSet<String>>,
    sources: &Sources,
    draft: &mut Draft,
) {
    let place = line(sources, subject, &claim.path);
    let claimed = format!("{} in {place} ({} {})", claim.value, called(subject), claim.path);
    let rendered: Vec<&str> = found.into_iter().flatten().map(String::as_str).collect();
    let text = if rendered.is_empty() {
        format!("not rendered: {claimed}")
    } else {
        format!("also claimed: {claimed}")
    };
    let known = draft.contradictions.iter().any(|line| line.contains(&claimed));
    if !known {
        let stands = if rendered.is_empty() {
            "the intent renders nothing of it".to_owned()
        } else {
            format!("rendered is `{}`", rendered.join("`, `"))
        };
        draft.contradictions.push(format!(
            "cluster `{}`: {} {claimed}: {stands}",
            member.name,
            what(&claim.fact)
        ));
    }
    let network = network_of(member);
    let Some((mesh, _)) = draft.cluster(&member.name) else { return };
    match (&claim.fact, field(&claim.fact)) {
        (Fact::MeshId | Fact::TrustDomain | Fact::TrustDomainAlias, field) => mesh.mesh.comment(field, text),
        (
            Fact::Entries { network }
            | Fact::EntryAddress { network }
            | Fact::EntryPort { network, .. }
            | Fact::Member { network },
            field,
        ) if mesh.networks.contains_key(network) => {
            if let Some(document) = mesh.networks.get_mut(network) {
                document.comment(field, text);
            }
        }
        (Fact::NamedNetwork | Fact::MeshNetworks, field) => {
            if let Some(document) = mesh.networks.get_mut(&network) {
                document.comment(field, text);
            }
        }
        (_, field) => {
            if let Some(cluster) = mesh.clusters.get_mut(&member.name) {
                cluster.document.comment(field, text);
            }
        }
    }
}

/// The field of the intent that a fact is about.
fn field(fact: &Fact) -> &'static str {
    match fact {
        Fact::MeshId | Fact::MeshEntries => "meshID",
        Fact::ClusterId => "clusterID",
        Fact::TrustDomain => "trustDomain",
        Fact::TrustDomainAlias => "trustDomainAliases",
        Fact::Network | Fact::NamespaceNetwork { .. } | Fact::EntryNetwork { .. } => "network",
        Fact::LeadingClusters { .. } | Fact::ControlPlaneAddress => "primary",
        Fact::Pool { .. } | Fact::PoolRange { .. } => "loadBalancer.metallb.pools",
        Fact::GatewayAddress { .. } => "loadBalancer.addresses.eastWest",
        Fact::Entries { .. }
        | Fact::EntryAddress { .. }
        | Fact::EntryPort { .. }
        | Fact::Member { .. }
        | Fact::NamedNetwork
        | Fact::MeshNetworks => "gateways",
        _ => "eastWestGateways",
    }
}

fn what(fact: &Fact) -> &'static str {
    match fact {
        Fact::MeshId | Fact::MeshEntries => "mesh ID",
        Fact::ClusterId => "cluster ID",
        Fact::TrustDomain | Fact::TrustDomainAlias => "trust domain",
        Fact::Network | Fact::NamespaceNetwork { .. } | Fact::EntryNetwork { .. } => "network",
        Fact::LeadingClusters { .. } | Fact::ControlPlaneAddress => "control plane",
        Fact::Pool { .. } | Fact::PoolRange { .. } => "address pool",
        Fact::Exposure { .. } => "exposure",
        Fact::Member { .. } => "member of a network",
        Fact::Entries { .. } | Fact::EntryAddress { .. } | Fact::EntryPort { .. } => "entry of a network",
        Fact::NamedNetwork | Fact::MeshNetworks => "network in meshNetworks",
        _ => "gateway",
    }
}

/// What a claim is about, as far as the spelling of manifests does not matter: names of ports are their writer's own, and
/// MetalLB finds the pool of an address by itself.
fn key(claim: &Claim) -> String {
    match &claim.fact {
        Fact::GatewayPort { gateway, .. } | Fact::GatewayPorts { gateway } => format!("port of {gateway}"),
        Fact::GatewayTarget { gateway, .. } => format!("target of {gateway}"),
        other => format!("{other:?}"),
    }
}

/// The items of a list, each by itself: the order of entries and pools means nothing.
fn values(claim: &Claim) -> Vec<String> {
    match claim.fact {
        Fact::Entries { .. } | Fact::MeshNetworks | Fact::Pool { .. } | Fact::GatewayPorts { .. } => {
            claim.value.split(',').map(|item| item.trim().to_owned()).collect()
        }
        _ => vec![claim.value.clone()],
    }
}
