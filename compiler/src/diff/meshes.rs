//! What all clusters of a mesh share.

use meshwright_policies::intent::{CertificateAuthority, ControlPlane};
use meshwright_policies::mesh::Mesh;

use super::Impact::{Changes as Other, Destroys, Disrupts, Partitions};
use super::keys::keys;
use super::{Changes, Fleets, count, moved, text};

/// Keys of a mesh's `spec` that have words of their own, or become the clusters' own.
const KNOWN: &[&str] = &[
    "meshID",
    "trustDomain",
    "trustDomainAliases",
    "clusterDomain",
    "istio",
    "controlPlane.multiPrimary",
    "controlPlane.primaryRemote",
    "controlPlane.hosted.cluster",
    "gatewayDiscovery",
    "delivery",
    "clusterDefaults",
    "ca.rootCertificateSHA256",
    "failover",
];

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for mesh in fleets.base.meshes.values().filter(|mesh| !fleets.head.meshes.contains_key(&mesh.name)) {
        let clusters = count(mesh.clusters.len(), "cluster");
        changes.mesh(mesh, Destroys, "mesh-removed", format!("the mesh is removed, with {clusters}"));
    }
    for mesh in fleets.head.meshes.values().filter(|mesh| !fleets.base.meshes.contains_key(&mesh.name)) {
        let clusters = count(mesh.clusters.len(), "cluster");
        changes.mesh(mesh, Other, "mesh-added", format!("the mesh is new, with {clusters}"));
    }
    for (base, head) in fleets.meshes() {
        identity(base, head, changes);
        if let Some(text) = moved("the control plane", &control_plane(base), &control_plane(head)) {
            changes.mesh(head, Disrupts, "control-plane", text);
        }
        let domain =
            moved("the DNS domain of the clusters", &base.spec.cluster_domain, &head.spec.cluster_domain);
        domain.into_iter().for_each(|text| changes.mesh(head, Disrupts, "cluster-domain", text));
        certificates(base, head, changes);
        if let Some(keys) = keys(&base.spec, &head.spec, KNOWN) {
            changes.mesh(head, Other, "settings", format!("other settings change: {keys}"));
        }
        if base.spec.failover != head.spec.failover {
            changes.mesh(head, Other, "failover", "failover rules change");
        }
    }
}

fn identity(base: &Mesh, head: &Mesh, changes: &mut Changes) {
    if let Some(text) = moved("the mesh ID", &base.id, &head.id) {
        changes.mesh(head, Disrupts, "mesh-id", format!("{text}; proxies learn it when they restart"));
    }
    let (old, new) = (&base.spec.trust_domain, &head.spec.trust_domain);
    if let Some(text) = moved("the trust domain", old, new) {
        if head.spec.trust_domain_aliases.contains(old) {
            changes.mesh(
                head,
                Disrupts,
                "trust-domain",
                format!("{text}; identities of the old one stay accepted"),
            );
        } else {
            let text =
                format!("{text}, and identities of the old one are no alias: policies that name them refuse");
            changes.mesh(head, Partitions, "trust-domain", text);
        }
    }
    for alias in base.spec.trust_domain_aliases.iter().filter(|alias| *alias != new) {
        if !head.spec.trust_domain_aliases.contains(alias) {
            let text = format!("identities of trust domain `{alias}` are no longer accepted");
            changes.mesh(head, Partitions, "trust-domain-alias", text);
        }
    }
    for alias in head.spec.trust_domain_aliases.iter().filter(|alias| *alias != old) {
        if !base.spec.trust_domain_aliases.contains(alias) {
            let text = format!("identities of trust domain `{alias}` are accepted now");
            changes.mesh(head, Other, "trust-domain-alias", text);
        }
    }
}

fn control_plane(mesh: &Mesh) -> String {
    match &mesh.spec.control_plane {
        ControlPlane::MultiPrimary(_) => "multi-primary".to_owned(),
        ControlPlane::PrimaryRemote(_) => "primary-remote".to_owned(),
        ControlPlane::Hosted(hosted) => format!("hosted in {}", hosted.cluster),
    }
}

fn certificates(base: &Mesh, head: &Mesh, changes: &mut Changes) {
    let root = |ca: &CertificateAuthority| {
        ca.root_certificate_sha256.as_ref().map(|digest| digest.replace(':', "").to_ascii_lowercase())
    };
    let of = |mesh: &Mesh| mesh.spec.ca.as_ref().and_then(root);
    match (of(base), of(head)) {
        (Some(old), Some(new)) if old != new => changes.mesh(
            head,
            Partitions,
            "root-certificate",
            format!("the root certificate changes from `{old}` to `{new}`: workloads must trust both until all have the new one"),
        ),
        (old, new) => {
            let text = moved("the root certificate's fingerprint", &text(old.as_ref()), &text(new.as_ref()));
            text.into_iter().for_each(|text| changes.mesh(head, Other, "root-certificate", text));
        }
    }
}
