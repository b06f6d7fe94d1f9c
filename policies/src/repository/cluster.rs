//! A cluster of a repository: what its documents say of it together.

use std::sync::OnceLock;

use super::{Manifest, SYSTEM_NAMESPACE, Stated, remote_secret_keys};
use crate::claim::Fact;
use crate::witness::Witness;

/// A cluster of the repository: what is delivered to one API server.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The name of its directory, destination or cluster ID; the directory itself when nothing names a cluster.
    pub name: String,
    /// The directory in which the clusters of one fleet are, such as `envs/prod/`: names in other ones are others'.
    pub scope: String,
    /// Whether `name` names a cluster, and not just a directory.
    pub named: bool,
    /// Whether the directory is known to hold clusters, and nothing else (`clusters/`), and not environments.
    pub fleet: bool,
    /// Whether one object comes in several variants: it holds several clusters, and nothing in it can be compared.
    pub mixed: bool,
    /// Whether everything that is applied to it is in the repository and was read.
    pub complete: bool,
    /// Its documents. They are complete before anything is asked of the cluster: answers are kept.
    pub subjects: Vec<Manifest>,
    /// The declarations that are delivered to it.
    pub witnesses: Vec<Witness>,
    facts: OnceLock<Facts>,
}

/// What a cluster's documents say of it, worked out once: policies ask for it again and again.
#[derive(Clone, Debug, Default)]
struct Facts {
    planes: Vec<String>,
    networks: Vec<(usize, usize)>,
    network: Option<String>,
    cluster_id: Option<String>,
    mesh_id: Option<String>,
    multi_cluster: bool,
}

impl Cluster {
    /// How messages call it.
    #[must_use]
    pub fn called(&self) -> String {
        if self.named { format!("cluster `{}`", self.name) } else { format!("`{}`", self.name) }
    }

    /// Every claim that `wanted` picks, in the order of the files.
    pub fn stated<'a>(&'a self, wanted: impl Fn(&Manifest, &Fact) -> bool) -> Vec<Stated<'a>> {
        let mut all = Vec::new();
        for subject in &self.subjects {
            let claims = subject.claims.list.iter().filter(|claim| wanted(subject, &claim.fact));
            all.extend(claims.map(|claim| Stated { subject, claim }));
        }
        all
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| {
            let planes: Vec<String> = self.find_planes().into_iter().map(str::to_owned).collect();
            let networks = self.find_networks(&planes);
            let network = Cluster::agreed(&self.at(&networks));
            let of = |fact| Cluster::agreed(&self.identities_of(&planes, fact));
            let (cluster_id, mesh_id) = (of(&Fact::ClusterId), of(&Fact::MeshId));
            let multi_cluster = self.find_multi_cluster();
            Facts { planes, networks, network, cluster_id, mesh_id, multi_cluster }
        })
    }

    fn at(&self, places: &[(usize, usize)]) -> Vec<Stated<'_>> {
        let stated = places.iter().filter_map(|(subject, claim)| {
            let subject = self.subjects.get(*subject)?;
            Some(Stated { subject, claim: subject.claims.list.get(*claim)? })
        });
        stated.collect()
    }

    /// Control planes that are configured in it, by namespace: an external control plane of another cluster has its own.
    #[must_use]
    pub fn planes(&self) -> Vec<&str> {
        self.facts().planes.iter().map(String::as_str).collect()
    }

    fn find_planes(&self) -> Vec<&str> {
        let identity = |fact: &Fact| matches!(fact, Fact::Network | Fact::ClusterId | Fact::MeshId);
        let mut planes: Vec<&str> = self
            .subjects
            .iter()
            .filter(|subject| subject.claims.list.iter().any(|claim| identity(&claim.fact)))
            .map(|subject| subject.plane.as_str())
            .collect();
        planes.sort_unstable();
        planes.dedup();
        planes
    }

    /// Statements about the network of its workloads, by its main control plane; the one that wins comes first
    /// (istio/istio@1.30: `pilot/pkg/serviceregistry/kube/controller/network.go`: the namespace's label).
    #[must_use]
    pub fn networks(&self) -> Vec<Stated<'_>> {
        self.at(&self.facts().networks)
    }

    fn find_networks(&self, planes: &[String]) -> Vec<(usize, usize)> {
        let plane = match planes {
            [] => SYSTEM_NAMESPACE,
            [only] => only,
            _ if planes.iter().any(|plane| plane == SYSTEM_NAMESPACE) => SYSTEM_NAMESPACE,
            _ => return Vec::new(),
        };
        let (mut labels, mut others) = (Vec::new(), Vec::new());
        for (index, subject) in self.subjects.iter().enumerate() {
            let counts = subject.plane == plane || planes.len() == 1;
            for (at, claim) in subject.claims.list.iter().enumerate() {
                match &claim.fact {
                    Fact::NamespaceNetwork { namespace } if namespace == plane => labels.push((index, at)),
                    Fact::Network | Fact::EntryNetwork { .. } if counts => others.push((index, at)),
                    _ => {}
                }
            }
        }
        labels.extend(others);
        labels
    }

    /// Statements about one identity, of the main control plane.
    #[must_use]
    pub fn identities(&self, wanted: &Fact) -> Vec<Stated<'_>> {
        self.identities_of(&self.facts().planes, wanted)
    }

    fn identities_of(&self, planes: &[String], wanted: &Fact) -> Vec<Stated<'_>> {
        let system = planes.iter().find(|plane| *plane == SYSTEM_NAMESPACE);
        let main = system.or(planes.first());
        self.stated(|subject, fact| fact == wanted && Some(&subject.plane) == main)
    }

    /// What all statements agree on.
    #[must_use]
    pub fn agreed(stated: &[Stated<'_>]) -> Option<String> {
        let first = stated.first()?;
        stated.iter().all(|other| other.claim.value == first.claim.value).then(|| first.claim.value.clone())
    }

    /// Its network, when its statements agree.
    #[must_use]
    pub fn network(&self) -> Option<&str> {
        self.facts().network.as_deref()
    }

    /// Its cluster ID, when its statements agree.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.facts().cluster_id.as_deref()
    }

    /// Its mesh ID, when its statements agree.
    #[must_use]
    pub fn mesh_id(&self) -> Option<&str> {
        self.facts().mesh_id.as_deref()
    }

    /// Whether anything says that the mesh reaches beyond this cluster.
    #[must_use]
    pub fn is_multi_cluster(&self) -> bool {
        self.facts().multi_cluster
    }

    fn find_multi_cluster(&self) -> bool {
        self.subjects.iter().any(|subject| {
            subject.claims.list.iter().any(|claim| {
                matches!(
                    claim.fact,
                    Fact::NamespaceNetwork { .. } | Fact::GatewayNetwork { .. } | Fact::MeshNetworks
                )
            }) || !remote_secret_keys(subject).is_empty()
        })
    }

    /// Whether it can be compared with others: something names it, and it is one cluster.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.named && !self.mixed
    }
}
