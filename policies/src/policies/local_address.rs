//! MW3012: a gateway or control plane at an address that means something else to every reader.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::address_plan::of_fleet;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Fleet;
use crate::policy::Policy;

/// A gateway or control plane at an address that means something else to every reader.
pub(super) struct LocalAddress;

static RULE: Rule = Rule {
    code: "MW3012",
    name: "local-address",
    severity: Severity::Error,
    title: "address of a gateway or control plane is local",
    docs: include_str!("../../docs/MW3012.md"),
};

impl Policy for LocalAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let mut seen = BTreeSet::new();
        for used in of_fleet(fleet) {
            if used.address.is_local_only() && seen.insert(used.place.clone()) {
                let message = format!(
                    "`{}`, declared for {} of cluster `{}`, is {} address",
                    used.address,
                    used.role,
                    used.cluster.name,
                    kind(used.address)
                );
                let finding = RULE.at(used.place, message).cluster(&used.cluster.name).found(used.address);
                findings.push(finding.help("declare the address that other clusters dial"));
            }
        }
        for network in fleet.meshes.values().flat_map(|mesh| mesh.networks.values()) {
            for (index, gateway) in network.spec.gateways.iter().enumerate() {
                for (observer, address) in gateway.address_from.iter().filter(|(_, a)| a.is_local_only()) {
                    let message = format!(
                        "`{address}`, by which `{observer}` dials network `{}`, is {} address",
                        network.id,
                        kind(address)
                    );
                    let path = format!("spec.gateways[{index}].addressFrom.{observer}");
                    let finding =
                        RULE.at(network.written.place(path.as_str()), message).cluster(&gateway.cluster);
                    findings.push(
                        finding.found(address).help(format!("declare the address that `{observer}` dials")),
                    );
                }
            }
        }
    }
}

/// With its article.
fn kind(address: &Address) -> &'static str {
    match address.ip() {
        Some(ip) if ip.is_unspecified() => "an unspecified",
        Some(ip) if !ip.is_loopback() => "a link-local",
        _ => "a loopback",
    }
}
