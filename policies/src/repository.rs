//! What a repository of manifests asserts, cluster by cluster, when nobody declared anything: the third input of the
//! policies, many objects against each other.

mod chart_values;
mod cluster;
mod index;
mod manifest;
mod stated;

use std::sync::OnceLock;

pub use chart_values::ValuesAt;
pub use cluster::Cluster;
pub use manifest::{Manifest, remote_secret_keys};
pub use stated::Stated;

use self::index::Index;

/// Namespace of the control plane unless an object says another (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/values.yaml`, `global.istioNamespace`).
const SYSTEM_NAMESPACE: &str = "istio-system";

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// The clusters, in the order of their names.
    pub clusters: Vec<Cluster>,
    index: OnceLock<Index>,
}

impl Repository {
    /// A repository of these clusters.
    #[must_use]
    pub fn new(clusters: Vec<Cluster>) -> Repository {
        Repository { clusters, index: OnceLock::new() }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.clusters))
    }

    fn all(&self, indexes: Option<&Vec<usize>>) -> Vec<&Cluster> {
        indexes.into_iter().flatten().filter_map(|index| self.clusters.get(*index)).collect()
    }

    /// Clusters of a scope that have this cluster ID.
    #[must_use]
    pub fn with_cluster_id(&self, scope: &str, id: &str) -> Vec<&Cluster> {
        self.all(self.index().by_cluster_id.get(&(scope.to_owned(), id.to_owned())))
    }

    /// Cluster IDs with the clusters of one scope that have them, in the order of the clusters.
    #[must_use]
    pub fn by_cluster_id(&self) -> Vec<(&str, Vec<&Cluster>)> {
        let all = self.index().by_cluster_id.iter();
        all.map(|((_, id), clusters)| (id.as_str(), self.all(Some(clusters)))).collect()
    }

    /// Clusters of a scope that are on this network.
    #[must_use]
    pub fn on_network(&self, scope: &str, network: &str) -> Vec<&Cluster> {
        self.all(self.index().by_network.get(&(scope.to_owned(), network.to_owned())))
    }

    /// Pairs of comparable clusters of which one reads the other's services or counts it among its networks: by a remote
    /// secret, or by `meshNetworks` that names the other's cluster ID. Each pair once, in the order of the clusters.
    #[must_use]
    pub fn joins(&self) -> Vec<(&Cluster, &Cluster)> {
        let pair = |(a, b): &(usize, usize)| Some((self.clusters.get(*a)?, self.clusters.get(*b)?));
        self.index().joins.iter().filter_map(pair).collect()
    }

    /// The same pairs, and those of which one is served by the other's istiod or sends traffic to its gateways: by the annotation
    /// `topology.istio.io/controlPlaneClusters`, or by an address that the other's gateways alone ask for.
    #[must_use]
    pub fn links(&self) -> Vec<(&Cluster, &Cluster)> {
        let pair = |(a, b): &(usize, usize)| Some((self.clusters.get(*a)?, self.clusters.get(*b)?));
        self.index().links.iter().filter_map(pair).collect()
    }

    /// Clusters that the repository makes one mesh of, by what they say, never by where their files are: they are joined,
    /// or say so themselves. At least two each, in the order of the clusters.
    #[must_use]
    pub fn meshes(&self) -> Vec<Vec<&Cluster>> {
        self.index().meshes.iter().map(|mesh| self.all(Some(mesh))).collect()
    }
}

/// Whether somebody fills this text in later: `${X}`, `$(X)`, `{{ x }}`, `<x>`, `((x))`, `[[x]]`, `@@x@@`, `__X__`, `%X%`; or
/// it is encrypted (SOPS).
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    ["${", "$(", "{{", "$$"].iter().any(|mark| text.contains(mark))
        || (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with('$') && text.len() > 1)
        || text.starts_with("ENC[AES256_GCM,")
        || [("((", "))"), ("[[", "]]"), ("@@", "@@"), ("__", "__"), ("%", "%")].iter().any(|(open, close)| {
            let inside = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            inside.is_some_and(|inside| !inside.trim().is_empty())
        })
}
