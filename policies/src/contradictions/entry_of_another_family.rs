//! MW4264: network is entered by an address family that pods of another cluster do not have.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW4264: network is entered by an address family that pods of another cluster do not have.
pub(super) struct EntryOfAnotherFamily;

static RULE: Rule = Rule {
    code: "MW4264",
    name: "entry-of-another-family",
    severity: Severity::Warning,
    title: "gateways of a network have addresses of a family that another cluster's pods do not have",
    docs: include_str!("../../docs/MW4264.md"),
};

impl Policy for EntryOfAnotherFamily {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let networks: BTreeSet<&str> = mesh.iter().filter_map(|other| other.network()).collect();
            let entries = LazyCell::new(|| entries(&mesh));
            for client in mesh.iter().filter(|cluster| cluster.is_comparable()) {
                let Some((is_v6, pods)) = family(client) else { continue };
                let Some(own) = client.network() else { continue };
                for network in networks.iter().filter(|id| **id != own) {
                    let entries = entries.get(network).and_then(Option::as_ref);
                    if let Some(first) = entries.and_then(|all| only(all, !is_v6)) {
                        report(client, network, is_v6, &pods, first, findings);
                    }
                }
            }
        }
    }
}

/// Whether the pods of a cluster have IPv6 addresses, where they have those of one family, and what says so.
fn family(cluster: &Cluster) -> Option<(bool, Stated<'_>)> {
    let ranges = cluster.stated(|_, fact| *fact == Fact::PodRange);
    let is_v6 = |stated: &Stated<'_>| {
        stated.claim.value.parse::<IpNet>().ok().map(|range| matches!(range, IpNet::V6(_)))
    };
    let first = *ranges.first()?;
    let own = is_v6(&first)?;
    ranges.iter().all(|stated| is_v6(stated) == Some(own)).then_some((own, first))
}

/// An address of a gateway.
#[derive(Clone, Copy)]
struct Entry<'a> {
    cluster: &'a Cluster,
    stated: Stated<'a>,
    address: IpAddr,
}

/// The addresses of all gateways of each network; nothing where one is not known.
fn entries<'a>(mesh: &[&'a Cluster]) -> BTreeMap<&'a str, Option<Vec<Entry<'a>>>> {
    let mut all: BTreeMap<&str, Option<Vec<Entry<'a>>>> = BTreeMap::new();
    for cluster in mesh {
        for gateway in found::gateways(cluster) {
            let Some(network) = gateway.value(found::network) else { continue };
            let own = gateway.addresses().map(|claim| {
                let stated = Stated { subject: gateway.subject, claim };
                Some(Entry { cluster, stated, address: claim.value.parse().ok()? })
            });
            let own = own.collect::<Option<Vec<_>>>().filter(|own| !own.is_empty());
            let entries = all.entry(network).or_insert_with(|| Some(Vec::new()));
            match (entries.as_mut(), own) {
                (Some(entries), Some(own)) => entries.extend(own),
                _ => *entries = None,
            }
        }
    }
    all
}

/// The first of them, where all are of that family.
fn only<'a>(all: &[Entry<'a>], is_v6: bool) -> Option<Entry<'a>> {
    let first = *all.first()?;
    all.iter().all(|entry| entry.address.is_ipv6() == is_v6).then_some(first)
}

fn report(
    client: &Cluster,
    network: &str,
    is_v6: bool,
    pods: &Stated<'_>,
    entry: Entry<'_>,
    findings: &mut Findings,
) {
    let (has, lacks) = if is_v6 { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
    let message = format!(
        "network `{network}` is entered at {lacks} addresses only, and pods of {} have {has} addresses only",
        client.called()
    );
    findings.push(
        entry
            .stated
            .finding(&RULE, message)
            .found(&entry.stated.claim.value)
            .related(pods.place(), format!("pods of {} have these", client.called()))
            .help(format!("give a gateway of `{network}` an {has} address too"))
            .cluster(&entry.cluster.name),
    );
}
