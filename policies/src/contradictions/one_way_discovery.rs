//! MW5213: one of two clusters does not read the other.

use super::found;
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
        for scope in found::scopes(repository) {
            unread_remotes(&found::fleet(repository, scope), findings);
        }
    }
}

/// Clusters that a cluster reads by its remote secrets.
fn read(cluster: &Cluster) -> Vec<Stated<'_>> {
    cluster.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. }))
}

fn reads(cluster: &Cluster, id: &str) -> bool {
    read(cluster).iter().any(|stated| stated.claim.value == id)
}

fn is_primary(cluster: &Cluster) -> bool {
    let mut planes = cluster.subjects.iter().filter_map(|subject| subject.claims.plane.as_ref()).peekable();
    planes.peek().is_some() && planes.all(|plane| !plane.is_remote)
}

/// Primaries of one mesh that read others, and not each other. Secrets are often kept elsewhere: only a cluster that has
/// some here can be missing one.
fn apart(mesh: &[&Cluster], findings: &mut Findings) {
    let readers: Vec<(&Cluster, &str, Vec<Stated<'_>>)> = mesh
        .iter()
        .filter(|cluster| is_primary(cluster))
        .filter_map(|cluster| Some((*cluster, cluster.cluster_id()?, read(cluster))))
        .filter(|(_, _, secrets)| !secrets.is_empty())
        .collect();
    for (index, (cluster, id, secrets)) in readers.iter().enumerate() {
        // Who reads few of them reads those few on purpose: a hub, say.
        let reads_most = |of: &Cluster, own: &str| {
            let others = readers.iter().filter(|(_, other, _)| *other != own);
            let (read, unread): (Vec<_>, Vec<_>) = others.partition(|(_, other, _)| reads(of, other));
            read.len() > unread.len()
        };
        if !reads_most(cluster, id) {
            continue;
        }
        let later =
            readers.iter().skip(index.saturating_add(1)).filter(|(other, id, _)| reads_most(other, id));
        let missing: Vec<String> = later
            .filter(|(other, other_id, _)| !reads(cluster, other_id) && !reads(other, id))
            .map(|(_, other_id, _)| format!("`{other_id}`"))
            .collect();
        let Some(secret) = secrets.first().filter(|_| !missing.is_empty()) else { continue };
        let missing = missing.join(", ");
        let message = format!(
            "{} reads `{}`, but neither does it read {missing} of the same mesh, nor is it read there",
            cluster.called(),
            secret.claim.value
        );
        findings.push(
            secret
                .subject
                .finding(&RULE, &secret.claim.path, message)
                .found(&secret.claim.value)
                .help(format!("give each of `{id}` and {missing} a remote secret for the other"))
                .cluster(&cluster.name),
        );
    }
}

/// Remotes that no primary reads, where primaries read others.
fn unread_remotes(fleet: &[&Cluster], findings: &mut Findings) {
    for remote in fleet.iter().filter(|cluster| found::is_remote(cluster) && !is_primary(cluster)) {
        let (Some(id), Some(mesh)) = (remote.cluster_id(), remote.mesh_id()) else { continue };
        let of_mesh = |other: &&&Cluster| other.mesh_id() == Some(mesh) && is_primary(other);
        let primaries: Vec<&&Cluster> = fleet.iter().filter(of_mesh).collect();
        if primaries.iter().any(|primary| reads(primary, id)) {
            continue;
        }
        let Some((primary, secret)) =
            primaries.iter().find_map(|primary| Some((**primary, read(primary).into_iter().next()?)))
        else {
            continue;
        };
        let message = format!(
            "no istiod of mesh `{mesh}` has a remote secret for `{id}`, which has none of its own; {} has one for `{}`",
            primary.called(),
            secret.claim.value
        );
        findings.push(
            secret
                .subject
                .finding(&RULE, &secret.claim.path, message)
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
            .subject
            .finding(&RULE, &secret.claim.path, message)
            .found(id)
            .help(format!("give {} a remote secret for `{own}` as well", to.called()))
            .cluster(&to.name),
    );
}
