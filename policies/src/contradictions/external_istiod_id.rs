//! MW5215: an external istiod has another cluster ID than the cluster whose configuration it reads.

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
        for scope in found::scopes(repository) {
            let fleet = found::fleet(repository, scope);
            for cluster in &fleet {
                for subject in cluster.subjects.iter().filter(|subject| subject.is_external_istiod()) {
                    judge(cluster, subject, &fleet, findings);
                }
            }
        }
    }
}

fn judge(cluster: &Cluster, external: &Manifest, fleet: &[&Cluster], findings: &mut Findings) {
    let Some(own) = external.istiod_id() else { return };
    let is_read = |subject: &&Manifest| {
        subject.plane == external.plane
            && subject.claims.plane.as_ref().is_some_and(|plane| plane.is_remote)
            && subject.chart_values().iter().any(|at| {
                at.values.at(&"global.configCluster".into()).is_some_and(|node| node.to_json() == true)
            })
    };
    let others = fleet.iter().filter(|other| other.name != cluster.name);
    let read: Vec<&Manifest> = others.flat_map(|other| other.subjects.iter().filter(is_read)).collect();
    // Of several nobody can say which is whose.
    let [config] = read.as_slice() else { return };
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
