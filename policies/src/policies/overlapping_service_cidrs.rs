//! MW2013: service CIDRs of clusters of one mesh overlap.

use crate::address::Cidr;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::overlap::{Interval, groups};
use crate::policy::Policy;

/// Service CIDRs of clusters of one mesh overlap.
pub(super) struct OverlappingServiceCidrs;

static RULE: Rule = Rule {
    code: "MW2013",
    name: "overlapping-service-cidrs",
    severity: Severity::Warning,
    title: "service CIDRs of clusters of one mesh overlap",
    docs: include_str!("../../docs/MW2013.md"),
};

/// Clusters that a message names; the others are counted.
const NAMED: usize = 4;

impl Policy for OverlappingServiceCidrs {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut ranges: Vec<(&Cluster, usize, Cidr)> = Vec::new();
        let mut intervals = Vec::new();
        for (owner, cluster) in mesh.clusters.values().enumerate() {
            for (index, cidr) in cluster.spec.service_cidrs.iter().enumerate() {
                ranges.push((cluster, index, *cidr));
                intervals.push(Interval::of_cidr(*cidr, owner));
            }
        }
        // One finding for all that overlap each other: in a fleet that keeps one range everywhere, every pair does.
        for group in groups(&intervals) {
            let mut members: Vec<_> = group.iter().filter_map(|index| ranges.get(*index)).collect();
            members.dedup_by_key(|(cluster, ..)| &cluster.name);
            let [(first, first_index, declared), (second, index, found), ..] = members.as_slice() else {
                continue;
            };
            let place = |cluster: &Cluster, index: usize| {
                cluster.written.place(format!("spec.serviceCIDRs[{index}]").as_str())
            };
            let named: Vec<String> = members
                .iter()
                .take(NAMED)
                .map(|(cluster, _, cidr)| format!("`{}` ({cidr})", cluster.name))
                .collect();
            let more = match members.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let message =
                format!("service CIDRs overlap in mesh `{}`: {}{more}", mesh.name, named.join(", "));
            let mut finding = RULE
                .at(place(second, *index), message)
                .found(found)
                .declared(declared, place(first, *first_index), format!("cluster `{}` has `{declared}`", first.name))
                .help(
                    "give each cluster a service CIDR of its own when it is built next; until then, create Services \
                     that others call in every cluster that calls them",
                );
            finding.concerns = members.iter().map(|(cluster, ..)| cluster.name.to_string()).collect();
            findings.push(finding);
        }
    }
}
