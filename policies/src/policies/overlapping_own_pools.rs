//! MW3004: address pools of one cluster overlap each other.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::overlap::{Interval, among};
use crate::policy::Policy;

/// Address pools of one cluster overlap each other.
pub(super) struct OverlappingOwnPools;

static RULE: Rule = Rule {
    code: "MW3004",
    name: "overlapping-own-pools",
    severity: Severity::Error,
    title: "address pools of one cluster overlap",
    docs: include_str!("../../docs/MW3004.md"),
};

impl Policy for OverlappingOwnPools {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let pools =
                cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools).enumerate();
            let ranges: Vec<_> = pools
                .flat_map(|(i, pool)| {
                    pool.addresses.iter().enumerate().map(move |(j, range)| (i, j, pool, *range))
                })
                .collect();
            let intervals: Vec<_> = ranges
                .iter()
                .enumerate()
                .map(|(owner, (.., range))| Interval::of_range(*range, owner))
                .collect();
            for (later, earlier) in among(&intervals) {
                let (Some((i, j, pool, found)), Some((other_i, other_j, other_pool, other))) =
                    (ranges.get(later), ranges.get(earlier))
                else {
                    continue;
                };
                let message = format!(
                    "`{found}` of pool `{}` of cluster `{}` overlaps `{other}` of pool `{}`",
                    pool.name, cluster.name, other_pool.name
                );
                let path =
                    |i: &usize, j: &usize| format!("spec.loadBalancer.metallb.pools[{i}].addresses[{j}]");
                let place = cluster.written.place(path(other_i, other_j).as_str());
                findings.push(
                    RULE.at(cluster.written.place(path(i, j).as_str()), message)
                        .cluster(&cluster.name)
                        .found(found)
                        .declared(other, place, format!("pool `{}` has `{other}`", other_pool.name))
                        .help("let every address be in one pool only; MetalLB refuses the later one"),
                );
            }
        }
    }
}
