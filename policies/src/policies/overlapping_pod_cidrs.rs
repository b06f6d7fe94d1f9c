//! MW2004: pod CIDRs overlap inside a network.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::names::NetworkId;
use crate::overlap::{Interval, among};
use crate::policy::Policy;

/// Pod CIDRs overlap inside a network.
pub(super) struct OverlappingPodCidrs;

static RULE: Rule = Rule {
    code: "MW2004",
    name: "overlapping-pod-cidrs",
    severity: Severity::Error,
    title: "pod CIDRs overlap inside a network",
    docs: include_str!("../../docs/MW2004.md"),
};

impl Policy for OverlappingPodCidrs {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut networks: BTreeMap<&NetworkId, Vec<(&Cluster, usize, Interval)>> = BTreeMap::new();
        for (owner, cluster) in mesh.clusters.values().enumerate() {
            let ranges = networks.entry(&cluster.network).or_default();
            for (index, cidr) in cluster.spec.pod_cidrs.iter().enumerate() {
                ranges.push((cluster, index, Interval::of_cidr(*cidr, owner)));
            }
        }
        for (network, ranges) in networks {
            let intervals: Vec<_> = ranges.iter().map(|(.., interval)| *interval).collect();
            for (later, earlier) in among(&intervals) {
                let (Some((cluster, index, _)), Some((other, other_index, _))) =
                    (ranges.get(later), ranges.get(earlier))
                else {
                    continue;
                };
                let (Some(found), Some(declared)) =
                    (cluster.spec.pod_cidrs.get(*index), other.spec.pod_cidrs.get(*other_index))
                else {
                    continue;
                };
                let path = |index: usize| format!("spec.podCIDRs[{index}]");
                let message = format!(
                    "pod CIDR `{found}` of cluster `{}` overlaps `{declared}` of cluster `{}` on the same network \
                     `{network}`",
                    cluster.name, other.name
                );
                let place = other.written.place(path(*other_index).as_str());
                let finding = RULE
                    .at(cluster.written.place(path(*index).as_str()), message)
                    .cluster(&cluster.name)
                    .found(found)
                    .declared(declared, place, format!("cluster `{}` has `{declared}`", other.name))
                    .help(format!(
                        "give `{}` pod addresses that no cluster of `{network}` uses, or a network of its own",
                        cluster.name
                    ));
                findings.push(finding);
            }
        }
    }
}
