//! Changes that are being rolled out: what is accepted beside the present values, and until when.

use meshwright_policies::address::Address;
use meshwright_policies::intent::PreviousGateway;
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::names::ObjectName;

use super::markdown::{Page, Table, code, text};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    let mut table = Table::new(["Cluster", "What", "Accepted too", "Now"]);
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
    all.retain(|(_, before, now)| now.as_ref() != Some(before));
    all
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
    for (observer, address) in &before.address_from {
        let now = shown(entry.and_then(|entry| entry.address_for(observer)));
        let what = format!("address that {} dials for {name}", code(observer.as_str()));
        all.push((what, address.to_string(), now));
    }
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
