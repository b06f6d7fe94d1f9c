//! MW2006: a service CIDR overlaps a pod CIDR of another cluster in the same network.

use std::collections::BTreeMap;

use crate::address::Cidr;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::names::NetworkId;
use crate::overlap::{Interval, across};
use crate::policy::Policy;

/// A service CIDR overlaps a pod CIDR of another cluster in the same network.
pub(super) struct ServiceCidrOverPods;

static RULE: Rule = Rule {
    code: "MW2006",
    name: "service-cidr-over-pods",
    severity: Severity::Warning,
    title: "a service CIDR overlaps another cluster's pod CIDR in the same network",
    docs: include_str!("../../docs/MW2006.md"),
};

/// A CIDR with its cluster and its place in the list.
type Range<'a> = (&'a Cluster, usize, Cidr);

impl Policy for ServiceCidrOverPods {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut networks: BTreeMap<&NetworkId, (Sided, Sided)> = BTreeMap::new();
        for (owner, cluster) in mesh.clusters.values().enumerate() {
            let (services, pods) = networks.entry(&cluster.network).or_default();
            services.add(cluster, owner, &cluster.spec.service_cidrs);
            pods.add(cluster, owner, &cluster.spec.pod_cidrs);
        }
        for (network, (services, pods)) in networks {
            for (service, pod) in across(&services.intervals, &pods.intervals) {
                let (Some((cluster, index, found)), Some((other, other_index, declared))) =
                    (services.ranges.get(service), pods.ranges.get(pod))
                else {
                    continue;
                };
                let message = format!(
                    "service CIDR `{found}` of cluster `{}` overlaps pod CIDR `{declared}` of cluster `{}` on the same \
                     network `{network}`",
                    cluster.name, other.name
                );
                let place = other.written.place(format!("spec.podCIDRs[{other_index}]").as_str());
                let finding = RULE
                    .at(cluster.written.place(format!("spec.serviceCIDRs[{index}]").as_str()), message)
                    .cluster(&cluster.name)
                    .found(found)
                    .declared(declared, place, format!("pods of `{}` have `{declared}`", other.name))
                    .help(format!(
                        "pods of `{}` cannot dial those pods by address: give one of the two another range",
                        cluster.name
                    ));
                findings.push(finding);
            }
        }
    }
}

#[derive(Default)]
struct Sided<'a> {
    ranges: Vec<Range<'a>>,
    intervals: Vec<Interval>,
}

impl<'a> Sided<'a> {
    fn add(&mut self, cluster: &'a Cluster, owner: usize, cidrs: &[Cidr]) {
        for (index, cidr) in cidrs.iter().enumerate() {
            self.ranges.push((cluster, index, *cidr));
            self.intervals.push(Interval::of_cidr(*cidr, owner));
        }
    }
}
