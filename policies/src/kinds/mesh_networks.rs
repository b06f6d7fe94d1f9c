//! `meshNetworks`: which networks there are and how they are entered, as one istiod is told. The map inside the
//! `networks:` wrapper, which is what chart values hold (istio/api: `mesh/v1alpha1/network.proto`).

use crate::claim::{At, Claims, Fact};

/// Claims of the map.
pub(super) fn claims(networks: &At<'_>, claims: &mut Claims) {
    let ids: Vec<&str> = networks.entries().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return;
    }
    claims.add(Fact::MeshNetworks, networks, ids.join(","));
    for (id, network) in networks.entries() {
        claims.add(Fact::NamedNetwork, &network, id);
        if let Some(gateways) = network.get("gateways") {
            self::gateways(id, &gateways, claims);
        }
        let Some(endpoints) = network.get("endpoints") else { continue };
        for endpoint in endpoints.items() {
            claims.scalar(Fact::Member { network: id.to_owned() }, endpoint.get("fromRegistry"));
        }
    }
}

fn gateways(network: &str, gateways: &At<'_>, claims: &mut Claims) {
    let text = |at: &At<'_>, key: &str| at.text_of(key).unwrap_or_default();
    let all: Vec<String> =
        gateways.items().map(|at| format!("{} {}", text(&at, "address"), text(&at, "port"))).collect();
    claims.add(Fact::Entries { network: network.to_owned() }, gateways, all.join(","));
    for gateway in gateways.items() {
        let address = text(&gateway, "address");
        if address.is_empty() {
            continue;
        }
        claims.scalar(Fact::EntryAddress { network: network.to_owned() }, gateway.get("address"));
        claims.scalar(Fact::EntryPort { network: network.to_owned(), address }, gateway.get("port"));
    }
}
