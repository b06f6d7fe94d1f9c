//! MW5215: an external istiod has another cluster ID than the cluster whose configuration it reads.

use std::cell::LazyCell;

use super::found;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW5215: an external istiod has another cluster ID than the cluster whose configuration it reads.
pub(super) struct ExternalIstiodId;

static RULE: Rule = Rule {
    code: "MW5215",
    name: "external-istiod-id",
    severity: Severity::Error,
    title: "external istiod has another ID than its configuration cluster",
    docs: include_str!("../../docs/MW5215.md"),
};

impl Policy for ExternalIstiodId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for fleet in found::fleets(repository).into_values() {
            let read = LazyCell::new(|| read(&fleet));
            for cluster in &fleet {
                for subject in cluster.subjects.iter().filter(|subject| subject.is_external_istiod()) {
                    judge(cluster, subject, &read, findings);
                }
            }
        }
    }
}

/// What makes a cluster one whose configuration an external istiod reads.
fn read<'a>(fleet: &[&'a Cluster]) -> Vec<(&'a Cluster, &'a Manifest)> {
    let is_read = |subject: &Manifest| {
        subject.claims.plane.as_ref().is_some_and(|plane| plane.is_remote)
            && subject.chart_values().iter().any(|at| {
                at.values.at(&"global.configCluster".into()).is_some_and(|node| node.to_json() == true)
            })
    };
    let all = fleet.iter().flat_map(|cluster| cluster.subjects.iter().map(|subject| (*cluster, subject)));
    all.filter(|(_, subject)| is_read(subject)).collect()
}

fn judge(cluster: &Cluster, external: &Manifest, read: &[(&Cluster, &Manifest)], findings: &mut Findings) {
    let Some(own) = external.istiod_id() else { return };
    let mut others = read
        .iter()
        .filter(|(other, subject)| other.name != cluster.name && subject.plane == external.plane)
        .map(|(_, subject)| subject);
    // Of several nobody can say which is whose.
    let (Some(config), None) = (others.next(), others.next()) else { return };
    let Some(right) = config.istiod_id().filter(|right| right.claim.value != own.claim.value) else { return };
    let (found, right_id) = (&own.claim.value, &right.claim.value);
    let message = format!(
        "the external istiod in namespace `{}` calls itself `{found}`, but reads its configuration from cluster `{right_id}`",
        external.plane
    );
    findings.push(
        external
            .finding(&RULE, &own.claim.path, message)
            .found(found)
            .declared(right_id, right.place(), format!("the configuration cluster is `{right_id}`"))
            .help(format!("set `{}` to `{right_id}`", own.claim.path))
            .cluster(&cluster.name),
    );
}
