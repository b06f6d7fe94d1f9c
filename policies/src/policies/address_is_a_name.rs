//! MW3008: a gateway or control plane is reached by a DNS name.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::address_plan::control_planes;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A gateway or control plane is reached by a DNS name.
pub(super) struct AddressIsAName;

static RULE: Rule = Rule {
    code: "MW3008",
    name: "address-is-a-name",
    severity: Severity::Warning,
    title: "gateway or control plane is reached by a DNS name",
    docs: include_str!("../../docs/MW3008.md"),
};

impl Policy for AddressIsAName {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let is_name = |address: &&Address| matches!(address, Address::Name(_));
        let mut control_planes_of = BTreeSet::new();
        for control_plane in control_planes(mesh) {
            let (Some(name), owner) = (Some(control_plane.address).filter(is_name), control_plane.owner)
            else {
                continue;
            };
            control_planes_of.insert(&owner.name);
            let message = format!(
                "other clusters reach the control plane of `{}` by the DNS name `{name}`: their webhook calls port 443 there",
                owner.name
            );
            findings.push(
                RULE.at(control_plane.place, message).cluster(&owner.name).found(name).help(
                    "use an IP address, or see that port 443 of that name leads to istiod's 15017: Istio makes an \
                     ExternalName Service of a name, which maps no ports",
                ),
            );
        }
        if !mesh.is_multi_network() {
            return;
        }
        for network in mesh.networks.values() {
            for entry in network.entries.iter().filter(|entry| !control_planes_of.contains(&entry.cluster)) {
                let Some(name) = entry.address.as_ref().filter(is_name) else { continue };
                let message = format!(
                    "network `{}` is entered at the DNS name `{name}`, which every istiod has to resolve",
                    network.id
                );
                findings.push(RULE.at(entry.place.clone(), message).cluster(&entry.cluster).found(name).help(
                    "use an IP address where it is stable; istiod leaves out a gateway whose name it cannot resolve, and \
                     needs `RESOLVE_HOSTNAME_GATEWAYS`, which is on unless it was turned off",
                ));
            }
        }
    }
}
