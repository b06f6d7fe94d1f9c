//! MW3013: a network is entered at an address of a pool that no Service asks for.

use std::net::IpAddr;

use crate::address::Address;
use crate::address_plan::{asks_metallb, metallb_annotations, of_cluster, pool_range};
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::mesh::{Carried, Cluster, EntryPoint, Gateway, Mesh, Network};
use crate::node::{FieldPath, Node, Value};
use crate::policy::Policy;

/// A network is entered at an address of a pool that no Service asks for.
pub(super) struct UnaskedPoolAddress;

static RULE: Rule = Rule {
    code: "MW3013",
    name: "unasked-pool-address",
    severity: Severity::Error,
    title: "a network is entered at a pool address that no Service asks for",
    docs: include_str!("../../docs/MW3013.md"),
};

impl Policy for UnaskedPoolAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for network in mesh.networks.values() {
            for entry in &network.entries {
                let Some(cluster) = mesh.clusters.get(&entry.cluster).filter(|c| asks_metallb(c)) else {
                    continue;
                };
                let gateway = cluster.gateways.iter().find(|gateway| gateway.name == entry.gateway);
                // A gateway that takes whatever is free may well have got this one.
                let Some((gateway, own)) = gateway.and_then(|g| Some((g, g.address.as_ref()?))) else {
                    continue;
                };
                for (address, place) in dialled(network, entry).filter(|(address, _)| *address != own) {
                    let Some(ip) = address.ip() else { continue };
                    let Some(range) = pool_range(cluster, ip).filter(|_| !is_asked(mesh, cluster, ip)) else {
                        continue;
                    };
                    findings.push(unasked(network, cluster, (gateway, own), (ip, place), &range));
                }
            }
        }
    }
}

/// What peers dial, and where it is written.
fn dialled<'a>(network: &'a Network, entry: &'a EntryPoint) -> impl Iterator<Item = (&'a Address, Place)> {
    let declared = network.spec.gateways.iter().position(|declared| {
        declared.cluster == entry.cluster && declared.gateway.as_ref().is_none_or(|g| *g == entry.gateway)
    });
    let from = FieldPath::parse("spec.gateways").index(declared.unwrap_or_default()).key("addressFrom");
    let by_observer = entry.address_from.iter().map(move |(observer, address)| {
        (address, network.written.place(from.clone().key(observer.as_str())))
    });
    entry.address.iter().map(|address| (address, entry.place.clone())).chain(by_observer)
}

/// Whether a Service of the cluster has or wants the address: one that is rendered, or one that is carried over.
fn is_asked(mesh: &Mesh, cluster: &Cluster, ip: IpAddr) -> bool {
    let text = ip.to_string();
    let planned = of_cluster(mesh, cluster);
    planned.iter().any(|used| used.port.is_none() && used.address.ip() == Some(ip))
        || cluster.gateways.iter().any(|gateway| {
            metallb_annotations(cluster, gateway).any(|annotation| names(annotation.value, &text))
        })
        || cluster.carried.iter().flat_map(Carried::objects).any(|object| mentions(object, &text))
}

fn names(list: &str, ip: &str) -> bool {
    list.split(',').any(|item| item.trim() == ip)
}

/// Whether a carried Service asks for the address.
fn mentions(object: &Node, ip: &str) -> bool {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
    let annotations = object.at(&FieldPath::parse("metadata.annotations"));
    let annotated = match annotations.map(|node| &node.value) {
        Some(Value::Mapping(entries)) => {
            entries.iter().any(|entry| entry.node.as_str().is_some_and(|value| names(value, ip)))
        }
        _ => false,
    };
    text(object.get("kind")) == "Service"
        && (annotated || text(object.at(&FieldPath::parse("spec.loadBalancerIP"))) == ip)
}

fn unasked(
    network: &Network,
    cluster: &Cluster,
    (gateway, own): (&Gateway, &Address),
    (ip, place): (IpAddr, Place),
    range: &str,
) -> Finding {
    let message = format!(
        "network `{}` is entered at `{ip}`, an address of cluster `{}`'s own pool that no Service asks for",
        network.id, cluster.name
    );
    RULE.at(place, message)
        .cluster(&cluster.name)
        .found(ip)
        .declared(own, gateway.address_place.clone(), format!("gateway `{}` is at `{own}`", gateway.name))
        .related(cluster.written.place(range), format!("`{ip}` lies in this pool"))
        .help(format!(
            "leave out the address, and peers dial `{own}`; or plan `{ip}` for gateway `{}`",
            gateway.name
        ))
}
