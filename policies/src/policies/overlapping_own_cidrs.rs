//! MW2005: pod and service CIDRs of one cluster overlap each other.

use crate::address::Cidr;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::overlap::{Interval, among};
use crate::policy::Policy;

/// Pod and service CIDRs of one cluster overlap each other.
pub(super) struct OverlappingOwnCidrs;

static RULE: Rule = Rule {
    code: "MW2005",
    name: "overlapping-own-cidrs",
    severity: Severity::Error,
    title: "pod and service CIDRs of one cluster overlap",
    docs: include_str!("../../docs/MW2005.md"),
};

impl Policy for OverlappingOwnCidrs {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let named = |cidrs: &[Cidr], what: &'static str, field: &'static str| {
                let path = |(index, cidr): (usize, &Cidr)| (*cidr, what, format!("spec.{field}[{index}]"));
                cidrs.iter().enumerate().map(path).collect::<Vec<_>>()
            };
            let mut ranges = named(&cluster.spec.pod_cidrs, "pod CIDR", "podCIDRs");
            ranges.extend(named(&cluster.spec.service_cidrs, "service CIDR", "serviceCIDRs"));
            let intervals: Vec<_> = ranges
                .iter()
                .enumerate()
                .map(|(owner, (cidr, ..))| Interval::of_cidr(*cidr, owner))
                .collect();
            for (later, earlier) in among(&intervals) {
                let (Some((found, what, path)), Some((other, other_what, other_path))) =
                    (ranges.get(later), ranges.get(earlier))
                else {
                    continue;
                };
                let message = format!(
                    "{what} `{found}` of cluster `{}` overlaps its own {other_what} `{other}`",
                    cluster.name
                );
                let place = cluster.written.place(other_path.as_str());
                findings.push(
                    RULE.at(cluster.written.place(path.as_str()), message)
                        .cluster(&cluster.name)
                        .found(found)
                        .declared(other, place, format!("{other_what} `{other}`"))
                        .help(
                            "write the ranges that the cluster was created with; Kubernetes keeps them apart",
                        ),
                );
            }
        }
    }
}
