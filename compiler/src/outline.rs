//! What the clusters of a mesh see of each other.
//!
//! What is rendered for a cluster depends on the cluster and on the outline of its mesh, and on nothing else: an artefact is
//! given no more. So whoever changes a cluster without changing its outline changes no other cluster's objects, and
//! those need not be rendered again.

use meshwright_policies::finding::Place;
use meshwright_policies::intent::{ClusterSpec, FreeObject, LoadBalancer};
use meshwright_policies::mesh::{Cluster, Istio, Mesh, Network, Written};
use meshwright_policies::node::{Node, Span, Value};

/// The mesh without places, and without what a cluster keeps to itself: of its values there remain its names, network, role,
/// gateways, planned addresses and samples, and who installs which Istio in it.
#[must_use]
pub fn outline(mesh: &Mesh) -> Mesh {
    Mesh {
        name: mesh.name.clone(),
        id: mesh.id.clone(),
        spec: mesh.spec.clone(),
        written: nowhere(),
        networks: mesh.networks.iter().map(|(id, network)| (id.clone(), of_network(network))).collect(),
        clusters: mesh.clusters.iter().map(|(name, cluster)| (name.clone(), of_cluster(cluster))).collect(),
        unread: mesh.unread.clone(),
    }
}

fn nowhere() -> Written {
    Written { document: Node { value: Value::Null, span: Span::NONE } }
}

fn of_network(network: &Network) -> Network {
    let mut entries = network.entries.clone();
    entries.iter_mut().for_each(|entry| entry.place = Place::unknown());
    Network { id: network.id.clone(), spec: network.spec.clone(), written: nowhere(), entries }
}

fn of_cluster(cluster: &Cluster) -> Cluster {
    let mut gateways = cluster.gateways.clone();
    for gateway in &mut gateways {
        gateway.place = Place::unknown();
        gateway.address_place = Place::unknown();
    }
    let addresses = cluster.spec.load_balancer.addresses.clone();
    let spec = ClusterSpec {
        load_balancer: LoadBalancer { addresses, ..LoadBalancer::default() },
        samples: cluster.spec.samples.clone(),
        ..ClusterSpec::default()
    };
    let istio =
        Istio { values: FreeObject::default(), mesh_config: FreeObject::default(), ..cluster.istio.clone() };
    Cluster {
        name: cluster.name.clone(),
        id: cluster.id.clone(),
        network: cluster.network.clone(),
        role: cluster.role.clone(),
        istio,
        gateways,
        delivery: cluster.delivery.clone(),
        carried: Vec::new(),
        spec,
        written: nowhere(),
    }
}
