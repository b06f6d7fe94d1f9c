//! Load balancers that a person has to make, because nothing in the cluster can.

use meshwright_policies::intent::{Advertise, LoadBalancerProvider, ServiceType};
use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, Table, code, text};
use super::words::context;
use crate::gateway_service::{GatewayService, ServicePort};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    let by_hand: Vec<(&Cluster, GatewayService<'_>)> = mesh
        .clusters
        .values()
        .flat_map(|cluster| GatewayService::all(mesh, cluster).map(move |service| (cluster, service)))
        .filter(|(cluster, service)| needs_a_hand(cluster, service))
        .collect();
    if by_hand.is_empty() {
        return;
    }
    page.heading(3, "Load balancers by hand");
    page.block(
        "One forwarding rule per port, all on one address. Nodes that join or leave the cluster join or leave the load \
         balancer; a NodePort that is not pinned may change when its Service is made anew, and the rule then forwards into \
         nothing.",
    );
    for (cluster, service) in by_hand {
        by_hand_steps(cluster, &service, page);
    }
}

/// Whether what stands before the gateway is made by a person.
pub(super) fn needs_a_hand(cluster: &Cluster, service: &GatewayService<'_>) -> bool {
    let balancer = &cluster.spec.load_balancer;
    let kind = service.gateway.spec.service.kind;
    let status_only = balancer.metallb.iter().flat_map(|metallb| &metallb.pools).any(|pool| {
        let ip = service.gateway.address.as_ref().and_then(|address| address.ip());
        pool.advertise == Advertise::StatusOnly
            && ip.is_some_and(|ip| pool.addresses.iter().any(|range| range.contains(ip)))
    });
    kind != ServiceType::ClusterIP
        && (balancer.effective_provider() == LoadBalancerProvider::Manual
            || status_only
            || service.gateway.spec.public_address.is_some())
}

fn by_hand_steps(cluster: &Cluster, service: &GatewayService<'_>, page: &mut Page) {
    let gateway = service.gateway;
    let (name, namespace) = (gateway.name.as_str(), cluster.system_namespace());
    page.heading(4, &format!("{} in {}", text(name), text(cluster.name.as_str())));
    let ports = service.ports();
    let outside = u32::from(gateway.spec.port);
    let translated =
        gateway.spec.public_address.is_some() || gateway.spec.service.kind == ServiceType::NodePort;
    let mut table = Table::new([
        "No",
        "Service port",
        "Name",
        "NodePort",
        "Load balancer port",
        "Protocol",
        "Health check",
        "Address",
    ]);
    for (index, port) in ports.iter().enumerate() {
        let outer = if port.name == "tls" && translated { outside } else { port.port };
        table.row([
            index.saturating_add(1).to_string(),
            port.port.to_string(),
            code(&port.name),
            port.node_port
                .map_or_else(|| "read it from the Service".to_owned(), |port| format!("{port} (pinned)")),
            outer.to_string(),
            "TCP".to_owned(),
            "TCP, to the NodePort".to_owned(),
            if index == 0 { address(service) } else { "the same".to_owned() },
        ]);
    }
    page.table(&table);
    if ports.iter().any(|port| port.node_port.is_none()) {
        page.code("sh", &read_node_ports(cluster, name, namespace.as_str()));
    }
    page.steps(steps(cluster, service, &ports));
}

fn address(service: &GatewayService<'_>) -> String {
    match service.gateway.dialled() {
        Some(address) => code(&address.to_string()),
        None => "a new one; declare it then".to_owned(),
    }
}

fn read_node_ports(cluster: &Cluster, name: &str, namespace: &str) -> String {
    format!(
        "kubectl --context={} -n {namespace} get service {name} \\\n  -o jsonpath='{{range .spec.ports[*]}}{{.name}} {{.port}} -> {{.nodePort}}{{\"\\n\"}}{{end}}'",
        context(cluster)
    )
}

fn steps(cluster: &Cluster, service: &GatewayService<'_>, ports: &[ServicePort]) -> Vec<String> {
    let gateway = service.gateway;
    let mut steps = vec![
        "Make the load balancer in the network zone and the subnet (\"tier\") of the cluster's nodes, round robin.".to_owned(),
        format!("Make the {} forwarding rules of the table; attach every node of the cluster to each.", ports.len()),
    ];
    match (&gateway.spec.public_address, &gateway.address) {
        (Some(public), Some(private)) if public != private => steps.push(format!(
            "Reserve the public address {} and map it to the load balancer's {} by static NAT.",
            code(&public.to_string()),
            code(&private.to_string())
        )),
        (Some(address), _) | (None, Some(address)) => steps.push(format!(
            "Reserve the address {} and map it to the load balancer (static NAT, where the provider has it).",
            code(&address.to_string())
        )),
        (None, None) => steps.push(
            "Reserve an address, map it to the load balancer, and declare it as the gateway's `publicAddress`.".to_owned(),
        ),
    }
    steps.push("Open the ports named under Firewall on that address, and nothing else.".to_owned());
    if cluster.spec.load_balancer.metallb.is_some() {
        steps.push(
            "MetalLB writes the declared address into the Service's status; it need not announce it."
                .to_owned(),
        );
    }
    steps
}
