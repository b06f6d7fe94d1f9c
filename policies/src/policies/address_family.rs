//! MW4060: a network is entered by an address family that other clusters' proxies do not have.

use std::collections::BTreeSet;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh, Network};
use crate::policy::Policy;

/// A network is entered by an address family that other clusters' proxies do not have.
pub(super) struct AddressFamily;

static RULE: Rule = Rule {
    code: "MW4060",
    name: "address-family",
    severity: Severity::Warning,
    title: "network is entered by an address family that other clusters' pods do not have",
    docs: include_str!("../../docs/MW4060.md"),
};

impl Policy for AddressFamily {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let clusters: Vec<(&Cluster, BTreeSet<bool>)> =
            mesh.clusters.values().filter_map(|cluster| Some((cluster, spoken(cluster)?))).collect();
        for network in mesh.networks.values() {
            // Most networks are entered at one address, whoever asks.
            let seen_alike = network.entries.iter().all(|entry| entry.address_from.is_empty());
            let mut by_all = None;
            let callers = clusters.iter().filter(|(cluster, _)| cluster.network != network.id);
            for (cluster, spoken) in callers {
                let offered = match by_all.take() {
                    Some(offered) if seen_alike => offered,
                    _ => offered(network, cluster),
                };
                if let Some(offered) = offered.as_ref().filter(|offered| offered.is_disjoint(spoken)) {
                    report(network, cluster, offered, findings);
                    // The first caller stands for all of its family.
                    break;
                }
                by_all = Some(offered);
            }
        }
    }
}

/// Whether each of a network's addresses, as a cluster dials it, is one of IPv6; nothing when an address is not known.
fn offered(network: &Network, cluster: &Cluster) -> Option<BTreeSet<bool>> {
    let families: Option<BTreeSet<bool>> = network
        .entries
        .iter()
        .map(|entry| entry.address_for(&cluster.name)?.ip().map(|ip| ip.is_ipv6()))
        .collect();
    families.filter(|families| !families.is_empty())
}

/// The families of a cluster's pods.
fn spoken(cluster: &Cluster) -> Option<BTreeSet<bool>> {
    let families: BTreeSet<bool> =
        cluster.spec.pod_cidrs.iter().map(|cidr| cidr.net().addr().is_ipv6()).collect();
    (!families.is_empty()).then_some(families)
}

/// From 1.30 istiod leaves such gateways out, and with them the endpoints (istio/istio@1.30:
/// `pilot/pkg/xds/endpoints/ep_filters.go`, `filterGatewaysByIPFamily`).
fn report(network: &Network, cluster: &Cluster, offered: &BTreeSet<bool>, findings: &mut Findings) {
    let Some(entry) = network.entries.first() else { return };
    let (only, other) = if offered.contains(&true) { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
    let message = format!(
        "network `{}` is entered at {only} addresses only, but pods of cluster `{}` have {other} addresses only",
        network.id, cluster.name
    );
    let mut finding = RULE.at(entry.place.clone(), message).cluster(&entry.cluster);
    if let Some(address) = entry.address_for(&cluster.name) {
        finding = finding.found(address);
    }
    findings.push(
        finding
            .related(cluster.written.place("spec.podCIDRs"), format!("the pods of `{}`", cluster.name))
            .help(format!("give network `{}` a gateway with an {other} address too", network.id)),
    );
}
