//! MW3252: two clusters announce the same addresses.

use super::found::fleets;
use crate::address::AddressRange;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::overlap::{Interval, among};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW3252: two clusters announce the same addresses.
pub(super) struct OverlappingFoundPools;

static RULE: Rule = Rule {
    code: "MW3252",
    name: "pools-of-two-clusters",
    severity: Severity::Warning,
    title: "address pools of two clusters overlap",
    docs: include_str!("../../docs/MW3252.md"),
};

impl Policy for OverlappingFoundPools {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for fleet in fleets(repository).into_values() {
            // Environments beside each other are often one cluster's several lives.
            let clusters = fleet.into_iter().filter(|cluster| cluster.fleet);
            judge(&clusters.collect::<Vec<_>>(), findings);
        }
    }
}

fn ranges(cluster: &Cluster) -> Vec<(AddressRange, Stated<'_>)> {
    let stated = cluster
        .stated(|subject, fact| subject.kind == "IPAddressPool" && matches!(fact, Fact::PoolRange { .. }));
    stated.into_iter().filter_map(|stated| Some((stated.claim.value.trim().parse().ok()?, stated))).collect()
}

fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let mut all: Vec<(&Cluster, AddressRange, Stated<'_>)> = Vec::new();
    let mut intervals: Vec<Interval> = Vec::new();
    for (owner, cluster) in clusters.iter().enumerate() {
        for (range, stated) in ranges(cluster) {
            intervals.push(Interval::of_range(range, owner));
            all.push((cluster, range, stated));
        }
    }
    for (later, earlier) in among(&intervals) {
        let (Some((b, _, stated)), Some((a, other, there))) = (all.get(later), all.get(earlier)) else {
            continue;
        };
        let message = format!(
            "`{}` of pool `{}` of {} overlaps `{}` of {}: who answers for an address of both is left to chance",
            stated.claim.value,
            stated.subject.name,
            b.called(),
            String::from(*other),
            a.called()
        );
        findings.push(
            stated
                .finding(&RULE, message)
                .found(&stated.claim.value)
                .related(there.place(), format!("{} has it here", a.called()))
                .help("give each cluster addresses of its own")
                .cluster(&b.name),
        );
    }
}
