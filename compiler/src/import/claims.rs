//! The proof: every claim of the manifests is one of what is rendered, or is listed.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::{Claim, Fact};
use meshwright_policies::node::FieldPath;
use meshwright_policies::repository::{Cluster, Manifest};

use super::cluster::Member;
use super::draft::{Draft, Told};
use super::fleet::{Grouped, network_of};
use super::hosted::Hosted;
use super::installed;
use super::node::{called, line, origin};
use super::raw;
use super::residue::Rendered;
use super::slug;
use crate::source::Sources;

/// Lists the claims of the manifests that are not rendered: in the document beside the value that stands against them,
/// and in the draft.
pub(super) fn compare(
    members: &[Member<'_>],
    meshes: &[Grouped],
    hosted: &[Hosted<'_>],
    rendered: &Rendered,
    sources: &Sources,
    draft: &mut Draft,
) {
    for mesh in meshes.iter().filter_map(|mesh| hosted.get(mesh.hosted?)) {
        compare_hosted(mesh, members, rendered, sources, draft);
    }
    for member in members {
        // What is wrong with a cluster's document is a finding; nothing is rendered of it until that is mended.
        if rendered.clusters(member).next().is_none() {
            continue;
        }
        let made = made(rendered.clusters(member));
        for subject in &member.input.subjects {
            // Secrets are listed as such.
            if subject.kind != "Secret" && !raw::is_carried(draft, member, subject) {
                compare_subject(member, members, subject, &made, sources, draft);
            }
        }
    }
}

/// What of an object is not rendered: another value stands against it, or nothing does.
fn compare_subject(
    member: &Member<'_>,
    members: &[Member<'_>],
    subject: &Manifest,
    made: &Made,
    sources: &Sources,
    draft: &mut Draft,
) {
    let fate = draft.told.get(&origin(subject, sources)).copied();
    if fate == Some(Told::TakenOut) {
        return;
    }
    let mut lost: Vec<&Claim> = Vec::new();
    for claim in &subject.claims.list {
        let follows = installed::follows(subject, claim, |fact| made.get(&text(fact)));
        if follows
            || is_implied(member, members, claim, draft)
            || is_derived(claim)
            || is_told_by_parts(subject, claim)
        {
            continue;
        }
        let found = made.get(&key(claim));
        if values(claim).into_iter().all(|value| found.is_some_and(|all| all.contains(&value))) {
            continue;
        }
        match found {
            Some(found) => contradicted(member, subject, claim, found, sources, draft),
            None if fate.is_none() => lost.push(claim),
            None => {}
        }
    }
    if !lost.is_empty() {
        not_rendered(member, subject, &lost, sources, draft);
    }
}

/// Everything that is rendered for a cluster, by what it is about.
pub(super) type Made = BTreeMap<String, BTreeSet<String>>;

pub(super) fn made<'r>(clusters: impl Iterator<Item = &'r Cluster>) -> Made {
    let mut made = Made::new();
    let subjects = clusters.flat_map(|cluster| &cluster.subjects);
    for claim in subjects.flat_map(|subject| &subject.claims.list) {
        made.entry(key(claim)).or_default().extend(values(claim));
    }
    made
}

/// The claims of a hosted control plane.
fn compare_hosted(
    mesh: &Hosted<'_>,
    members: &[Member<'_>],
    rendered: &Rendered,
    sources: &Sources,
    draft: &mut Draft,
) {
    let name = slug(&mesh.object.name);
    if rendered.hosted(&name).next().is_none() {
        return;
    }
    let made = made(rendered.hosted(&name));
    let own: Vec<&Member<'_>> =
        members.iter().filter(|member| member.hosted.is_some() && mesh.has(member.input)).collect();
    let Some(owner) = mesh.owner(&own) else { return };
    for subject in &mesh.plane.subjects {
        compare_subject(owner, members, subject, &made, sources, draft);
    }
}

/// Whether another claim of the same object says it too: every network of a map has one of its own, and lists of gateways,
/// ports and ranges hold their items. How the manifests reach a cluster is told as a whole.
fn is_derived(claim: &Claim) -> bool {
    matches!(
        claim.fact,
        Fact::MeshNetworks
            | Fact::EntryAddress { .. }
            | Fact::EntryPort { .. }
            | Fact::GatewayPort { .. }
            | Fact::PoolRange { .. }
            | Fact::DeliveredDirectory
    )
}

/// Whether a path of injection says nothing but a cluster and a network, which are claims of their own.
fn is_told_by_parts(subject: &Manifest, claim: &Claim) -> bool {
    let is_part = |other: &Claim| other.part && other.path == claim.path;
    claim.fact == Fact::InjectionPath
        && claim.value.starts_with('/')
        && subject.claims.list.iter().any(is_part)
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

/// Another value is rendered.
fn contradicted(
    member: &Member<'_>,
    subject: &Manifest,
    claim: &Claim,
    found: &BTreeSet<String>,
    sources: &Sources,
    draft: &mut Draft,
) {
    let place = line(sources, subject, &claim.path);
    let claimed = format!("{} in {place} ({} {})", claim.value, called(subject), claim.path);
    let rendered: Vec<&str> = found.iter().map(String::as_str).collect();
    let what = what(&claim.fact);
    // Every webhook of a configuration says the same.
    let once = format!("{} {what} {} {}", member.name, claim.value, origin(subject, sources));
    if !draft.said.insert(once) {
        return;
    }
    if draft.said.insert(claimed.clone()) {
        draft.contradictions.push(format!(
            "cluster `{}`: {what} `{}`; also claimed: {claimed}",
            member.name,
            rendered.join("`, `")
        ));
    }
    comment(member, claim, format!("also claimed: {claimed}"), draft);
}

/// Nothing is rendered that could stand against them.
fn not_rendered(
    member: &Member<'_>,
    subject: &Manifest,
    claims: &[&Claim],
    sources: &Sources,
    draft: &mut Draft,
) {
    let first = claims.first().map_or_else(FieldPath::root, |claim| claim.path.clone());
    let place = line(sources, subject, &first);
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for claim in claims {
        let what = what(&claim.fact);
        match parts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, values)) if values.contains(&claim.value.as_str()) => {}
            Some((_, values)) => values.push(&claim.value),
            None => parts.push((what, vec![&claim.value])),
        }
    }
    let parts: Vec<String> =
        parts.iter().map(|(what, values)| format!("{what} `{}`", values.join("`, `"))).collect();
    let list = parts.join(", ");
    let why = reason(member, claims, draft).map(|why| format!(": {why}")).unwrap_or_default();
    let text = format!("{list} in {place} ({}){why}", called(subject));
    draft.contradictions.push(format!("cluster `{}`: not rendered: {text}", member.name));
    let same = |claim: &&&Claim| field(&claim.fact) == claims.first().map_or("", |first| field(&first.fact));
    if let Some(claim) = claims.iter().find(same) {
        comment(member, claim, format!("not rendered: {text}"), draft);
    }
}

/// Why the intent does not say it, where that follows from what it says.
fn reason(member: &Member<'_>, claims: &[&Claim], draft: &mut Draft) -> Option<&'static str> {
    let labels = claims.iter().all(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }));
    let network = network_of(member);
    let (mesh, _) = draft.cluster(&member.name)?;
    let own = mesh.networks.get(&network).and_then(|network| network.spec.get("gatewayDiscovery"));
    let discovery = own.or_else(|| mesh.mesh.spec.get("gatewayDiscovery")).and_then(|text| text.as_str());
    let announced = labels && discovery == Some("meshNetworks");
    announced.then_some(
        "meshNetworks announces the gateway, and istiod would add the Service with the label to it",
    )
}

/// Says it where the intent has the field.
fn comment(member: &Member<'_>, claim: &Claim, text: String, draft: &mut Draft) {
    let network = network_of(member);
    let Some((mesh, _)) = draft.cluster(&member.name) else { return };
    match (&claim.fact, field(&claim.fact)) {
        (Fact::MeshId | Fact::TrustDomain | Fact::TrustDomainAlias, field) => mesh.mesh.comment(field, text),
        (Fact::Entries { network } | Fact::Member { network }, field)
            if mesh.networks.contains_key(network) =>
        {
            if let Some(document) = mesh.networks.get_mut(network) {
                document.comment(field, text);
            }
        }
        (Fact::NamedNetwork, field) => {
            let known = if mesh.networks.contains_key(&claim.value) { &claim.value } else { &network };
            if let Some(document) = mesh.networks.get_mut(known) {
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
        Fact::Network
        | Fact::NamespaceNetwork { .. }
        | Fact::EntryNetwork { .. }
        | Fact::GatewayNetwork { .. }
        | Fact::NetworkView { .. } => "network",
        Fact::LeadingClusters { .. } | Fact::ControlPlaneAddress | Fact::DiscoveryAddress => "primary",
        Fact::Pool { .. } | Fact::PoolRange { .. } | Fact::PoolAutoAssign { .. } => {
            "loadBalancer.metallb.pools"
        }
        Fact::GatewayAddress { .. } => "loadBalancer.addresses.eastWest",
        Fact::Entries { .. } | Fact::Member { .. } | Fact::NamedNetwork | Fact::MeshNetworks => "gateways",
        Fact::IstiodVariable { .. } => "istio.values.pilot.env",
        _ => "eastWestGateways",
    }
}

/// What a fact is, for people.
fn what(fact: &Fact) -> String {
    let plain = match fact {
        Fact::MeshId | Fact::MeshEntries => "mesh ID",
        Fact::ClusterId => "cluster ID",
        Fact::TrustDomain => "trust domain",
        Fact::TrustDomainAlias => "trust domain alias",
        Fact::Network | Fact::NamespaceNetwork { .. } | Fact::EntryNetwork { .. } => "network",
        Fact::LeadingClusters { .. } => "clusters whose istiod may lead it",
        Fact::ControlPlaneAddress | Fact::DiscoveryAddress => "address of its istiod",
        Fact::ExternalIstiod => "externalIstiod",
        Fact::InjectionPath => "injection URL",
        Fact::Profile => "profile",
        Fact::Exposure { .. } | Fact::Listener { .. } => "what other networks are let in at",
        Fact::IstiodRoute { .. } => "route to istiod",
        Fact::NamedNetwork | Fact::MeshNetworks => "network in meshNetworks",
        Fact::Entries { network } => return format!("entry of network `{network}`"),
        Fact::Member { network } => return format!("member of network `{network}`"),
        Fact::Pool { name } | Fact::PoolRange { name } => return format!("address pool `{name}`"),
        Fact::PoolAutoAssign { name } => return format!("autoAssign of pool `{name}`"),
        Fact::GatewayNetwork { gateway } => return format!("network label of gateway `{gateway}`"),
        Fact::NetworkView { gateway } => return format!("network view of gateway `{gateway}`"),
        Fact::GatewayLabel { gateway } => return format!("label of gateway `{gateway}`"),
        Fact::GatewayAddress { gateway } => return format!("address of gateway `{gateway}`"),
        Fact::GatewayPool { gateway } => return format!("address pool of gateway `{gateway}`"),
        Fact::GatewayPorts { gateway } | Fact::GatewayPort { gateway, .. } => {
            return format!("ports of gateway `{gateway}`");
        }
        Fact::GatewayTarget { gateway, .. } => return format!("pod's port of gateway `{gateway}`"),
        Fact::GatewayNodePort { gateway, .. } => return format!("node port of gateway `{gateway}`"),
        Fact::GatewayServiceType { gateway } => return format!("Service type of gateway `{gateway}`"),
        Fact::GatewayTrafficPolicy { gateway } => {
            return format!("externalTrafficPolicy of gateway `{gateway}`");
        }
        Fact::IstiodVariable { name } => return format!("variable `{name}` of istiod"),
        other => {
            // The name of the fact, such as `SubsetCluster`, in words.
            let name = format!("{other:?}");
            let name = name.split([' ', '(', '{']).next().unwrap_or_default();
            let mut words = String::new();
            for c in name.chars() {
                if c.is_ascii_uppercase() && !words.is_empty() {
                    words.push(' ');
                }
                words.push(c.to_ascii_lowercase());
            }
            return words;
        }
    };
    plain.to_owned()
}

/// What a claim is about, as far as the spelling of manifests does not matter: names of ports are their writer's own, and
/// MetalLB finds the pool of an address by itself.
pub(super) fn key(claim: &Claim) -> String {
    match &claim.fact {
        Fact::GatewayPort { gateway, .. } | Fact::GatewayPorts { gateway } => format!("port of {gateway}"),
        Fact::GatewayTarget { gateway, .. } => format!("target of {gateway}"),
        other => text(other),
    }
}

fn text(fact: &Fact) -> String {
    format!("{fact:?}")
}

/// The items of a list, each by itself: the order of entries and pools means nothing.
pub(super) fn values(claim: &Claim) -> Vec<String> {
    match claim.fact {
        Fact::Entries { .. } | Fact::MeshNetworks | Fact::Pool { .. } | Fact::GatewayPorts { .. } => {
            claim.value.split(',').map(|item| item.trim().to_owned()).collect()
        }
        _ => vec![claim.value.clone()],
    }
}
