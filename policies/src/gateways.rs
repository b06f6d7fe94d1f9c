//! What several policies ask about east-west gateways: all of them, where a field is written, the ports of the Service.

use std::collections::BTreeSet;

use crate::address::Port;
use crate::finding::Place;
use crate::intent::ServiceType;
use crate::mesh::{Cluster, Gateway, Mesh, Role};
use crate::names::ClusterName;
use crate::node::{FieldPath, Step};

/// A port that the gateway has without `extraPorts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPort {
    /// Its name.
    pub name: &'static str,
    /// The Service's port.
    pub port: Port,
}

/// The names and numbers of Istio's own guide (istio/istio@1.30: `samples/multicluster/gen-eastwest-gateway.sh`,
/// `manifests/profiles/default.yaml`): the health port first, users' ports on a shared gateway, and istiod's ports where it is
/// exposed to remote clusters.
#[must_use]
pub fn own_ports(gateway: &Gateway, exposes_istiod: bool) -> Vec<OwnPort> {
    let own = |name, port| OwnPort { name, port };
    let mut ports = vec![own("status-port", Port::STATUS)];
    if gateway.is_shared() {
        ports.extend([own("http2", Port::known::<80>()), own("https", Port::known::<443>())]);
    }
    let plain =
        gateway.spec.service.kind == ServiceType::LoadBalancer && gateway.spec.public_address.is_none();
    ports.push(own("tls", if plain { gateway.spec.port } else { Port::MTLS }));
    if exposes_istiod {
        ports.extend([own("tls-istiod", Port::XDS), own("tls-webhook", Port::WEBHOOK)]);
    }
    ports
}

/// The clusters whose istiod remote clusters reach through a gateway.
#[must_use]
pub fn serving_remotes(mesh: &Mesh) -> BTreeSet<&ClusterName> {
    mesh.clusters
        .values()
        .filter_map(|cluster| match &cluster.role {
            Role::Remote { primary } => primary.as_ref(),
            _ => None,
        })
        .collect()
}

/// Every gateway with its cluster, by cluster name.
pub fn each(mesh: &Mesh) -> impl Iterator<Item = (&Cluster, &Gateway)> {
    mesh.clusters.values().flat_map(|cluster| cluster.gateways.iter().map(move |gateway| (cluster, gateway)))
}

/// Where a field of the gateway is written, such as `service.type`; where the need for the gateway is, when nobody
/// declared it.
#[must_use]
pub fn field(cluster: &Cluster, gateway: &Gateway, field: &str) -> Place {
    under(cluster, gateway, FieldPath::parse(field))
}

/// [`field`], for a path with keys that have dots.
#[must_use]
pub fn under(cluster: &Cluster, gateway: &Gateway, field: FieldPath) -> Place {
    match gateway.place.path.0.last() {
        Some(Step::Index(_)) => cluster.written.place(field.under(&gateway.place.path)),
        _ => gateway.place.clone(),
    }
}
