//! Facts about a mesh in the words of the plan, which several sections use.

use meshwright_policies::address::Address;
use meshwright_policies::intent::{ControlPlane, Delivery, GatewayDiscovery, LoadBalancerProvider};
use meshwright_policies::mesh::{Cluster, Mesh, Network, Role};

use super::markdown::code;
use crate::shell;

/// More clusters than this, and the plan speaks of networks and kinds instead of single clusters.
pub(super) const MANY: usize = 40;

/// Whether the plan speaks of networks and kinds.
pub(super) fn is_large(mesh: &Mesh) -> bool {
    mesh.clusters.len() > MANY
}

/// The cluster that carries the hosted control plane, when it is declared.
pub(super) fn host(mesh: &Mesh) -> Option<&Cluster> {
    mesh.hosted().and_then(|hosted| mesh.clusters.get(&hosted.cluster))
}

/// The control plane's shape.
pub(super) fn shape(mesh: &Mesh) -> &'static str {
    match &mesh.spec.control_plane {
        ControlPlane::MultiPrimary(_) => "multi-primary",
        ControlPlane::PrimaryRemote(_) => "primary-remote",
        ControlPlane::Hosted(_) => "hosted (Mspider)",
    }
}

/// A cluster's part in it.
pub(super) fn role(mesh: &Mesh, cluster: &Cluster) -> String {
    match &cluster.role {
        Role::Primary => match mesh.remotes_of(&cluster.name).count() {
            0 => mesh.part_of(cluster),
            1 => "primary of 1 remote".to_owned(),
            count => format!("primary of {count} remotes"),
        },
        Role::Remote { primary: Some(primary) } => format!("remote of {}", code(primary.as_str())),
        _ => mesh.part_of(cluster),
    }
}

/// Who delivers.
pub(super) fn delivery(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Flux(_) => "Flux",
        Delivery::Argocd(_) => "Argo CD",
        Delivery::None(_) => "none (kubectl)",
    }
}

/// Where gateways are found.
pub(super) fn discovery(mesh: &Mesh, network: &Network) -> &'static str {
    match mesh.gateway_discovery(network) {
        GatewayDiscovery::MeshNetworks => "meshNetworks",
        GatewayDiscovery::Labels => "Service label",
    }
}

/// Who gives addresses.
pub(super) fn provider(cluster: &Cluster) -> &'static str {
    match cluster.spec.load_balancer.effective_provider() {
        LoadBalancerProvider::Metallb => "metallb",
        LoadBalancerProvider::Cloud => "cloud",
        LoadBalancerProvider::Manual => "manual",
        LoadBalancerProvider::None => "none",
    }
}

/// The kubeconfig context of a cluster as a word of a command.
pub(super) fn context(cluster: &Cluster) -> String {
    shell::word(cluster.spec.context.as_deref().unwrap_or(cluster.name.as_str()))
}

/// An address with a port: `10.0.0.1:15443`, `[::1]:15443`.
pub(super) fn endpoint(address: &Address, port: impl std::fmt::Display) -> String {
    match address {
        Address::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        Address::Ip(_) | Address::Name(_) => format!("{address}:{port}"),
    }
}

/// `1 cluster`, `2 clusters`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
