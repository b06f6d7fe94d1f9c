//! MW4011: peers dial a port at which the gateway does not answer.

use crate::address::Port;
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::gateways;
use crate::intent::{GatewayDiscovery, LoadBalancerProvider, ServiceType};
use crate::mesh::{Cluster, EntryPoint, Gateway, Mesh, Network};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW4011: peers dial a port at which the gateway does not answer.
#[derive(Debug)]
pub(super) struct WrongDialledPort;

static RULE: Rule = Rule {
    code: "MW4011",
    name: "wrong-dialled-port",
    severity: Severity::Error,
    title: "peers dial a port at which the gateway does not answer",
    docs: include_str!("../../docs/MW4011.md"),
};

impl Policy for WrongDialledPort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.is_multi_network() {
            return;
        }
        for network in mesh.networks.values() {
            let announced = mesh.gateway_discovery(network) == GatewayDiscovery::MeshNetworks;
            for entry in &network.entries {
                let Some(cluster) = mesh.clusters.get(&entry.cluster) else { continue };
                let gateway = cluster.gateways.iter().find(|gateway| gateway.name == entry.gateway);
                if let Some(gateway) = gateway.filter(|gateway| !is_translated(cluster, gateway, entry)) {
                    findings.extend(judge(network, announced, cluster, gateway, entry));
                }
            }
        }
    }
}

/// Whether something outside stands between the peers and the Service: another address than the Service's, or a load
/// balancer by hand, which forwards from any port.
fn is_translated(cluster: &Cluster, gateway: &Gateway, entry: &EntryPoint) -> bool {
    gateway.spec.public_address.is_some()
        || entry.address != gateway.address
        || cluster.spec.load_balancer.effective_provider() == LoadBalancerProvider::Manual
}

fn judge(
    network: &Network,
    announced: bool,
    cluster: &Cluster,
    gateway: &Gateway,
    entry: &EntryPoint,
) -> Option<Finding> {
    let pinned = gateway.spec.service.node_ports.get("tls");
    match (gateway.spec.service.kind, pinned) {
        // With labels it is MW4010 that says so: peers dial what the Service says.
        (ServiceType::LoadBalancer, _) if announced && entry.port != gateway.tls_port() => {
            let place = gateways::field(cluster, gateway, "port");
            Some(mismatch(network, cluster, gateway, entry, ("its Service has", gateway.tls_port(), place)))
        }
        (ServiceType::NodePort, Some(pinned)) if entry.port != *pinned => {
            let place = gateways::field(cluster, gateway, "service.nodePorts.tls");
            Some(mismatch(network, cluster, gateway, entry, ("its NodePort is", *pinned, place)))
        }
        // With labels istiod reads the NodePort from the Service, whatever it is.
        (ServiceType::NodePort, None) if announced => Some(unpinned(network, cluster, gateway, entry)),
        _ => None,
    }
}

/// Where the dialled port is written: in the network, or with the gateway.
fn port_place(network: &Network, cluster: &Cluster, gateway: &Gateway, entry: &EntryPoint) -> Place {
    let declared = network.spec.gateways.iter().position(|declared| {
        declared.cluster == entry.cluster
            && declared.port.is_some()
            && declared.gateway.as_ref().is_none_or(|name| *name == entry.gateway)
    });
    match declared {
        Some(index) => network.written.place(FieldPath::parse("spec.gateways").index(index).key("port")),
        None => gateways::field(cluster, gateway, "port"),
    }
}

fn mismatch(
    network: &Network,
    cluster: &Cluster,
    gateway: &Gateway,
    entry: &EntryPoint,
    (what, answers, place): (&str, Port, Place),
) -> Finding {
    let message = format!(
        "peers dial gateway `{}` of cluster `{}` at port {}, but {what} {answers}",
        gateway.name, cluster.name, entry.port
    );
    RULE.at(port_place(network, cluster, gateway, entry), message)
        .cluster(&cluster.name)
        .found(entry.port)
        .declared(answers, place, format!("{what} {answers}"))
        .help(format!(
            "set `port: {answers}`, or, where something outside translates, declare its address as `publicAddress`"
        ))
}

fn unpinned(network: &Network, cluster: &Cluster, gateway: &Gateway, entry: &EntryPoint) -> Finding {
    let message = format!(
        "peers dial gateway `{}` of cluster `{}` at port {}, but its NodePort is any of 30000-32767: none is pinned",
        gateway.name, cluster.name, entry.port
    );
    let port = entry.port.number();
    let help = if (30000..=32767).contains(&port) {
        format!("pin it: `nodePorts: {{tls: {port}}}`")
    } else {
        "pin one, such as `nodePorts: {tls: 30443}`, and set `port` to it; or, where something outside translates, \
         declare its address as `publicAddress`"
            .to_owned()
    };
    RULE.at(gateways::field(cluster, gateway, "service.type"), message)
        .cluster(&cluster.name)
        .found(entry.port)
        .related(port_place(network, cluster, gateway, entry), format!("peers dial port {}", entry.port))
        .help(help)
}
