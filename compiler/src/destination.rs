//! The API servers that rendered objects are applied to, and who applies them.

use std::collections::BTreeMap;

use meshwright_policies::intent::{ControlPlane, Delivery, Hosted};
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::{ClusterName, ObjectName};

/// One API server with a directory of its own below `clusters/`.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The mesh that it serves; the first by name where it serves several.
    pub mesh: &'a Mesh,
    /// Who applies its directory.
    pub delivery: &'a Delivery,
    /// Which API server.
    pub server: Server<'a>,
}

/// What kind of API server.
#[derive(Clone, Copy, Debug)]
pub enum Server<'a> {
    /// That of a declared cluster.
    Cluster(&'a Cluster),
    /// That of a hosted control plane, `<mesh>-hosted-apiserver`, which runs inside a cluster.
    Hosted {
        /// The cluster in which it runs.
        host: &'a ClusterName,
        /// The Secret with its kubeconfig, where Flux of that cluster finds it.
        secret: Option<&'a ObjectName>,
    },
    /// That of a management cluster which is no member of any mesh.
    Management,
}

/// Every API server by the name of its directory. A name that is both a declared cluster and something else is the
/// cluster's: a directory is applied by one agent.
#[must_use]
pub fn destinations(fleet: &Fleet) -> BTreeMap<ClusterName, Destination<'_>> {
    let mut all = BTreeMap::new();
    for (mesh, cluster) in fleet.clusters() {
        let destination = Destination { mesh, delivery: &cluster.delivery, server: Server::Cluster(cluster) };
        all.entry(cluster.name.clone()).or_insert(destination);
    }
    for mesh in fleet.meshes.values() {
        if let ControlPlane::Hosted(hosted) = &mesh.spec.control_plane {
            add_hosted(mesh, hosted, &mut all);
        }
    }
    all
}

fn add_hosted<'a>(mesh: &'a Mesh, hosted: &'a Hosted, all: &mut BTreeMap<ClusterName, Destination<'a>>) {
    let mspider = &hosted.mspider;
    if let Some(name) = mesh.hosted_name() {
        let delivery = mesh.clusters.get(&hosted.cluster).map_or(&mesh.spec.delivery, |host| &host.delivery);
        let server =
            Server::Hosted { host: &hosted.cluster, secret: mspider.hosted_api_server_secret.as_ref() };
        all.entry(name).or_insert(Destination { mesh, delivery, server });
    }
    let delivery = mspider.global_delivery.as_ref().unwrap_or(&mesh.spec.delivery);
    let server = Server::Management;
    all.entry(mspider.global_cluster.clone()).or_insert(Destination { mesh, delivery, server });
}
