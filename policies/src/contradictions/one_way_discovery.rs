//! MW5213: one of two clusters does not read the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{found, remote_secret_key};
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW5213: one of two clusters does not read the other.
pub(super) struct OneWayDiscovery;

static RULE: Rule = Rule {
    code: "MW5213",
    name: "one-way-discovery",
    severity: Severity::Warning,
    title: "one of two clusters does not read the other",
    docs: include_str!("../../docs/MW5213.md"),
};

impl Policy for OneWayDiscovery {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for (a, b) in repository.joins() {
            one_way(a, b, findings);
            one_way(b, a, findings);
        }
        for mesh in repository.meshes() {
            apart(&mesh, findings);
        }
        for fleet in found::fleets(repository).values() {
            unread_remotes(fleet, findings);
        }
    }
}

/// Clusters that a cluster reads by its remote secrets.
fn read(cluster: &Cluster) -> Vec<Stated<'_>> {
    cluster.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. }))
}

/// Whether it has a remote secret for a cluster. One with another key is MW1206.
fn reads(cluster: &Cluster, id: &str) -> bool {
    read(cluster).iter().any(|stated| stated.claim.value == id) || misnamed(cluster).any(|meant| meant == id)
}

fn misnamed(cluster: &Cluster) -> impl Iterator<Item = &str> {
    cluster.subjects.iter().filter_map(remote_secret_key::misnamed)
}

fn is_primary(cluster: &Cluster) -> bool {
    let mut planes = cluster.subjects.iter().filter_map(|subject| subject.claims.plane.as_ref()).peekable();
    planes.peek().is_some() && planes.all(|plane| !plane.is_remote)
}

/// Primaries of one mesh that read others, and not each other. Secrets are often kept elsewhere: only a cluster that has
/// some here can be missing one.
fn apart(mesh: &[&Cluster], findings: &mut Findings) {
    let mut readers: Vec<Reader<'_>> =
        mesh.iter().filter(|cluster| is_primary(cluster)).filter_map(|cluster| Reader::of(cluster)).collect();
    let ids: BTreeSet<&str> = readers.iter().map(|reader| reader.id).collect();
    // Who reads few of them reads those few on purpose: a hub, say.
    readers.retain(|reader| {
        let read = ids.iter().filter(|id| **id != reader.id && reader.reads.contains(**id)).count();
        read.saturating_mul(2) > ids.len().saturating_sub(1)
    });
    for (index, reader) in readers.iter().enumerate() {
        let missing: Vec<String> = readers
            .iter()
            .skip(index.saturating_add(1))
            .filter(|other| !reader.reads.contains(other.id) && !other.reads.contains(reader.id))
            .map(|other| format!("`{}`", other.id))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let (missing, first) = (missing.join(", "), &reader.secret.claim.value);
        let message = format!(
            "{} reads `{first}`, but neither does it read {missing} of the same mesh, nor is it read there",
            reader.cluster.called(),
        );
        findings.push(
            reader
                .secret
                .subject
                .finding(&RULE, &reader.secret.claim.path, message)
                .found(first)
                .help(format!("give each of `{}` and {missing} a remote secret for the other", reader.id))
                .cluster(&reader.cluster.name),
        );
    }
}

/// A cluster with remote secrets.
struct Reader<'a> {
    cluster: &'a Cluster,
    id: &'a str,
    secret: Stated<'a>,
    reads: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    fn of(cluster: &'a Cluster) -> Option<Reader<'a>> {
        let secrets = read(cluster);
        let reads =
            secrets.iter().map(|stated| stated.claim.value.as_str()).chain(misnamed(cluster)).collect();
        Some(Reader { cluster, id: cluster.cluster_id()?, secret: *secrets.first()?, reads })
    }
}

/// Remotes that no primary reads, where primaries read others.
fn unread_remotes(fleet: &[&Cluster], findings: &mut Findings) {
    let mut read_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut primaries: BTreeMap<&str, (&Cluster, Stated<'_>)> = BTreeMap::new();
    for cluster in fleet.iter().filter(|cluster| is_primary(cluster)) {
        let Some(mesh) = cluster.mesh_id() else { continue };
        read_by.entry(mesh).or_default().extend(misnamed(cluster));
        for secret in read(cluster) {
            read_by.entry(mesh).or_default().insert(secret.claim.value.as_str());
            primaries.entry(mesh).or_insert((*cluster, secret));
        }
    }
    for remote in fleet.iter().filter(|cluster| found::is_remote(cluster) && !is_primary(cluster)) {
        let (Some(id), Some(mesh)) = (remote.cluster_id(), remote.mesh_id()) else { continue };
        if read_by.get(mesh).is_some_and(|all| all.contains(id)) {
            continue;
        }
        let Some((primary, secret)) = primaries.get(mesh) else { continue };
        let message = format!(
            "no istiod of mesh `{mesh}` has a remote secret for `{id}`, which has none of its own; {} has one for `{}`",
            primary.called(),
            secret.claim.value
        );
        findings.push(
            secret
                .finding(&RULE, message)
                .found(&secret.claim.value)
                .help(format!("give the istiod that serves `{id}` a remote secret for it"))
                .cluster(&primary.name),
        );
    }
}

/// `from` reads `to`, which reads others but not `from`.
fn one_way(from: &Cluster, to: &Cluster, findings: &mut Findings) {
    let (Some(own), Some(id)) = (from.cluster_id(), to.cluster_id()) else { return };
    if !reads(from, id) || reads(to, own) || read(to).is_empty() || !is_primary(from) || !is_primary(to) {
        return;
    }
    let secrets = read(from);
    let Some(secret) = secrets.iter().find(|stated| stated.claim.value == id) else { return };
    let message = format!(
        "{} reads the services of `{id}`, but {} has no remote secret for `{own}`, where it has others",
        from.called(),
        to.called()
    );
    findings.push(
        secret
            .finding(&RULE, message)
            .found(id)
            .help(format!("give {} a remote secret for `{own}` as well", to.called()))
            .cluster(&to.name),
    );
}
