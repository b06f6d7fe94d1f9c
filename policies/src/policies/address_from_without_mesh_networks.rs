//! MW2007: `addressFrom` where gateways are discovered by labels.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::GatewayDiscovery;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// `addressFrom` where gateways are discovered by labels.
pub(super) struct AddressFromWithoutMeshNetworks;

static RULE: Rule = Rule {
    code: "MW2007",
    name: "address-from-without-mesh-networks",
    severity: Severity::Error,
    title: "addressFrom has no effect with discovery by labels",
    docs: include_str!("../../docs/MW2007.md"),
};

impl Policy for AddressFromWithoutMeshNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for network in mesh.networks.values() {
            if mesh.gateway_discovery(network) != GatewayDiscovery::Labels {
                continue;
            }
            for (index, gateway) in network.spec.gateways.iter().enumerate() {
                if gateway.address_from.is_empty() {
                    continue;
                }
                let message = format!(
                    "network `{}` has other addresses for some observers, but its gateways are discovered by labels",
                    network.id
                );
                let declared = match network.spec.gateway_discovery {
                    Some(_) => network.written.place("spec.gatewayDiscovery"),
                    None => mesh.written.place("spec.gatewayDiscovery"),
                };
                let path = format!("spec.gateways[{index}].addressFrom");
                findings.push(
                    RULE.at(network.written.place(path.as_str()), message)
                        .cluster(&gateway.cluster)
                        .related(declared, "`gatewayDiscovery` is declared here, or is `labels` by default")
                        .help(format!("set `gatewayDiscovery: meshNetworks` in Network `{}`", network.id)),
                );
            }
        }
    }
}
