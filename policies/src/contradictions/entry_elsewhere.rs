//! MW3253: meshNetworks enters a network at another address than its gateways have.

use std::net::IpAddr;

use super::found::{self, Found};
use crate::address::Address;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW3253: meshNetworks enters a network at another address than its gateways have.
pub(super) struct EntryElsewhere;

static RULE: Rule = Rule {
    code: "MW3253",
    name: "entry-elsewhere",
    severity: Severity::Warning,
    title: "meshNetworks enters a network at an address that its gateways do not ask for",
    docs: include_str!("../../docs/MW3253.md"),
};

impl Policy for EntryElsewhere {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::EntryAddress { .. })) {
                judge(repository, cluster, &stated, findings);
            }
        }
    }
}

fn judge(repository: &Repository, cluster: &Cluster, stated: &Stated<'_>, findings: &mut Findings) {
    let Fact::EntryAddress { network } = &stated.claim.fact else { return };
    let Ok(entry) = stated.claim.value.parse::<IpAddr>() else { return };
    let members = repository.on_network(&cluster.scope, network);
    if members.is_empty() {
        of_another_network(repository, cluster, stated, network, entry, findings);
        return;
    }
    let gateways: Vec<Found<'_>> = members.iter().flat_map(|member| found::gateways(member)).collect();
    // Only where the address of every gateway is known can one be missed.
    let known = members.iter().all(|member| member.complete && !found::gateways(member).is_empty())
        && gateways.iter().all(|gateway| gateway.addresses().next().is_some());
    let asked: Vec<IpAddr> = gateways
        .iter()
        .flat_map(Found::addresses)
        .filter_map(|claim| claim.value.parse::<IpAddr>().ok())
        .collect();
    // Between a private and a public address lies something that translates.
    let private = |ip: IpAddr| Address::Ip(ip).is_private();
    let translated = asked.iter().any(|other| private(*other) != private(entry));
    if !known || asked.is_empty() || translated || asked.contains(&entry) {
        return;
    }
    let Some((gateway, claim)) = gateways.iter().find_map(|g| g.addresses().next().map(|claim| (g, claim)))
    else {
        return;
    };
    let labelled = gateways.iter().any(|gateway| gateway.value(found::network).is_some());
    let effect = if labelled { "istiod uses both, by the label too" } else { "nobody answers there" };
    let message = format!(
        "network `{network}` is entered at `{entry}`, but its gateway `{}` asks for `{}`: {effect}",
        gateway.name, claim.value
    );
    findings.push(
        stated
            .finding(&RULE, message)
            .found(entry)
            .related(gateway.subject.place(&claim.path), "the gateway asks for this address")
            .help(format!("put `{}` in the place of `{entry}`, or correct the gateway", claim.value))
            .cluster(&cluster.name),
    );
}

/// No cluster is on the network, and a gateway of another one has its address: one of the two names is wrong.
fn of_another_network(
    repository: &Repository,
    cluster: &Cluster,
    stated: &Stated<'_>,
    network: &str,
    entry: IpAddr,
    findings: &mut Findings,
) {
    let fleet = found::fleet(repository, &cluster.scope);
    let mut there = Vec::new();
    for other in &fleet {
        for gateway in found::gateways(other) {
            let asks = gateway.addresses().find(|claim| claim.value.parse::<IpAddr>() == Ok(entry));
            there.extend(asks.map(|claim| (*other, gateway, claim)));
        }
    }
    let [(other, gateway, claim)] = there.as_slice() else { return };
    let Some(own) = other.network() else { return };
    // A gateway may stand for a network without a cluster, and says so.
    if gateway.value(found::network).is_some_and(|label| label == network) {
        return;
    }
    let message = format!(
        "network `{network}` is entered at `{entry}`, which the gateway `{}` of {} has, on network `{own}`: no cluster is on \
         `{network}`",
        gateway.name,
        other.called()
    );
    findings.push(
        stated
            .finding(&RULE, message)
            .found(network)
            .related(gateway.subject.place(&claim.path), "the gateway asks for this address")
            .help(format!("did you mean `{own}`?"))
            .cluster(&cluster.name),
    );
}
