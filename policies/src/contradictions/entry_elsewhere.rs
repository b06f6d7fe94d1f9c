//! MW3253: meshNetworks enters a network at another address than its gateways have.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::found::{self, Found};
use crate::address::Address;
use crate::claim::{Claim, Fact};
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
        let asking = LazyCell::new(|| asking(repository));
        let mut networks: BTreeMap<(&str, &str), Option<Network<'_>>> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::EntryAddress { .. })) {
                let Fact::EntryAddress { network } = &stated.claim.fact else { continue };
                let Ok(entry) = stated.claim.value.parse::<IpAddr>() else { continue };
                let (scope, network) = (cluster.scope.as_str(), network.as_str());
                let there = networks
                    .entry((scope, network))
                    .or_insert_with(|| Network::of(&repository.on_network(scope, network)));
                match there {
                    Some(there) => judge(there, cluster, &stated, network, entry, findings),
                    None => {
                        let there = asking.get(&(scope, entry)).map(Vec::as_slice).unwrap_or_default();
                        of_another_network(there, cluster, &stated, network, entry, findings);
                    }
                }
            }
        }
    }
}

/// A network with clusters on it.
struct Network<'a> {
    gateways: Vec<Found<'a>>,
    /// Addresses that they ask for.
    asked: Vec<IpAddr>,
    /// Whether the address of every gateway is known: only then can one be missed.
    known: bool,
}

impl<'a> Network<'a> {
    fn of(members: &[&'a Cluster]) -> Option<Network<'a>> {
        let by_member: Vec<Vec<Found<'_>>> = members.iter().map(|member| found::gateways(member)).collect();
        let has_gateways = by_member.iter().all(|own| !own.is_empty());
        let gateways: Vec<Found<'_>> = by_member.into_iter().flatten().collect();
        let known = has_gateways
            && members.iter().all(|member| member.complete)
            && gateways.iter().all(|gateway| gateway.addresses().next().is_some());
        let asked = gateways
            .iter()
            .flat_map(Found::addresses)
            .filter_map(|claim| claim.value.parse::<IpAddr>().ok())
            .collect();
        (!members.is_empty()).then_some(Network { gateways, asked, known })
    }
}

fn judge(
    there: &Network<'_>,
    cluster: &Cluster,
    stated: &Stated<'_>,
    network: &str,
    entry: IpAddr,
    findings: &mut Findings,
) {
    let Network { gateways, asked, known } = there;
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

/// Gateways of fleets by their scope and the addresses that they ask for.
type Asking<'a> = BTreeMap<(&'a str, IpAddr), Vec<(&'a Cluster, Found<'a>, &'a Claim)>>;

fn asking(repository: &Repository) -> Asking<'_> {
    let mut asking = Asking::new();
    for cluster in found::fleets(repository).into_values().flatten() {
        for gateway in found::gateways(cluster) {
            let mut own = BTreeSet::new();
            for claim in gateway.addresses() {
                if let Ok(address) = claim.value.parse::<IpAddr>()
                    && own.insert(address)
                {
                    asking.entry((&cluster.scope, address)).or_default().push((cluster, gateway, claim));
                }
            }
        }
    }
    asking
}

/// No cluster is on the network, and a gateway of another one has its address: one of the two names is wrong.
fn of_another_network(
    there: &[(&Cluster, Found<'_>, &Claim)],
    cluster: &Cluster,
    stated: &Stated<'_>,
    network: &str,
    entry: IpAddr,
    findings: &mut Findings,
) {
    let [(other, gateway, claim)] = there else { return };
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
