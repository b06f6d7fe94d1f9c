//! Which clusters of a repository mean each other, by what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cluster, Manifest, remote_secret_keys};
use crate::claim::Fact;
use crate::sets::Sets;

/// Clusters by what others call them by, within one scope, and how they belong together. All are places in the list of
/// clusters.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) by_cluster_id: BTreeMap<(String, String), Vec<usize>>,
    pub(super) by_network: BTreeMap<(String, String), Vec<usize>>,
    /// [`super::Repository::joins`].
    pub(super) joins: Vec<(usize, usize)>,
    /// [`super::Repository::links`].
    pub(super) links: Vec<(usize, usize)>,
    /// [`super::Repository::meshes`].
    pub(super) meshes: Vec<Vec<usize>>,
}

/// Pairs of different clusters that can be compared, the first in the list first.
struct Pairs<'a> {
    clusters: &'a [Cluster],
    all: BTreeSet<(usize, usize)>,
}

impl Pairs<'_> {
    fn add(&mut self, a: usize, b: usize) {
        let (Some(one), Some(other)) = (self.clusters.get(a), self.clusters.get(b)) else { return };
        if one.is_comparable() && other.is_comparable() && one.name != other.name {
            self.all.insert((a.min(b), a.max(b)));
        }
    }
}

fn comparable(clusters: &[Cluster]) -> impl Iterator<Item = (usize, &Cluster)> {
    clusters.iter().enumerate().filter(|(_, cluster)| cluster.is_comparable())
}

impl Index {
    pub(super) fn of(clusters: &[Cluster]) -> Index {
        let mut index = Index::default();
        for (at, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| !cluster.mixed) {
            let key = |text: &str| (cluster.scope.clone(), text.to_owned());
            if let Some(id) = cluster.cluster_id() {
                index.by_cluster_id.entry(key(id)).or_default().push(at);
            }
            if let Some(network) = cluster.network() {
                index.by_network.entry(key(network)).or_default().push(at);
            }
        }
        index.joins = index.find_joins(clusters);
        index.links = index.find_links(clusters);
        index.meshes = index.find_meshes(clusters);
        index
    }

    /// Clusters of a cluster's scope with this ID.
    fn with_id(&self, beside: &Cluster, id: &str) -> &[usize] {
        let found = self.by_cluster_id.get(&(beside.scope.clone(), id.to_owned()));
        found.map(Vec::as_slice).unwrap_or_default()
    }

    fn find_joins(&self, clusters: &[Cluster]) -> Vec<(usize, usize)> {
        let mut pairs = Pairs { clusters, all: BTreeSet::new() };
        for (from, cluster) in comparable(clusters) {
            for id in cluster.subjects.iter().flat_map(joined_ids) {
                self.with_id(cluster, id).iter().for_each(|to| pairs.add(from, *to));
            }
        }
        pairs.all.into_iter().collect()
    }

    fn find_links(&self, clusters: &[Cluster]) -> Vec<(usize, usize)> {
        let askers = Askers::of(clusters);
        let mut pairs = Pairs { clusters, all: self.joins.iter().copied().collect() };
        for (from, cluster) in comparable(clusters) {
            let says_it = |subject: &Manifest, fact: &Fact| {
                !subject.is_of_platform()
                    && matches!(
                        fact,
                        Fact::ControlPlaneAddress | Fact::EntryAddress { .. } | Fact::LeadingClusters { .. }
                    )
            };
            for stated in cluster.stated(says_it) {
                let value = stated.claim.value.as_str();
                if let Fact::LeadingClusters { .. } = stated.claim.fact {
                    let leading = value.split(',').flat_map(|id| self.with_id(cluster, id));
                    leading.for_each(|to| pairs.add(from, *to));
                } else if let Some(to) = askers.only(cluster, value) {
                    let is_on = |network: &String| {
                        clusters.get(to).is_some_and(|other| other.network() == Some(network))
                    };
                    let network = match &stated.claim.fact {
                        Fact::EntryAddress { network } => Some(network),
                        _ => None,
                    };
                    if network.is_none_or(is_on) {
                        pairs.add(from, to);
                    }
                }
            }
        }
        pairs.all.into_iter().collect()
    }

    fn find_meshes(&self, clusters: &[Cluster]) -> Vec<Vec<usize>> {
        let mut sets = Sets::new(clusters.len());
        for (a, b) in &self.joins {
            sets.join(*a, *b);
        }
        // Those that say the same of themselves. Variants of one cluster for two environments do too, unless one names the
        // network of the other.
        let mut fleets: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (at, cluster) in comparable(clusters) {
            let Some(mesh) = own_mesh(cluster) else { continue };
            if cluster.fleet {
                let first = *fleets.entry((&cluster.scope, mesh)).or_insert(at);
                sets.join(first, at);
            }
            for to in self.on_named_networks(cluster) {
                if clusters.get(to).is_some_and(|other| own_mesh(other) == Some(mesh)) {
                    sets.join(at, to);
                }
            }
        }
        sets.all().into_values().filter(|mesh| mesh.len() > 1).collect()
    }

    /// Clusters on networks that a cluster names beside its own.
    fn on_named_networks(&self, cluster: &Cluster) -> Vec<usize> {
        let Some(own) = cluster.network() else { return Vec::new() };
        let named = cluster.stated(|_, fact| *fact == Fact::NamedNetwork);
        let others = named.iter().map(|stated| &stated.claim.value).filter(|network| *network != own);
        let there =
            others.filter_map(|network| self.by_network.get(&(cluster.scope.clone(), network.clone())));
        there.flatten().copied().collect()
    }
}

/// The mesh that a cluster says it is a part of, where it is not all of it.
fn own_mesh(cluster: &Cluster) -> Option<&str> {
    cluster.mesh_id().filter(|_| cluster.is_comparable() && cluster.is_multi_cluster())
}

/// IDs of clusters whose services are read, or that are counted among networks.
fn joined_ids(subject: &Manifest) -> impl Iterator<Item = &str> {
    let read = remote_secret_keys(subject).into_iter().map(|(key, _)| key);
    let members = subject.claims.list.iter().filter(|claim| matches!(claim.fact, Fact::Member { .. }));
    read.chain(members.map(|claim| claim.value.as_str()))
}

/// Clusters by scope and the addresses that their gateways ask for.
struct Askers<'a>(BTreeMap<(&'a str, &'a str), BTreeSet<usize>>);

impl<'a> Askers<'a> {
    fn of(clusters: &'a [Cluster]) -> Askers<'a> {
        let mut askers = Askers(BTreeMap::new());
        for (at, cluster) in comparable(clusters) {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::GatewayAddress { .. })) {
                askers.0.entry((&cluster.scope, &stated.claim.value)).or_default().insert(at);
            }
        }
        askers
    }

    /// The only one that asks for an address: of several nobody can say which is meant.
    fn only(&self, beside: &Cluster, address: &str) -> Option<usize> {
        let all = self.0.get(&(beside.scope.as_str(), address))?;
        all.first().copied().filter(|_| all.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::node::Node;

    /// A cluster of a fleet that says its ID, its network and its mesh.
    fn cluster(name: &str, mesh: &str, more: &[Value]) -> Cluster {
        let istio = json!({
            "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "metadata": {"name": "istio"},
            "spec": {"values": {"global": {
                "meshID": mesh, "network": format!("{name}-net"), "multiCluster": {"clusterName": name},
            }}},
        });
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "istio-system", "labels": {"topology.istio.io/network": format!("{name}-net")}},
        });
        let mut cluster = Cluster::default();
        (cluster.name, cluster.named) = (name.to_owned(), true);
        let all = [istio, namespace].into_iter().chain(more.iter().cloned());
        cluster.subjects = all.map(|object| Manifest::object(Node::from_json(&object))).collect();
        cluster
    }

    fn secret(of: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "istio-system", "labels": {"istio/multiCluster": "true"}},
            "stringData": {of: ""},
        })
    }

    fn gateway(address: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "istio-eastwestgateway", "namespace": "istio-system",
                "labels": {"topology.istio.io/network": "x-net", "istio": "eastwestgateway"},
            },
            "spec": {"type": "LoadBalancer", "loadBalancerIP": address, "ports": [{"name": "tls", "port": 15443}]},
        })
    }

    fn dialling(address: &str) -> Value {
        json!({
            "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "metadata": {"name": "remote"},
            "spec": {"profile": "remote", "values": {"global": {"remotePilotAddress": address}}},
        })
    }

    #[test]
    fn a_remote_secret_joins_two_clusters_once() {
        let clusters = [
            cluster("east", "one", &[secret("west")]),
            cluster("west", "two", &[secret("east")]),
            cluster("north", "three", &[secret("nobody")]),
        ];
        let index = Index::of(&clusters);
        assert_eq!((index.joins.as_slice(), index.meshes.as_slice()), (&[(0, 1)][..], &[vec![0, 1]][..]));
    }

    #[test]
    fn what_cannot_be_compared_is_joined_with_nothing() {
        let mut unnamed = cluster("east", "one", &[secret("west")]);
        unnamed.named = false;
        let clusters = [unnamed, cluster("west", "one", &[])];
        assert!(Index::of(&clusters).joins.is_empty());
        let same = [cluster("east", "one", &[secret("east")]), cluster("east", "one", &[])];
        assert!(Index::of(&same).joins.is_empty(), "one name in two places");
    }

    #[test]
    fn an_address_that_one_cluster_asks_for_links_and_joins_no_mesh() {
        let address = "192.0.2.1";
        let asking = cluster("east", "one", &[gateway(address)]);
        let clusters = [asking.clone(), cluster("west", "two", &[dialling(address)])];
        let index = Index::of(&clusters);
        assert_eq!(index.links, [(0, 1)]);
        assert!(index.joins.is_empty() && index.meshes.is_empty());
        let mut other = asking.clone();
        other.name = "north".to_owned();
        let several = [asking, clusters[1].clone(), other];
        assert!(Index::of(&several).links.is_empty(), "nobody can say which is meant");
    }

    #[test]
    fn clusters_of_one_fleet_that_say_one_mesh_are_one() {
        let of = |fleet: bool| {
            [("east", "one"), ("west", "two"), ("north", "one")].map(|(name, mesh)| {
                let mut cluster = cluster(name, mesh, &[]);
                cluster.fleet = fleet;
                cluster
            })
        };
        assert_eq!(Index::of(&of(true)).meshes, [[0, 2]]);
        assert!(Index::of(&of(false)).meshes.is_empty(), "directories of environments");
    }
}
