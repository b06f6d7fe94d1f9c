//! MW2002: clusters share a network though their pods do not reach each other.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::intent::PodConnectivity;
use crate::mesh::{Cluster, Mesh};
use crate::names::NetworkId;
use crate::policy::Policy;

/// Clusters share a network though their pods do not reach each other.
pub(super) struct SharedNetworkNotRouted;

static RULE: Rule = Rule {
    code: "MW2002",
    name: "shared-network-not-routed",
    severity: Severity::Error,
    title: "clusters share a network whose pods are not connected",
    docs: include_str!("../../docs/MW2002.md"),
};

impl Policy for SharedNetworkNotRouted {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut owners: BTreeMap<&NetworkId, &Cluster> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            let Some(network) = mesh.networks.get(&cluster.network) else { continue };
            if network.spec.pod_connectivity == PodConnectivity::Routed {
                continue;
            }
            let Some(owner) = owners.get(&network.id) else {
                owners.insert(&network.id, cluster);
                continue;
            };
            let message = format!(
                "clusters `{}` and `{}` are both on network `{}`, which does not say that their pods reach each other",
                owner.name, cluster.name, network.id
            );
            let finding = RULE
                .at(cluster.written.place("spec.network"), message)
                .cluster(&cluster.name)
                .found(&network.id)
                .related(owner.written.place("spec.network"), format!("cluster `{}` is on it here", owner.name))
                .related(network.written.place("spec.podConnectivity"), "the network is declared here")
                .help(format!(
                    "give `{}` a network of its own, or declare `podConnectivity: routed` in Network `{}` if every pod \
                     reaches every pod",
                    cluster.name, network.id
                ));
            findings.push(finding);
        }
    }
}
