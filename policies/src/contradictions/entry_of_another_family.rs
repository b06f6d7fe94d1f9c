//! MW4264: network is entered by an address family that pods of another cluster do not have.

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
            for client in mesh.iter().filter(|cluster| cluster.is_comparable()) {
                let Some((is_v6, pods)) = family(client) else { continue };
                let mut networks: Vec<&str> = mesh.iter().filter_map(|other| other.network()).collect();
                networks.sort_unstable();
                networks.dedup();
                for network in
                    networks.into_iter().filter(|id| client.network().is_some_and(|own| own != *id))
                {
                    let entries = entries(&mesh, network);
                    if let Some(first) = entries.as_ref().and_then(|all| only(all, !is_v6)) {
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

/// The addresses of all gateways of a network; nothing where one is not known.
fn entries<'a>(mesh: &[&'a Cluster], network: &str) -> Option<Vec<Entry<'a>>> {
    let mut all = Vec::new();
    for cluster in mesh {
        for gateway in found::gateways(cluster) {
            if gateway.value(found::network) != Some(network) {
                continue;
            }
            let before = all.len();
            for claim in gateway.addresses() {
                let stated = Stated { subject: gateway.subject, claim };
                all.push(Entry { cluster, stated, address: claim.value.parse().ok()? });
            }
            if all.len() == before {
                return None;
            }
        }
    }
    Some(all)
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
