//! MW3202: a Service asks MetalLB for an address that no pool of its cluster has.

use std::cell::LazyCell;
use std::net::IpAddr;

use crate::address::AddressRange;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW3202: a Service asks MetalLB for an address that no pool of its cluster has.
pub(super) struct AddressOutsideFoundPools;

static RULE: Rule = Rule {
    code: "MW3202",
    name: "address-in-no-pool",
    severity: Severity::Error,
    title: "Service asks for an address that no pool of its cluster has",
    docs: include_str!("../../docs/MW3202.md"),
};

impl Policy for AddressOutsideFoundPools {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let whole = |cluster: &&Cluster| !cluster.mixed && cluster.complete;
        let everywhere = LazyCell::new(|| everywhere(repository));
        for cluster in repository.clusters.iter().filter(whole) {
            let Some(pools) = pools(cluster).filter(|pools| !pools.is_empty()) else { continue };
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::GatewayAddress { .. })) {
                let by_hand = |step: &Step| matches!(step, Step::Key(key) if key == "externalIPs");
                let Ok(ip) = stated.claim.value.parse::<IpAddr>() else { continue };
                if stated.claim.path.0.iter().any(by_hand)
                    || pools.iter().any(|(range, _)| range.contains(ip))
                {
                    continue;
                }
                report(&everywhere, cluster, &stated, ip, &pools, findings);
            }
        }
    }
}

/// All ranges of a cluster's pools; none when one of them cannot be read.
fn pools(cluster: &Cluster) -> Option<Vec<(AddressRange, Stated<'_>)>> {
    let stated = cluster.stated(|_, fact| matches!(fact, Fact::PoolRange { .. }));
    let open = |subject: &crate::repository::Manifest| {
        subject.kind == "IPAddressPool" && !subject.unresolved.is_empty()
    };
    if cluster.subjects.iter().any(open) {
        return None;
    }
    stated.into_iter().map(|stated| Some((stated.claim.value.parse().ok()?, stated))).collect()
}

/// The pools of every cluster, as far as they can be read.
fn everywhere(repository: &Repository) -> Vec<(&Cluster, Vec<(AddressRange, Stated<'_>)>)> {
    repository.clusters.iter().filter_map(|cluster| Some((cluster, pools(cluster)?))).collect()
}

fn report(
    everywhere: &[(&Cluster, Vec<(AddressRange, Stated<'_>)>)],
    cluster: &Cluster,
    stated: &Stated<'_>,
    ip: IpAddr,
    own: &[(AddressRange, Stated<'_>)],
    findings: &mut Findings,
) {
    let message = format!("`{ip}` lies in no address pool of {}: MetalLB will not give it", cluster.called());
    let mut finding = stated.finding(&RULE, message).found(ip).cluster(&cluster.name);
    if let Some((range, pool)) = own.first() {
        finding = finding.related(pool.place(), format!("its pool has `{}`", String::from(*range)));
    }
    let others =
        everywhere.iter().filter(|(other, _)| other.scope == cluster.scope && other.name != cluster.name);
    for (other, there) in others {
        if let Some((_, pool)) = there.iter().find(|(range, _)| range.contains(ip)) {
            finding = finding.related(pool.place(), format!("it lies in this pool of {}", other.called()));
            break;
        }
    }
    findings.push(finding.help("ask for an address of the cluster's own pool, or add this one to it"));
}
