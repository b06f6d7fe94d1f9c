//! Who runs istiod for whom, and who reads whose API server.

use meshwright_policies::address::Address;
use meshwright_policies::intent::ControlPlane;
use meshwright_policies::mesh::{Cluster, Mesh, Role};

use super::words::host;

/// Where the clusters that have no istiod of their own reach one.
pub(super) struct ExposedIstiod<'a> {
    /// The cluster that runs it.
    pub(super) cluster: &'a Cluster,
    /// Its address, when planned.
    pub(super) address: Option<&'a Address>,
    /// Who fetches configuration there.
    pub(super) clients: Vec<&'a Cluster>,
    /// Whether it is Mspider's hosted one, which does not inject into other clusters.
    pub(super) hosted: bool,
}

impl<'a> ExposedIstiod<'a> {
    /// Its clients by the address that they dial, which `addressFrom` may make another one for some.
    pub(super) fn dialled_by(&self, mesh: &'a Mesh) -> Vec<(Option<&'a Address>, Vec<&'a Cluster>)> {
        let mut groups: Vec<(Option<&Address>, Vec<&Cluster>)> = Vec::new();
        for client in &self.clients {
            let address = mesh.control_plane_address(client).or(self.address);
            match groups.iter_mut().find(|(known, _)| *known == address) {
                Some((_, clients)) => clients.push(client),
                None => groups.push((address, vec![client])),
            }
        }
        groups
    }
}

/// Every istiod that serves clusters beside its own.
pub(super) fn exposed(mesh: &Mesh) -> Vec<ExposedIstiod<'_>> {
    if let Some(cluster) = host(mesh) {
        let clients = mesh
            .clusters
            .values()
            .filter(|client| client.role == Role::HostedWorker && !mesh.only_hosts(client))
            .collect();
        let address = cluster.spec.load_balancer.addresses.control_plane.as_ref();
        return vec![ExposedIstiod { cluster, address, clients, hosted: true }];
    }
    if matches!(mesh.spec.control_plane, ControlPlane::MultiPrimary(_)) {
        return Vec::new();
    }
    let exposed = |cluster| -> Option<ExposedIstiod<'_>> {
        let cluster: &Cluster = cluster;
        let clients: Vec<_> = mesh.remotes_of(&cluster.name).collect();
        if clients.is_empty() {
            return None;
        }
        let planned = cluster.spec.load_balancer.addresses.control_plane.as_ref();
        let address = planned.or_else(|| cluster.gateways.first().and_then(|gateway| gateway.dialled()));
        Some(ExposedIstiod { cluster, address, clients, hosted: false })
    };
    mesh.primaries().filter_map(exposed).collect()
}

/// The clusters whose istiods read `cluster`'s API server, itself left out; with a hosted control plane, its host.
pub(super) fn readers<'a>(mesh: &'a Mesh, cluster: &'a Cluster) -> impl Iterator<Item = &'a Cluster> {
    let host = host(mesh);
    let primaries = mesh.readers_of(cluster).filter(move |_| host.is_none());
    host.into_iter().filter(|host| host.name != cluster.name).chain(primaries)
}
