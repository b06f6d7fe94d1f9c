//! MW9253: istiods of one mesh see services of other clusters differently.

use std::collections::{BTreeMap, BTreeSet};

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW9253: istiods of one mesh see services of other clusters differently.
pub(super) struct DifferingFlag;

static RULE: Rule = Rule {
    code: "MW9253",
    name: "differing-flag",
    severity: Severity::Warning,
    title: "istiods of one mesh have different flags for multi-cluster services",
    docs: include_str!("../../docs/MW9253.md"),
};

impl Policy for DifferingFlag {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let own = |cluster: &&Cluster| found::has_control_plane(cluster) && !found::is_remote(cluster);
            judge(&mesh.into_iter().filter(own).collect::<Vec<_>>(), findings);
        }
    }
}

fn flags(cluster: &Cluster) -> BTreeMap<&str, Stated<'_>> {
    let stated = cluster
        .stated(|_, fact| matches!(fact, Fact::IstiodVariable { name } if name.starts_with("ENABLE_MCS_")));
    let named = stated.into_iter().filter_map(|stated| match &stated.claim.fact {
        Fact::IstiodVariable { name } => Some((name.as_str(), stated)),
        _ => None,
    });
    named.collect()
}

/// Told once per flag, at the first cluster that has it on, against the first that has not: off is the default.
fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let all: Vec<(&Cluster, BTreeMap<&str, Stated<'_>>)> =
        clusters.iter().map(|cluster| (*cluster, flags(cluster))).collect();
    let names: BTreeSet<&str> = all.iter().flat_map(|(_, flags)| flags.keys().copied()).collect();
    for name in names {
        let is_on = |flags: &BTreeMap<&str, Stated<'_>>| {
            flags.get(name).is_some_and(|stated| stated.claim.value == "true")
        };
        let on = all.iter().find(|(_, flags)| is_on(flags));
        let off = all.iter().find(|(_, flags)| !is_on(flags));
        let (Some((set, flags)), Some((other, there))) = (on, off) else { continue };
        let Some(stated) = flags.get(name) else { continue };
        let message = format!(
            "`{name}` is `true` here, but not in {}: the two istiods see other services of each other",
            other.called()
        );
        let mut finding = stated.finding(&RULE, message).found("true");
        if let Some(other) = there.get(name) {
            finding = finding.related(other.place(), "it is set here");
        }
        findings.push(finding.help("set it alike in every istiod of the mesh").cluster(&set.name));
    }
}
