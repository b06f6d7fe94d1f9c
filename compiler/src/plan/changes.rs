//! Changes that are being rolled out: what is accepted beside the present values, and until when.

use meshwright_policies::address::Address;
use meshwright_policies::intent::{
    AddressPool, Advertise, CertificateAuthority, GatewayLayout, NetworkView, PreviousGateway, PreviousMesh,
};
use meshwright_policies::mesh::{Cluster, Gateway, Mesh};
use meshwright_policies::names::ObjectName;

use super::markdown::{Page, Table, code, text};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    let mut table = Table::new(["Cluster", "What", "Accepted too", "Now"]);
    for (what, before, now) in of_mesh(mesh) {
        table.row(["all".to_owned(), what, code(&before), code(&now)]);
    }
    for cluster in mesh.clusters.values() {
        for (what, before, now) in changes(mesh, cluster) {
            let now = now.map(|now| code(&now)).unwrap_or_default();
            table.row([text(cluster.name.as_str()), what, code(&before), now]);
        }
    }
    if table.len() == 0 {
        return;
    }
    page.heading(3, "Changes being rolled out");
    page.block(
        "Objects may say either value until `previous` is taken out of the intent: when every object says the present one, and \
         nobody dials the other any more. The declaration has to be in force in a cluster before its objects change; what \
         delivers does it in that order.",
    );
    page.table(&table);
}

/// What changes, in Markdown; the value before, and the value now.
type Change = (String, String, Option<String>);

/// What changes in every cluster; the value before, and the value now.
fn of_mesh(mesh: &Mesh) -> impl Iterator<Item = (String, String, String)> {
    let previous = mesh.spec.previous.clone().unwrap_or_default();
    let id = previous.mesh_id.map(|before| ("mesh ID", before.to_string(), mesh.id.to_string()));
    let domain = previous
        .trust_domain
        .map(|before| ("trust domain", before.to_string(), mesh.spec.trust_domain.to_string()));
    let root = previous.root_certificate_sha256.is_some().then(|| {
        let now = mesh.spec.ca.as_ref().and_then(CertificateAuthority::fingerprint);
        let before = mesh.spec.previous.as_ref().and_then(PreviousMesh::fingerprint);
        ("root certificate (SHA-256)", before.unwrap_or_default(), now.unwrap_or_default())
    });
    let all = id.into_iter().chain(domain).chain(root).filter(|(_, before, now)| before != now);
    all.map(|(what, before, now)| (what.to_owned(), before, now))
}

fn changes(mesh: &Mesh, cluster: &Cluster) -> Vec<Change> {
    let Some(previous) = &cluster.spec.previous else { return Vec::new() };
    let mut all: Vec<Change> = Vec::new();
    if let Some(before) = &previous.network {
        all.push(("network ID".to_owned(), before.to_string(), Some(cluster.network.to_string())));
    }
    if let Some(before) = &previous.cluster_id {
        all.push(("cluster ID".to_owned(), before.to_string(), Some(cluster.id.to_string())));
    }
    for before in &previous.gateways {
        all.extend(of_gateway(mesh, cluster, before));
    }
    if let Some(before) = &previous.control_plane_address {
        let now = mesh.control_plane_address(cluster).map(ToString::to_string);
        all.push(("address of istiod".to_owned(), before.to_string(), now));
    }
    if let Some(before) = &previous.ingress_address {
        let now = cluster.spec.load_balancer.addresses.ingress.as_ref().map(ToString::to_string);
        all.push(("address of the ingress gateway".to_owned(), before.to_string(), now));
    }
    for before in &previous.pools {
        all.extend(of_pool(cluster, before));
    }
    if let Some(before) = &previous.api_server {
        let own = &cluster.spec;
        let now = own.remote_access.api_server.as_ref().or(own.kubernetes.api_server.as_ref());
        all.push(("API server".to_owned(), before.to_string(), now.map(ToString::to_string)));
    }
    all.retain(|(_, before, now)| now.as_ref() != Some(before));
    all
}

fn of_pool(cluster: &Cluster, before: &AddressPool) -> Vec<Change> {
    let mut pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
    let now = pools.find(|pool| pool.name == before.name);
    let addresses =
        |pool: &AddressPool| pool.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let announced = |pool: &AddressPool| match (pool.advertise, pool.interfaces.as_slice()) {
        (Advertise::L2, []) => "by layer 2".to_owned(),
        (Advertise::L2, interfaces) => format!("by layer 2 on {}", interfaces.join(", ")),
        (Advertise::Bgp, _) => "by BGP".to_owned(),
        (Advertise::StatusOnly, _) => "not at all".to_owned(),
    };
    let auto_assign = |pool: &AddressPool| pool.auto_assign.to_string();
    let name = code(before.name.as_str());
    let changed =
        |what: String, value: &dyn Fn(&AddressPool) -> String| (what, value(before), now.map(value));
    vec![
        changed(format!("addresses of pool {name}"), &addresses),
        changed(format!("announcement of pool {name}"), &announced),
        changed(format!("`autoAssign` of pool {name}"), &auto_assign),
    ]
}

fn of_gateway(mesh: &Mesh, cluster: &Cluster, before: &PreviousGateway) -> Vec<Change> {
    let named = |name: &ObjectName| cluster.gateways.iter().find(|gateway| gateway.name == *name);
    let Some(gateway) = before.gateway.as_ref().map_or(cluster.gateways.first(), named) else {
        return Vec::new();
    };
    let shown = |address: Option<&Address>| address.map(ToString::to_string);
    let entries = mesh.networks.get(&cluster.network).into_iter().flat_map(|network| &network.entries);
    let entry = entries.into_iter().find(|e| e.cluster == cluster.name && e.gateway == gateway.name);
    let dialled = entry.and_then(|entry| entry.address.as_ref());
    let (name, mut all) = (code(gateway.name.as_str()), Vec::new());
    if let Some(address) = &before.address {
        let now = shown(gateway.address.as_ref().or(dialled));
        all.push((format!("address of {name}"), address.to_string(), now));
    }
    if let Some(address) = &before.public_address {
        all.push((format!("address that peers dial for {name}"), address.to_string(), shown(dialled)));
    }
    if let Some(port) = before.port {
        let now = entry.map(|entry| entry.port.to_string());
        all.push((format!("port that peers dial for {name}"), port.to_string(), now));
    }
    all.extend(of_service(cluster, gateway, before));
    for (observer, address) in &before.address_from {
        let now = shown(entry.and_then(|entry| entry.address_for(observer)));
        let what = format!("address that {} dials for {name}", code(observer.as_str()));
        all.push((what, address.to_string(), now));
    }
    all
}

/// What else its objects say.
fn of_service(cluster: &Cluster, gateway: &Gateway, before: &PreviousGateway) -> Vec<Change> {
    let (name, now) = (code(gateway.name.as_str()), &gateway.spec);
    let mut all: Vec<Change> = Vec::new();
    let mut add = |what: &str, before: Option<String>, now: Option<String>| {
        all.extend(before.map(|before| (format!("{what} of {name}"), before, now)));
    };
    let service = &before.service;
    let kind = service.kind.map(|kind| kind.as_str().to_owned());
    add("type of the Service", kind, Some(now.service.kind.as_str().to_owned()));
    let policy = service.external_traffic_policy.map(|policy| policy.as_str().to_owned());
    let policy_now = now.service.external_traffic_policy.map(|policy| policy.as_str().to_owned());
    add("`externalTrafficPolicy`", policy, policy_now);
    for (port, before) in &service.node_ports {
        let now = now.service.node_ports.get(port).map(ToString::to_string);
        add(&format!("node port {}", code(port)), Some(before.to_string()), now);
    }
    let layout = |layout: GatewayLayout| match layout {
        GatewayLayout::Dedicated => "dedicated".to_owned(),
        GatewayLayout::Shared => "shared".to_owned(),
    };
    add("layout", before.layout.map(layout), Some(layout(now.layout)));
    let view = |view: NetworkView| match view {
        NetworkView::Own => "own".to_owned(),
        NetworkView::All => "all".to_owned(),
    };
    add("networks in view", before.network_view.map(view), Some(view(now.network_view)));
    let then = Gateway { spec: before.laid_over(now), ..gateway.clone() };
    let ports = |gateway: &Gateway| {
        let ports = gateway.service_ports(cluster.istio.install, false);
        ports.iter().map(|port| port.port.to_string()).collect::<Vec<_>>().join(", ")
    };
    add("ports of the Service", Some(ports(&then)), Some(ports(gateway)));
    all
}

#[cfg(test)]
mod tests {
    use crate::compile::load_text;

    #[test]
    fn a_transition_is_shown_with_both_values() {
        let intent = |previous: &str| {
            format!(
                r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: demo}}
spec: {{istio: {{version: "1.30.1"}}, controlPlane: {{multiPrimary: {{}}}}, gatewayDiscovery: meshNetworks}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: net-east}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: net-west}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: east}}
spec: {{network: net-east, eastWestGateways: [{{address: 10.1.0.11}}], {previous} kubernetes: {{apiServer: "https://10.1.0.1:6443"}}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: west}}
spec: {{network: net-west, eastWestGateways: [{{address: 10.2.0.11}}], kubernetes: {{apiServer: "https://10.2.0.1:6443"}}}}
"#
            )
        };
        let plan = |previous: &str| crate::plan::plan(&load_text(&intent(previous)).fleet);
        assert!(!plan("").contains("Changes being rolled out"));
        let rows = |previous: &str| -> String {
            let plan = plan(previous);
            let section = plan.split_once("### Changes being rolled out").unwrap().1;
            section.lines().filter(|line| line.starts_with("| east")).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(rows(
            "previous: {ingressAddress: 10.1.0.9, apiServer: \"https://10.1.0.8:6443\", gateways: [{layout: shared, \
             service: {type: NodePort, externalTrafficPolicy: Local, nodePorts: {tls: 30443}}, networkView: all}], \
             pools: [{name: web, addresses: [10.1.0.32/28], interfaces: [eth1]}]},"
        ), @r"
        | east | type of the Service of `istio-eastwestgateway` | `NodePort` | `LoadBalancer` |
        | east | `externalTrafficPolicy` of `istio-eastwestgateway` | `Local` | - |
        | east | node port `tls` of `istio-eastwestgateway` | `30443` | - |
        | east | layout of `istio-eastwestgateway` | `shared` | `dedicated` |
        | east | networks in view of `istio-eastwestgateway` | `all` | `own` |
        | east | ports of the Service of `istio-eastwestgateway` | `15021, 80, 443, 15443` | `15021, 15443` |
        | east | address of the ingress gateway | `10.1.0.9` | - |
        | east | addresses of pool `web` | `10.1.0.32/28` | - |
        | east | announcement of pool `web` | `by layer 2 on eth1` | - |
        | east | `autoAssign` of pool `web` | `false` | - |
        | east | API server | `https://10.1.0.8:6443` | `https://10.1.0.1:6443` |
        ");
        let changing = plan(
            "previous: {network: net-old, gateways: [{address: 10.1.0.10, port: 30443}, {address: 10.1.0.11}]},",
        );
        let (_, section) = changing.split_once("### Changes being rolled out").unwrap();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| east")).take(3).collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        | east | network ID | `net-old` | `net-east` |
        | east | address of `istio-eastwestgateway` | `10.1.0.10` | `10.1.0.11` |
        | east | port that peers dial for `istio-eastwestgateway` | `30443` | `15443` |
        ");
    }
}
