//! MW4010: peers learn another address than the declared one.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::gateways;
use crate::intent::GatewayDiscovery;
use crate::mesh::{Gateway, Mesh, Network};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW4010: peers learn another address than the declared one.
#[derive(Debug)]
pub(super) struct UndiscoverableAddress;

static RULE: Rule = Rule {
    code: "MW4010",
    name: "undiscoverable-address",
    severity: Severity::Error,
    title: "peers learn another address than the declared one",
    docs: include_str!("../../docs/MW4010.md"),
};

impl Policy for UndiscoverableAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh) {
            let Some(network) =
                mesh.networks.get(&cluster.network).filter(|network| by_labels(mesh, network))
            else {
                continue;
            };
            if let Some(public) = &gateway.spec.public_address
                && gateway.address.as_ref() != Some(public)
            {
                let place = gateways::field(cluster, gateway, "publicAddress");
                report(mesh, network, gateway, place, public.to_string(), findings);
            }
        }
        for network in mesh.networks.values().filter(|network| by_labels(mesh, network)) {
            check_entries(mesh, network, findings);
        }
    }
}

fn by_labels(mesh: &Mesh, network: &Network) -> bool {
    mesh.gateway_discovery(network) == GatewayDiscovery::Labels
}

fn check_entries(mesh: &Mesh, network: &Network, findings: &mut Findings) {
    for (index, declared) in network.spec.gateways.iter().enumerate() {
        let Some(cluster) = mesh.clusters.get(&declared.cluster) else { continue };
        let named = |gateway: &&Gateway| declared.gateway.as_ref().is_none_or(|name| *name == gateway.name);
        let Some(gateway) = cluster.gateways.iter().find(named) else { continue };
        let place = |key| network.written.place(FieldPath::parse("spec.gateways").index(index).key(key));
        if let (Some(address), Some(own)) = (&declared.address, &gateway.address)
            && address != own
        {
            report(mesh, network, gateway, place("address"), address.to_string(), findings);
        }
        if let Some(port) = declared.port.filter(|port| *port != gateway.spec.port) {
            report(mesh, network, gateway, place("port"), port.number().to_string(), findings);
        }
    }
}

fn report(
    mesh: &Mesh,
    network: &Network,
    gateway: &Gateway,
    place: Place,
    found: String,
    findings: &mut Findings,
) {
    let declared = match network.spec.gateway_discovery {
        Some(_) => network.written.place("spec.gatewayDiscovery"),
        None => mesh.written.place("spec.gatewayDiscovery"),
    };
    let message = format!(
        "peers never learn `{found}`: with labels they dial what the Service of gateway `{}` says",
        gateway.name
    );
    let mut finding = RULE.at(place, message).found(found).declared(
        "labels",
        declared,
        format!("`{}` is entered by what labels and Service status say", network.id),
    );
    if let Some(own) = &gateway.address {
        finding = finding.related(gateway.address_place.clone(), format!("the Service has `{own}`"));
    }
    findings.push(finding.help(format!("set `gatewayDiscovery: meshNetworks` in network `{}`", network.id)));
}
