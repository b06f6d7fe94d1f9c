//! MW3005: address pools of different clusters overlap, or hold an API server's address.

use std::collections::BTreeMap;

use crate::address::{Address, AddressRange};
use crate::address_plan::{Site, has_pools, site};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::Advertise;
use crate::mesh::{Cluster, Fleet};
use crate::overlap::{Interval, across, among};
use crate::policy::Policy;

/// Address pools of different clusters overlap, or hold an API server's address.
pub(super) struct OverlappingPools;

static RULE: Rule = Rule {
    code: "MW3005",
    name: "overlapping-pools",
    severity: Severity::Error,
    title: "address pool overlaps another cluster's, or holds an API server's address",
    docs: include_str!("../../docs/MW3005.md"),
};

impl Policy for OverlappingPools {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let mut sites: BTreeMap<Site<'_>, Addresses<'_>> = BTreeMap::new();
        for (owner, (mesh, cluster)) in fleet.clusters().enumerate() {
            for range in ranges_of(cluster) {
                let first = Address::Ip(range.range.bounds().0);
                let site = sites.entry(site(mesh, cluster, &first)).or_default();
                site.intervals.push(Interval::of_range(range.range, owner));
                site.ranges.push(range);
            }
            if let Some(server) = &cluster.spec.kubernetes.api_server
                && let Some(ip) = server.host.ip()
            {
                let site = sites.entry(site(mesh, cluster, &server.host)).or_default();
                // No owner's: a pool may not even hold the address of its own cluster's API server.
                site.server_intervals.push(Interval { first: ip, last: ip, owner: usize::MAX });
                site.servers.push(cluster);
            }
        }
        for site in sites.values() {
            findings.extend(site.shared());
            findings.extend(site.over_servers());
        }
    }
}

/// Pools and API servers of which any could answer for any other's address.
#[derive(Default)]
struct Addresses<'a> {
    ranges: Vec<Range<'a>>,
    intervals: Vec<Interval>,
    servers: Vec<&'a Cluster>,
    server_intervals: Vec<Interval>,
}

/// One range of a pool.
struct Range<'a> {
    cluster: &'a Cluster,
    pool: &'a str,
    range: AddressRange,
    path: String,
}

/// Ranges that the cluster announces. With `statusOnly` nobody answers for them on the wire.
fn ranges_of(cluster: &Cluster) -> Vec<Range<'_>> {
    let metallb = cluster.spec.load_balancer.metallb.iter().filter(|_| has_pools(cluster));
    let pools = metallb.flat_map(|metallb| metallb.pools.iter().enumerate());
    let announced = pools.filter(|(_, pool)| pool.advertise != Advertise::StatusOnly);
    announced
        .flat_map(|(i, pool)| {
            pool.addresses.iter().enumerate().map(move |(j, range)| Range {
                cluster,
                pool: pool.name.as_str(),
                range: *range,
                path: format!("spec.loadBalancer.metallb.pools[{i}].addresses[{j}]"),
            })
        })
        .collect()
}

impl Addresses<'_> {
    fn shared(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (later, earlier) in among(&self.intervals) {
            let (Some(found), Some(other)) = (self.ranges.get(later), self.ranges.get(earlier)) else {
                continue;
            };
            let message = format!(
                "`{}` of pool `{}` of cluster `{}` overlaps `{}` of pool `{}` of cluster `{}`",
                found.range, found.pool, found.cluster.name, other.range, other.pool, other.cluster.name
            );
            let place = other.cluster.written.place(other.path.as_str());
            let label = format!("cluster `{}` has `{}`", other.cluster.name, other.range);
            let finding = RULE
                .at(found.cluster.written.place(found.path.as_str()), message)
                .cluster(&found.cluster.name)
                .found(found.range)
                .declared(other.range, place, label)
                .help(format!(
                    "give `{}` addresses that no other cluster has; two clusters that answer for one address take each \
                     other's traffic",
                    found.cluster.name
                ));
            findings.push(finding);
        }
        findings
    }

    fn over_servers(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (range, server) in across(&self.intervals, &self.server_intervals) {
            let (Some(found), Some(server)) = (self.ranges.get(range), self.servers.get(server)) else {
                continue;
            };
            let Some(url) = &server.spec.kubernetes.api_server else { continue };
            let message = format!(
                "`{}` of pool `{}` of cluster `{}` holds `{}`, the address of `{}`'s API server",
                found.range, found.pool, found.cluster.name, url.host, server.name
            );
            let place = server.written.place("spec.kubernetes.apiServer");
            let finding = RULE
                .at(found.cluster.written.place(found.path.as_str()), message)
                .cluster(&found.cluster.name)
                .found(found.range)
                .declared(&url.host, place, format!("the API server of `{}`", server.name))
                .help(format!("leave `{}` out of the pool", url.host));
            findings.push(finding);
        }
        findings
    }
}
