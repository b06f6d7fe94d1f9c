//! MW2213: pods of two clusters of one network have one address.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW2213: pods of two clusters of one network have one address.
pub(super) struct OverlappingFoundRanges;

static RULE: Rule = Rule {
    code: "MW2213",
    name: "overlapping-found-ranges",
    severity: Severity::Error,
    title: "pods of two clusters of one network have one address",
    docs: include_str!("../../docs/MW2213.md"),
};

impl Policy for OverlappingFoundRanges {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut seen: BTreeMap<(&str, &str), Vec<&Cluster>> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            let Some(network) = cluster.network().filter(|_| !ranges(cluster).is_empty()) else { continue };
            let others = seen.entry((&cluster.scope, network)).or_default();
            others.iter().for_each(|other| judge(other, cluster, network, findings));
            others.push(cluster);
        }
    }
}

fn judge(a: &Cluster, b: &Cluster, network: &str, findings: &mut Findings) {
    let (here, there) = (ranges(a), ranges(b));
    for (range, stated) in &there {
        let overlaps = |other: &IpNet| other.contains(range) || range.contains(other);
        let Some((other, first)) = here.iter().find(|(other, _)| overlaps(other)) else { continue };
        let message = format!(
            "pods of {} have `{range}`, those of {} on the same network `{network}` have `{other}`",
            b.called(),
            a.called()
        );
        findings.push(
            stated
                .finding(&RULE, message)
                .found(range)
                .related(first.place(), format!("`{other}` stands here"))
                .help("give each cluster addresses of its own, or put them on different networks")
                .cluster(&b.name),
        );
    }
}

fn ranges(cluster: &Cluster) -> Vec<(IpNet, Stated<'_>)> {
    let stated = cluster.stated(|_, fact| *fact == Fact::PodRange);
    stated.into_iter().filter_map(|stated| Some((stated.claim.value.parse().ok()?, stated))).collect()
}
