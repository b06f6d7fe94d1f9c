//! MW5213: one of two primaries does not read the other.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW5213: one of two primaries does not read the other.
pub(super) struct OneWayDiscovery;

static RULE: Rule = Rule {
    code: "MW5213",
    name: "one-way-discovery",
    severity: Severity::Warning,
    title: "one of two primaries does not read the other",
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
    }
}

/// `from` reads `to`, which reads others but not `from`.
fn one_way(from: &Cluster, to: &Cluster, findings: &mut Findings) {
    let (Some(own), Some(id)) = (from.cluster_id(), to.cluster_id()) else { return };
    let read = |cluster: &Cluster| cluster.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. })).len();
    let reads = |cluster: &Cluster, id: &str| {
        let stated = cluster.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. }));
        stated.iter().any(|stated| stated.claim.value == id)
    };
    let primary = |cluster: &Cluster| {
        let planes: Vec<_> =
            cluster.subjects.iter().filter_map(|subject| subject.claims.plane.as_ref()).collect();
        !planes.is_empty() && planes.iter().all(|plane| !plane.is_remote)
    };
    // Secrets are often kept elsewhere: only a cluster that has some here can be missing one.
    if !reads(from, id) || reads(to, own) || read(to) == 0 || !primary(from) || !primary(to) {
        return;
    }
    let secrets = from.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. }));
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
