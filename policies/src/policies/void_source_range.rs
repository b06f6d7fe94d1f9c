//! MW4006: a source range is made void by one that lets everybody in.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW4006: a source range is made void by one that lets everybody in.
#[derive(Debug)]
pub(super) struct VoidSourceRange;

static RULE: Rule = Rule {
    code: "MW4006",
    name: "void-source-range",
    severity: Severity::Warning,
    title: "a source range is made void by one that lets everybody in",
    docs: include_str!("../../docs/MW4006.md"),
};

impl Policy for VoidSourceRange {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let ranges = &cluster.spec.load_balancer.source_ranges;
            let place = |index| {
                cluster.written.place(FieldPath::parse("spec.loadBalancer.sourceRanges").index(index))
            };
            for (index, all) in ranges.iter().enumerate().filter(|(_, range)| range.net().prefix_len() == 0) {
                let is_void = |other: &ipnet::IpNet| {
                    other.prefix_len() > 0 && other.addr().is_ipv4() == all.net().addr().is_ipv4()
                };
                if let Some(void) = ranges.iter().position(|range| is_void(&range.net())) {
                    // No cluster in the message: what all clusters share is said once.
                    let message =
                        format!("`{all}` lets everybody in, which makes the other source ranges void");
                    findings.push(
                        cluster
                            .finding(&RULE, place(index), message)
                            .found(all)
                            .related(place(void), "this range has no effect")
                            .help(format!("remove `{all}`")),
                    );
                }
            }
        }
    }
}
