//! MW4252: a network has no gateway while others have.

use std::collections::BTreeSet;

use super::found::gateways;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW4252: a network has no gateway while others have.
pub(super) struct NetworkWithoutGateway;

static RULE: Rule = Rule {
    code: "MW4252",
    name: "network-without-gateway",
    severity: Severity::Warning,
    title: "network has no gateway in the repository, though others have",
    docs: include_str!("../../docs/MW4252.md"),
};

impl Policy for NetworkWithoutGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            judge(&mesh, findings);
        }
    }
}

/// Networks with a gateway that make its absence elsewhere a mistake, and not the part of a fleet that lies elsewhere.
const ENOUGH: usize = 2;

fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    // Clusters that install a gateway here; where none does, they come from elsewhere, or there is one network only.
    let with: Vec<&Cluster> =
        clusters.iter().copied().filter(|cluster| !gateways(cluster).is_empty()).collect();
    let served: BTreeSet<&str> = with.iter().filter_map(|cluster| cluster.network()).collect();
    let announced: BTreeSet<&str> = clusters.iter().flat_map(|cluster| announced(cluster)).collect();
    let mut told = BTreeSet::new();
    // A declaration says where networks are entered, whatever the objects call it.
    let undeclared = clusters.iter().filter(|cluster| cluster.complete && cluster.witnesses.is_empty());
    for cluster in undeclared.filter(|cluster| gateways(cluster).is_empty()) {
        let stated = cluster.networks();
        let (Some(network), Some(first)) = (cluster.network(), stated.first()) else { continue };
        let open = cluster.subjects.iter().any(|subject| !subject.unresolved.is_empty());
        let entered = served.contains(network) || announced.contains(network);
        if served.len() < ENOUGH || entered || open || !told.insert(network) {
            continue;
        }
        let others: Vec<&str> = served.iter().copied().collect();
        let message = format!(
            "nothing here is a gateway of network `{network}`, as there is of `{}`: the others send its traffic to pod \
             addresses",
            others.join("`, `")
        );
        findings.push(
            first.finding(&RULE, message)
                .found(network)
                .help(format!(
                    "give {} an east-west gateway with the label `topology.istio.io/network: {network}`, or name its \
                     address in `meshNetworks`",
                    cluster.called()
                ))
                .cluster(&cluster.name),
        );
    }
}

/// Networks of which some istiod is told a gateway.
fn announced(cluster: &Cluster) -> Vec<&str> {
    let mut networks = Vec::new();
    for claim in cluster.subjects.iter().flat_map(|subject| &subject.claims.list) {
        match &claim.fact {
            Fact::GatewayNetwork { .. } | Fact::RemoteNetwork { .. } => networks.push(claim.value.as_str()),
            Fact::Entries { network } => networks.push(network.as_str()),
            _ => {}
        }
    }
    networks
}
