//! Which Kubernetes and which tools go with which Istio.

use std::collections::BTreeMap;

use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::support;
use meshwright_policies::version::{Minor, Version};

use super::markdown::{Page, Table, code, some, text};
use super::words::is_large;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Versions");
    let mut by_release: BTreeMap<Minor, Vec<&Cluster>> = BTreeMap::new();
    for cluster in mesh.clusters.values() {
        by_release.entry(cluster.istio.version.minor()).or_default().push(cluster);
    }
    let mut table = Table::new([
        "Istio",
        "Kubernetes announced",
        "Gateway API it is built against",
        "Clusters in",
        "Clusters out",
    ]);
    for (minor, clusters) in &by_release {
        table.row(release(*minor, clusters));
    }
    page.table(&table);
    tools(mesh, page);
}

fn release(minor: Minor, clusters: &[&Cluster]) -> [String; 5] {
    let listed = |clusters: Vec<&&Cluster>| {
        let one = |cluster: &&&Cluster| {
            let kubernetes = cluster.spec.kubernetes.version.as_ref();
            let version = kubernetes.map_or("version not declared".to_owned(), |v| v.as_str().to_owned());
            format!("{} ({version})", cluster.name)
        };
        some(clusters.iter().map(one), 6)
    };
    let Some(release) = support::of(minor) else {
        return [
            minor.to_string(),
            "unknown".to_owned(),
            "unknown".to_owned(),
            String::new(),
            listed(clusters.iter().collect()),
        ];
    };
    let (first, last) = release.announced;
    let fits = |cluster: &&&Cluster| {
        let kubernetes = cluster.spec.kubernetes.version.as_ref();
        kubernetes.is_some_and(|version| (first..=last).contains(&version.minor()))
    };
    let (inside, outside): (Vec<&&Cluster>, Vec<&&Cluster>) = clusters.iter().partition(fits);
    [
        minor.to_string(),
        format!("{first} to {last}"),
        release.gateway_api.to_string(),
        listed(inside),
        listed(outside),
    ]
}

/// Tools with what is known about their fit: kubectl supports one minor version either way of an API server
/// (kubernetes.io: Version Skew Policy).
fn tools(mesh: &Mesh, page: &mut Page) {
    let tools = &mesh.spec.tools;
    let mut table = Table::new(["Tool", "Version", "Note"]);
    let mut row = |tool: &str, version: &Option<Version>, note: String| {
        if let Some(version) = version {
            table.row([tool.to_owned(), text(version.as_str()), note]);
        }
    };
    let kubectl = tools.kubectl.as_ref().map(|version| kubectl_note(mesh, version)).unwrap_or_default();
    row("kubectl", &tools.kubectl, kubectl);
    let strict = tools.helm.as_ref().is_some_and(support::helm_is_strict);
    let helm = if strict { "reads chart schemas by the letter" } else { "" };
    row("Helm", &tools.helm, helm.to_owned());
    let istioctl = "same release line as istiod";
    row("istioctl", &tools.istioctl, istioctl.to_owned());
    row("step", &tools.step, String::new());
    page.table(&table);
    gateway_api(mesh, page);
}

fn kubectl_note(mesh: &Mesh, kubectl: &Version) -> String {
    let far = |cluster: &&Cluster| {
        let version = cluster.spec.kubernetes.version.as_ref().map(Version::minor);
        version.is_some_and(|Minor(_, minor)| minor.abs_diff(kubectl.minor().1) > 1)
    };
    let far: Vec<_> = mesh.clusters.values().filter(far).map(|cluster| &cluster.name).collect();
    if far.is_empty() {
        "within one minor version of every API server".to_owned()
    } else {
        format!("more than one minor version away from {}", some(far, 6))
    }
}

fn gateway_api(mesh: &Mesh, page: &mut Page) {
    let declared: Vec<_> = mesh
        .clusters
        .values()
        .filter_map(|cluster| Some((cluster, cluster.spec.gateway_api.as_ref()?)))
        .collect();
    if declared.is_empty() {
        return;
    }
    page.block(
        "The CRDs of the Gateway API belong to the cluster, not to the mesh: installed before, kept after.",
    );
    if is_large(mesh) {
        let mut by_version: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, api) in &declared {
            let count = by_version.entry(api.version.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        page.list(by_version.iter().map(|(version, count)| format!("{} in {count} clusters", code(version))));
    } else {
        page.list(declared.iter().map(|(cluster, api)| {
            format!("{}: {}", code(cluster.name.as_str()), code(api.version.as_str()))
        }));
    }
}
