//! `meshNetworks`: which networks there are, whom they consist of and how they are entered, as one istiod is told
//! (istio/api: `mesh/v1alpha1/network.proto`; istio/istio@1.31: `pkg/config/validation/agent/validation.go`).

use std::net::IpAddr;

use ipnet::IpNet;

use crate::claim::{At, Claim, Claims, Fact, MeshNetworksFault};
use crate::embedded;
use crate::names::{ClusterId, is_resolvable_name};

/// Keys of a network, of an endpoint and of a gateway, in both spellings of protobuf's JSON.
const NETWORK: &[&str] = &["endpoints", "gateways"];
const ENDPOINT: &[&str] = &["fromRegistry", "fromCidr", "from_registry", "from_cidr"];
const GATEWAY: &[&str] = &["address", "port", "registryServiceName", "registry_service_name", "locality"];

/// Claims of the document in a ConfigMap, which has the wrapper `networks:`. What was not read stayed text.
pub(super) fn document(document: &At<'_>, claims: &mut Claims) {
    if let Some(text) = document.str() {
        if embedded::is_broken(text) {
            fault(MeshNetworksFault::Unreadable, document, text, claims);
        }
        return;
    }
    let Some(networks) = document.get("networks") else {
        if holds_networks(document) {
            fault(MeshNetworksFault::NoWrapper, document, "", claims);
        }
        return;
    };
    match networks.get("networks").filter(holds_networks) {
        Some(inner) => fault(MeshNetworksFault::Doubled, &inner, "networks", claims),
        None => self::networks(&networks, claims),
    }
}

/// Claims of the map that chart values hold, without the wrapper: the chart writes it.
pub(super) fn claims(networks: &At<'_>, claims: &mut Claims) {
    match networks.get("networks").filter(holds_networks) {
        Some(inner) => fault(MeshNetworksFault::Doubled, &inner, "networks", claims),
        None => self::networks(networks, claims),
    }
}

/// Whether the values of a map are networks.
fn holds_networks(at: &At<'_>) -> bool {
    at.entries().any(|(_, network)| NETWORK.iter().any(|key| network.get(key).is_some()))
}

fn fault(fault: MeshNetworksFault, at: &At<'_>, found: &str, claims: &mut Claims) {
    claims.add(Fact::MeshNetworksFault(fault), at, found);
}

/// protobuf's JSON takes nothing for a list but a list, for a map but a map, and `null` for either.
fn has_shape(at: &At<'_>, is_it: bool, wanted: &'static str, claims: &mut Claims) -> bool {
    if !is_it && !at.is_null() {
        let found = at.text().unwrap_or_default();
        fault(MeshNetworksFault::Shape { wanted }, at, &found, claims);
    }
    is_it
}

fn networks(networks: &At<'_>, claims: &mut Claims) {
    if !has_shape(networks, networks.is_map(), "a map of networks", claims) {
        return;
    }
    let ids: Vec<&str> = networks.entries().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return;
    }
    claims.add(Fact::MeshNetworks, networks, ids.join(","));
    for (id, network) in networks.entries() {
        claims.add(Fact::NamedNetwork, &network, id);
        if !has_shape(&network, network.is_map(), "a network with `endpoints` and `gateways`", claims) {
            continue;
        }
        known_keys(&network, NETWORK, "a network", claims);
        if let Some(gateways) = network.get("gateways")
            && has_shape(&gateways, gateways.is_list(), "a list of gateways", claims)
        {
            self::gateways(id, &gateways, claims);
        }
        let Some(endpoints) = network.get("endpoints") else { continue };
        if !has_shape(&endpoints, endpoints.is_list(), "a list of endpoints", claims) {
            continue;
        }
        endpoints.items().for_each(|endpoint| self::endpoint(id, &endpoint, claims));
    }
}

fn known_keys(at: &At<'_>, known: &'static [&'static str], holder: &'static str, claims: &mut Claims) {
    for (key, value) in at.entries().filter(|(key, _)| !known.contains(key)) {
        fault(MeshNetworksFault::UnknownKey { holder, known }, &value, key, claims);
    }
}

/// The value of a key in either spelling.
fn either<'a>(at: &'a At<'a>, camel: &'a str, snake: &'a str) -> Option<At<'a>> {
    at.get(camel).or_else(|| at.get(snake)).filter(|at| at.text().is_some_and(|text| !text.is_empty()))
}

fn endpoint(network: &str, endpoint: &At<'_>, claims: &mut Claims) {
    known_keys(endpoint, ENDPOINT, "an endpoint", claims);
    let registry = either(endpoint, "fromRegistry", "from_registry");
    let range = either(endpoint, "fromCidr", "from_cidr");
    if let (Some(_), Some(range)) = (&registry, &range) {
        fault(MeshNetworksFault::Both { other: "fromRegistry" }, range, "fromCidr", claims);
    }
    claims.scalar(Fact::Member { network: network.to_owned() }, registry);
    if let Some(registry) = registry
        && let Some(text) = registry.text()
        && ClusterId::new(text.as_str()).is_err()
    {
        fault(MeshNetworksFault::Registry, &registry, &text, claims);
    }
    claims.scalar(Fact::MemberRange { network: network.to_owned() }, range);
    let Some((range, text)) = range.as_ref().and_then(|range| Some((range, range.text()?))) else { return };
    if text.parse::<IpNet>().is_err() {
        let bare = text.parse::<IpAddr>().is_ok();
        let what = if bare { MeshNetworksFault::Maskless } else { MeshNetworksFault::Range };
        fault(what, range, &text, claims);
    }
}

fn gateways(network: &str, gateways: &At<'_>, claims: &mut Claims) {
    let text = |at: &At<'_>, key: &str| at.text_of(key).unwrap_or_default();
    let all: Vec<String> =
        gateways.items().map(|at| format!("{} {}", text(&at, "address"), text(&at, "port"))).collect();
    claims.add(Fact::Entries { network: network.to_owned() }, gateways, all.join(","));
    for gateway in gateways.items() {
        known_keys(&gateway, GATEWAY, "a gateway", claims);
        port(&gateway, claims);
        let address = text(&gateway, "address");
        if address.is_empty() {
            continue;
        }
        if let Some(service) = either(&gateway, "registryServiceName", "registry_service_name") {
            let both = MeshNetworksFault::Both { other: "address" };
            fault(both, &service, "registryServiceName", claims);
        }
        if address.parse::<IpAddr>().is_err()
            && !is_resolvable_name(&address)
            && let Some(at) = gateway.get("address")
        {
            fault(MeshNetworksFault::Address, &at, &address, claims);
        }
        claims.scalar(Fact::EntryAddress { network: network.to_owned() }, gateway.get("address"));
        claims.scalar(Fact::EntryPort { network: network.to_owned(), address }, gateway.get("port"));
    }
}

/// There is no default: one bad port, and istiod discards the whole document.
fn port(gateway: &At<'_>, claims: &mut Claims) {
    let port = gateway.get("port").filter(|port| !port.is_null());
    let text = port.as_ref().map_or(Some("no port".to_owned()), At::text);
    let text = text.unwrap_or_else(|| "no number".to_owned());
    if !gateway.is_map() || text.parse::<u16>().is_ok_and(|port| port > 0) {
        return;
    }
    claims.list.push(Claim {
        fact: Fact::MeshNetworksFault(MeshNetworksFault::Port),
        value: text,
        path: gateway.path().key("port"),
        part: false,
    });
}
