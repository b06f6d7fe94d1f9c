//! Ports to open: from where, to where, and why.

use std::collections::BTreeMap;

use meshwright_policies::address::{Address, Port};
use meshwright_policies::intent::{Advertise, Delivery, LoadBalancerProvider, ServiceType};
use meshwright_policies::mesh::{Cluster, EntryPoint, Mesh, Network};
use meshwright_policies::names::ClusterName;

use super::istiods::{exposed, readers};
use super::load_balancers::needs_a_hand;
use super::markdown::{Page, Table, code, some};
use super::words::is_large;
use crate::gateway_service::GatewayService;

/// One opening. What names single clusters has a second wording, which is the same for all clusters of its kind.
struct Opening {
    /// Destination: this one, any of its kind.
    to: (String, String),
    port: String,
    /// Source: these, any of their kind.
    from: (String, String),
    why: &'static str,
}

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Firewall");
    page.block(
        "TCP where nothing else is said. Whatever is not listed stays closed: nobody outside a cluster needs 15010 (XDS in \
         plain text), 15014 (istiod's metrics) or 15000 (Envoy's administration).",
    );
    let mut openings = Vec::new();
    for network in mesh.networks.values() {
        between_networks(mesh, network, &mut openings);
    }
    istiod(mesh, &mut openings);
    for cluster in mesh.clusters.values() {
        api_server(mesh, cluster, &mut openings);
        users(mesh, cluster, &mut openings);
        health(mesh, cluster, &mut openings);
        forwarding(mesh, cluster, &mut openings);
        metallb(cluster, &mut openings);
        agent(cluster, &mut openings);
    }
    page.table(&table(openings, is_large(mesh)));
    page.block(
        "Inside every cluster, the API server must reach istiod's webhook (pod port 15017) on the nodes; managed services \
         often block it.",
    );
    exposure(mesh, page);
}

fn table(openings: Vec<Opening>, large: bool) -> Table {
    let mut table = Table::new(["From", "To", "Port", "Why"]);
    if !large {
        for opening in openings {
            table.row([opening.from.0, opening.to.0, opening.port, opening.why.to_owned()]);
        }
        return table;
    }
    // In the order of first appearance, each kind once.
    let mut kinds: Vec<(String, String, String, &str)> = Vec::new();
    let mut counts: BTreeMap<(String, String, String, &str), usize> = BTreeMap::new();
    for opening in openings {
        let kind = (opening.from.1, opening.to.1, opening.port, opening.why);
        let count = counts.entry(kind.clone()).or_default();
        *count = count.saturating_add(1);
        if *count == 1 {
            kinds.push(kind);
        }
    }
    for kind in kinds {
        let count = counts.get(&kind).copied().unwrap_or_default();
        let (from, to, port, why) = kind;
        let to = if count > 1 { format!("{to} ({count})") } else { to };
        table.row([from, to, port, why.to_owned()]);
    }
    table
}

/// Names of clusters; nothing in a large mesh, where nobody would read them.
fn names<'a>(mesh: &Mesh, clusters: impl IntoIterator<Item = &'a Cluster>) -> String {
    if is_large(mesh) { String::new() } else { some(clusters.into_iter().map(|cluster| &cluster.name), 6) }
}

fn between_networks(mesh: &Mesh, network: &Network, openings: &mut Vec<Opening>) {
    for entry in &network.entries {
        let outside = |cluster: &&Cluster| cluster.network != network.id && !mesh.only_hosts(cluster);
        let usual = |cluster: &&Cluster| entry.seen_by(&cluster.name).is_none();
        let mut others = mesh.clusters.values().filter(outside).filter(usual).peekable();
        let why = "services of this network for workloads of other networks (mutual TLS by SNI)";
        let port = entry.port.to_string();
        if others.peek().is_some() {
            openings.push(Opening {
                to: (gateway(entry, None), "east-west gateways, as under Networks".into()),
                port: port.clone(),
                from: (
                    format!("nodes and pods of {}", names(mesh, others)),
                    "nodes and pods of every other network".into(),
                ),
                why,
            });
        }
        let mut observers: BTreeMap<String, Vec<&ClusterName>> = BTreeMap::new();
        for (name, _) in entry.observers() {
            if mesh.clusters.get(name).as_ref().is_some_and(outside) {
                observers.entry(gateway(entry, Some(name))).or_default().push(name);
            }
        }
        for (to, names) in observers {
            let from = format!("nodes and pods of {}", some(names, 6));
            openings.push(Opening {
                to: (to.clone(), to),
                port: port.clone(),
                from: (from.clone(), from),
                why,
            });
        }
    }
}

fn gateway(entry: &EntryPoint, observer: Option<&ClusterName>) -> String {
    let address = match observer {
        Some(observer) => entry.address_for(observer),
        None => entry.address.as_ref(),
    };
    let address = address.map(|address| format!(" {}", code(&address.to_string()))).unwrap_or_default();
    format!("{} east-west gateway{address}", code(entry.cluster.as_str()))
}

fn istiod(mesh: &Mesh, openings: &mut Vec<Opening>) {
    let exposed = exposed(mesh);
    let groups = exposed.iter().flat_map(|istiod| {
        istiod.dialled_by(mesh).into_iter().map(move |(address, clients)| (istiod, address, clients))
    });
    for (istiod, address, clients) in groups {
        let address = address.map(|a| format!(" {}", code(&a.to_string()))).unwrap_or_default();
        let (what, any) = if istiod.hosted {
            (format!("{} hosted istiod{address}", code(istiod.cluster.name.as_str())), "hosted istiod")
        } else {
            (format!("{} istiod{address}", code(istiod.cluster.name.as_str())), "istiod of each primary")
        };
        let clients = names(mesh, clients);
        openings.push(Opening {
            to: (what.clone(), any.to_owned()),
            port: Port::XDS.to_string(),
            from: (format!("nodes and pods of {clients}"), "nodes and pods of its clients".into()),
            why: "proxies fetch configuration and certificates (XDS, TLS)",
        });
        if !istiod.hosted {
            openings.push(Opening {
                to: (what, any.to_owned()),
                port: Port::WEBHOOK.to_string(),
                from: (format!("API servers of {clients}"), "API servers of its remotes".into()),
                why: "injection and validation webhooks of remote clusters",
            });
        }
    }
}

fn api_server(mesh: &Mesh, cluster: &Cluster, openings: &mut Vec<Opening>) {
    let declared = cluster.spec.remote_access.api_server.as_ref();
    let server = declared.or(cluster.spec.kubernetes.api_server.as_ref());
    let (to, port) = match server {
        Some(server) => (
            format!("{} API server {}", code(cluster.name.as_str()), code(&server.host.to_string())),
            server.port.to_string(),
        ),
        None => (format!("{} API server", code(cluster.name.as_str())), "6443 or 443".to_owned()),
    };
    let mut readers = readers(mesh, cluster).peekable();
    if readers.peek().is_some() {
        openings.push(Opening {
            to: (to.clone(), "API server of each cluster".into()),
            port: port.clone(),
            from: (format!("istiod of {}", names(mesh, readers)), "istiod of every other primary".into()),
            why: "istiod reads Services and endpoints",
        });
    }
    if let Some(hosted) = mesh.hosted() {
        let from = format!("Mspider in {}", code(hosted.mspider.global_cluster.as_str()));
        openings.push(Opening {
            to: (to, "API server of each cluster".into()),
            port,
            from: (from.clone(), from),
            why: "the platform installs components and keeps the cluster's state",
        });
    }
}

fn users(mesh: &Mesh, cluster: &Cluster, openings: &mut Vec<Opening>) {
    for service in GatewayService::all(mesh, cluster).filter(|service| service.gateway.is_shared()) {
        let extra = service.gateway.spec.extra_ports.iter().map(|port| port.port.to_string());
        let ports: Vec<String> = ["80".to_owned(), "443".to_owned()].into_iter().chain(extra).collect();
        let address =
            service.gateway.dialled().map(|a| format!(" {}", code(&a.to_string()))).unwrap_or_default();
        openings.push(Opening {
            to: (
                format!("{} shared gateway{address}", code(cluster.name.as_str())),
                "shared gateway of each cluster".into(),
            ),
            port: ports.join(", "),
            from: ("users".into(), "users".into()),
            why: "users' traffic, which the same gateway takes in; open what is in use",
        });
    }
    if let Some(ingress) = &cluster.spec.load_balancer.addresses.ingress
        && !cluster.gateways.iter().any(|gateway| gateway.address.as_ref() == Some(ingress))
    {
        openings.push(Opening {
            to: (
                format!("{} ingress gateway {}", code(cluster.name.as_str()), code(&ingress.to_string())),
                "ingress gateway of each cluster".into(),
            ),
            port: "80, 443".into(),
            from: ("users".into(), "users".into()),
            why: "users' traffic; open what is in use",
        });
    }
}

/// MetalLB asks nobody for health, so nothing outside needs the health port there. Others ask at the nodes.
fn health(mesh: &Mesh, cluster: &Cluster, openings: &mut Vec<Opening>) {
    let provider = cluster.spec.load_balancer.effective_provider();
    if !matches!(provider, LoadBalancerProvider::Cloud | LoadBalancerProvider::Manual) {
        return;
    }
    let balanced =
        |service: &GatewayService<'_>| service.gateway.spec.service.kind == ServiceType::LoadBalancer;
    for service in GatewayService::all(mesh, cluster).filter(balanced) {
        let ports = service.ports();
        let status = ports.iter().find(|port| port.port == u32::from(Port::STATUS));
        openings.push(Opening {
            to: (format!("{} nodes", code(cluster.name.as_str())), "nodes of each cluster".into()),
            port: match status.and_then(|port| port.node_port) {
                Some(pinned) => pinned.to_string(),
                None => format!(
                    "the NodePort that {} gets for {}",
                    code(service.gateway.name.as_str()),
                    Port::STATUS
                ),
            },
            from: ("its load balancer only".into(), "its load balancer only".into()),
            why: "health checks of the gateway; no user and no peer needs it",
        });
    }
}

/// An istiod at an address of the internet.
fn exposure(mesh: &Mesh, page: &mut Page) {
    let public =
        |address: &&Address| address.ip().is_some() && !address.is_private() && !address.is_local_only();
    let open: Vec<String> = exposed(mesh)
        .iter()
        .filter_map(|istiod| {
            let address = istiod.address.filter(public)?;
            Some(format!("{} in {}", code(&address.to_string()), code(istiod.cluster.name.as_str())))
        })
        .collect();
    if !open.is_empty() {
        page.block(&format!(
            "**istiod at a public address**: {}. It hands out configuration and signs certificates there. Prefer an internal \
             load balancer, which clusters on peered networks reach by a private address; where it has to be public, let in \
             only the addresses from which its clients leave their networks.",
            open.join(", ")
        ));
    }
}

/// A load balancer by hand forwards to NodePorts, which a cloud's own controller would have opened itself.
fn forwarding(mesh: &Mesh, cluster: &Cluster, openings: &mut Vec<Opening>) {
    for service in GatewayService::all(mesh, cluster).filter(|service| needs_a_hand(cluster, service)) {
        let pinned: Vec<String> =
            service.ports().iter().filter_map(|port| port.node_port).map(|p| p.to_string()).collect();
        let all = pinned.len() == service.ports().len();
        let port = if all { pinned.join(", ") } else { "the NodePorts (30000-32767)".to_owned() };
        openings.push(Opening {
            to: (format!("{} nodes", code(cluster.name.as_str())), "nodes of each cluster".into()),
            port,
            from: ("its load balancer only".into(), "its load balancer only".into()),
            why: "the load balancer made by hand forwards there",
        });
    }
}

/// MetalLB's own needs (metallb.io: Installation, Requirements).
fn metallb(cluster: &Cluster, openings: &mut Vec<Opening>) {
    let Some(metallb) = &cluster.spec.load_balancer.metallb else { return };
    let advertises = |how: Advertise| metallb.pools.iter().any(|pool| pool.advertise == how);
    let nodes = format!("{} nodes", code(cluster.name.as_str()));
    if advertises(Advertise::L2) {
        openings.push(Opening {
            to: (nodes.clone(), "nodes of each cluster with MetalLB".into()),
            port: "7946 TCP and UDP".into(),
            from: (nodes.clone(), "nodes of the same cluster".into()),
            why: "MetalLB's speakers agree which node announces an address",
        });
    }
    if advertises(Advertise::Bgp) {
        openings.push(Opening {
            to: ("its BGP peers".into(), "its BGP peers".into()),
            port: "179".into(),
            from: (nodes, "nodes of each cluster with MetalLB".into()),
            why: "MetalLB announces addresses",
        });
    }
}

fn agent(cluster: &Cluster, openings: &mut Vec<Opening>) {
    let from = match &cluster.delivery {
        Delivery::Argocd(_) => "Argo CD's cluster",
        Delivery::Flux(flux) if flux.kube_config_secret.is_some() => "the cluster that runs Flux",
        Delivery::Flux(_) | Delivery::None(_) => return,
    };
    let port = cluster.spec.kubernetes.api_server.as_ref().map(|server| server.port.to_string());
    openings.push(Opening {
        to: (format!("{} API server", code(cluster.name.as_str())), "API server of each cluster".into()),
        port: port.unwrap_or_else(|| "6443 or 443".into()),
        from: (from.into(), from.into()),
        why: "the GitOps agent applies what is rendered",
    });
}
