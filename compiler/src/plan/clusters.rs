//! The cluster table.

use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, Table, code, codes, some, text};
use super::words::{is_large, provider, role};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Clusters");
    if !is_large(mesh) {
        page.table(&table(mesh.clusters.values()));
        return;
    }
    for network in mesh.networks.values() {
        let table = table(mesh.members(&network.id));
        if table.len() == 0 {
            continue;
        }
        let (table, common) = table.hoist();
        page.heading(4, &format!("Network {}", text(network.id.as_str())));
        let shared: Vec<String> = common
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(head, value)| format!("{head}: {value}"))
            .collect();
        if !shared.is_empty() {
            page.block(&format!("All of them: {}.", shared.join("; ")));
        }
        page.table(&table);
    }
    page.block(&format!("Roles: {}.", roles(mesh)));
}

fn table<'a>(clusters: impl Iterator<Item = &'a Cluster>) -> Table {
    let mut table = Table::new([
        "Cluster",
        "Istio",
        "Distribution",
        "Kubernetes",
        "CNI",
        "Pod CIDRs",
        "Service CIDRs",
        "Nodes and locality",
        "API server",
        "Load balancers",
    ]);
    for cluster in clusters {
        let kubernetes = &cluster.spec.kubernetes;
        table.row([
            code(cluster.name.as_str()),
            istio(cluster),
            kubernetes.distribution.as_deref().map(text).unwrap_or_default(),
            kubernetes.version.as_ref().map(|version| text(version.as_str())).unwrap_or_default(),
            kubernetes.cni.map(|cni| cni.as_str().to_owned()).unwrap_or_default(),
            codes(&cluster.spec.pod_cidrs),
            codes(&cluster.spec.service_cidrs),
            localities(cluster),
            kubernetes.api_server.as_ref().map(|server| code(&server.to_string())).unwrap_or_default(),
            provider(cluster).to_owned(),
        ]);
    }
    table
}

/// The version, and the image tag where it is declared, which may be another one.
fn istio(cluster: &Cluster) -> String {
    let version = code(cluster.istio.version.as_str());
    match &cluster.istio.tag {
        Some(tag) => format!("{version}, images {}", code(tag)),
        None => version,
    }
}

fn localities(cluster: &Cluster) -> String {
    let fallback = cluster.spec.locality.as_ref();
    let nodes: Vec<String> = cluster
        .spec
        .nodes
        .iter()
        .map(|node| match node.locality.as_ref().or(fallback) {
            Some(locality) => format!("{} {}", text(node.name.as_str()), code(&locality.to_string())),
            None => text(node.name.as_str()),
        })
        .collect();
    match (nodes.is_empty(), fallback) {
        (false, _) => nodes.join("<br>"),
        (true, Some(locality)) => format!("all {}", code(&locality.to_string())),
        (true, None) => String::new(),
    }
}

fn roles(mesh: &Mesh) -> String {
    let mut by_role: std::collections::BTreeMap<String, Vec<&str>> = std::collections::BTreeMap::new();
    for cluster in mesh.clusters.values() {
        by_role.entry(role(mesh, cluster)).or_default().push(cluster.name.as_str());
    }
    by_role
        .into_iter()
        .map(|(role, names)| format!("{role}: {}", some(names, 6)))
        .collect::<Vec<_>>()
        .join("; ")
}
