//! The mesh table.

use std::collections::BTreeMap;

use meshwright_policies::intent::{AppliedBy, CaProvider, ControlPlane, InstallMethod};
use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, Table, code, codes, some, text};
use super::words::{count, delivery, shape};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Mesh");
    let mut table = Table::new(["Item", "Value"]);
    let mut row = |item: &str, value: String| table.row([item.to_owned(), value]);
    row("Mesh ID", code(mesh.id.as_str()));
    row("Control plane", shape(mesh).to_owned());
    row("Network mode", network_mode(mesh));
    row("Istio", spread(mesh, |cluster| code(cluster.istio.version.as_str())));
    row(
        "Revision",
        spread(mesh, |cluster| match &cluster.istio.revision {
            Some(revision) => code(revision.as_str()),
            None => "default".to_owned(),
        }),
    );
    row(
        "Images",
        spread(mesh, |cluster| match &cluster.istio.hub {
            Some(hub) => code(hub),
            None => "the charts' own registry".to_owned(),
        }),
    );
    row("Installed by", spread(mesh, install));
    for (item, value) in control_plane(mesh) {
        row(item, value);
    }
    row("Clusters", format!("{}: {}", mesh.clusters.len(), some(mesh.clusters.keys(), 12)));
    row("Trust domain", code(mesh.spec.trust_domain.as_str()));
    if !mesh.spec.trust_domain_aliases.is_empty() {
        row("Trust domain aliases", codes(&mesh.spec.trust_domain_aliases));
    }
    row("Cluster domain", code(mesh.spec.cluster_domain.as_str()));
    row("System namespace", spread(mesh, |cluster| code(cluster.system_namespace().as_str())));
    row("Certificate authority", authority(mesh));
    row("Istio's guide", guide(mesh));
    row("Delivery", spread(mesh, |cluster| delivery(&cluster.delivery).to_owned()));
    page.table(&table);
}

fn network_mode(mesh: &Mesh) -> String {
    if mesh.is_multi_network() {
        let networks = count(mesh.networks.len(), "network");
        format!("multi-network: {networks}, entered through east-west gateways only")
    } else {
        "single network: pods reach each other directly, no gateway between clusters".to_owned()
    }
}

/// A value that clusters may have each for themselves: the value, or each value with the clusters that have it.
fn spread(mesh: &Mesh, value: impl Fn(&Cluster) -> String) -> String {
    let mut clusters: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for cluster in mesh.clusters.values() {
        clusters.entry(value(cluster)).or_default().push(cluster.name.as_str());
    }
    match clusters.len() {
        0 => String::new(),
        1 => clusters.into_keys().collect(),
        _ => clusters
            .into_iter()
            .map(|(value, names)| format!("{value} ({})", some(names, 6)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn install(cluster: &Cluster) -> String {
    match (cluster.istio.install, cluster.istio.applied_by) {
        (InstallMethod::IstioOperator, AppliedBy::Operator) => {
            "IstioOperator, read by an operator in the cluster".to_owned()
        }
        (InstallMethod::IstioOperator, AppliedBy::Istioctl) => {
            "IstioOperator, read by `istioctl install`".to_owned()
        }
        (method, _) => method.as_str().to_owned(),
    }
}

fn control_plane(mesh: &Mesh) -> Vec<(&'static str, String)> {
    match &mesh.spec.control_plane {
        ControlPlane::MultiPrimary(_) => Vec::new(),
        ControlPlane::PrimaryRemote(shape) => vec![("Primaries", codes(&shape.primaries))],
        ControlPlane::Hosted(hosted) => vec![
            ("Hosting cluster", code(hosted.cluster.as_str())),
            ("Hosted API server", code(&format!("{}-hosted-apiserver", mesh.name))),
            ("Management cluster", code(hosted.mspider.global_cluster.as_str())),
        ],
    }
}

/// The page of Istio's documentation that the shape follows.
fn guide(mesh: &Mesh) -> String {
    let shape = match &mesh.spec.control_plane {
        ControlPlane::MultiPrimary(_) => "multi-primary",
        ControlPlane::PrimaryRemote(_) => "primary-remote",
        ControlPlane::Hosted(_) => return "none: the platform's".to_owned(),
    };
    let page = if mesh.is_multi_network() { format!("{shape}_multi-network") } else { shape.to_owned() };
    format!("<https://istio.io/latest/docs/setup/install/multicluster/{page}/>")
}

fn authority(mesh: &Mesh) -> String {
    let Some(ca) = &mesh.spec.ca else {
        return if mesh.hosted().is_some() {
            "the platform's".to_owned()
        } else {
            "not declared: the Secret `cacerts` of every istiod must come from one root".to_owned()
        };
    };
    let provider = match ca.provider {
        CaProvider::CertManager => "cert-manager in each cluster",
        CaProvider::Offline => "made outside the clusters",
        CaProvider::Platform => "the platform's",
    };
    match &ca.root_certificate_sha256 {
        Some(digest) => format!("{provider}; root SHA-256 {}", text(digest)),
        None => provider.to_owned(),
    }
}
