//! External control planes: an istiod in one cluster that is the control plane of another one, which it takes its
//! configuration from. The intent has no word for them; what is left without them is imported.

use std::collections::BTreeSet;

use meshwright_policies::claim::{Claim, Claims, Fact};
use meshwright_policies::repository::{Cluster, Manifest, Repository};

use super::plane::{self, Plane};

/// An istiod that serves another cluster than its own.
#[derive(Debug)]
pub(super) struct External {
    /// A cluster that it serves, by index in the repository; none when that is not among the manifests.
    cluster: Option<usize>,
    /// Where it runs, by index.
    host: usize,
    /// The system namespace, of the same name in both.
    namespace: String,
}

/// The usual system namespace: most clusters have a control plane of their own there.
const USUAL: &str = "istio-system";

/// Istio's guide "Install Istio with an External Control Plane": the istiod has the cluster ID and the system namespace of the
/// cluster that it serves, and injects nothing where it runs. In a namespace with another name than the usual one the first
/// two tell it; in the usual one the third has to: two clusters with one ID are a mistake there.
pub(super) fn find(repository: &Repository) -> Vec<External> {
    let clusters = &repository.clusters;
    let remotes: Vec<Remote<'_>> = clusters
        .iter()
        .enumerate()
        .filter_map(|(at, cluster)| {
            let plane = plane::find(cluster).filter(|plane| plane.remote && cluster.is_comparable())?;
            Some(Remote { at, cluster, plane })
        })
        .collect();
    let mut found: Vec<External> = Vec::new();
    for remote in &remotes {
        let namespace = remote.namespace();
        let others = clusters.iter().enumerate();
        let mut others =
            others.filter(|(other, cluster)| *other != remote.at && cluster.scope == remote.cluster.scope);
        let host = others.find(|(_, cluster)| cluster.subjects.iter().any(|istiod| remote.is_of(istiod)));
        found.extend(host.map(|(host, _)| External {
            cluster: Some(remote.at),
            host,
            namespace: namespace.to_owned(),
        }));
    }
    let known: BTreeSet<usize> = found.iter().filter_map(|external| external.cluster).collect();
    let (configs, further): (Vec<&Remote<'_>>, Vec<&Remote<'_>>) =
        remotes.iter().partition(|remote| known.contains(&remote.at));
    for remote in further {
        let config = configs.iter().find(|config| remote.is_beside(config));
        let with = config.and_then(|config| found.iter().find(|one| one.cluster == Some(config.at)));
        let host = with.map(|external| external.host);
        found.extend(host.map(|host| External {
            cluster: Some(remote.at),
            host,
            namespace: remote.namespace().to_owned(),
        }));
    }
    for (host, cluster) in clusters.iter().enumerate() {
        for istiod in cluster.subjects.iter().filter(|subject| subject.is_external_istiod()) {
            let namespace = &istiod.plane;
            if !found.iter().any(|known| known.host == host && known.namespace == *namespace) {
                found.push(External { cluster: None, host, namespace: namespace.clone() });
            }
        }
    }
    found
}

/// A cluster without an istiod of its own.
struct Remote<'a> {
    at: usize,
    cluster: &'a Cluster,
    plane: Plane<'a>,
}

impl Remote<'_> {
    fn namespace(&self) -> &str {
        &self.plane.subject.plane
    }

    fn id(&self) -> &str {
        self.cluster.cluster_id().unwrap_or(&self.cluster.name)
    }

    /// Whether an istiod of another cluster is the one that takes its configuration from this one.
    fn is_of(&self, istiod: &Manifest) -> bool {
        let runs = istiod.claims.plane.as_ref().is_none_or(|plane| !plane.is_remote);
        istiod.plane == self.namespace()
            && runs
            && istiod.istiod_id().is_some_and(|id| id.claim.value == self.id())
            && (self.namespace() != USUAL || istiod.is_external_istiod())
    }

    /// Whether the external istiod of another cluster serves it too. In the usual namespace, an istiod of a primary may:
    /// it has to say so, by who may lead it or by where it looks for istiod.
    fn is_beside(&self, config: &Remote<'_>) -> bool {
        let leads = |claim: &Claim| {
            matches!(&claim.fact, Fact::LeadingClusters { namespace } if namespace == self.namespace())
                && claim.value.split(',').any(|id| id == config.id())
        };
        self.namespace() == config.namespace()
            && self.cluster.scope == config.cluster.scope
            && (self.namespace() != USUAL
                || self.claims().any(leads)
                || self.dials().any(|place| config.dials().any(|other| place == other)))
    }

    fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.cluster.subjects.iter().flat_map(|subject| &subject.claims.list)
    }

    /// Where it looks for istiod: an address, or the host of an injection URL.
    fn dials(&self) -> impl Iterator<Item = &str> {
        self.claims().filter_map(|claim| match claim.fact {
            Fact::ControlPlaneAddress => Some(claim.value.as_str()),
            Fact::InjectionPath => claim.value.split_once("://")?.1.split([':', '/']).next(),
            _ => None,
        })
    }
}

/// Before the namespace of a control plane that is another cluster's; no namespace begins so.
const MARK: &str = "external:";

/// Whether an object is part of an external control plane.
pub(super) fn is_part(subject: &Manifest) -> bool {
    subject.plane.starts_with(MARK)
}

/// The repository without the served clusters, and with what their istiods consist of as objects that say nothing and are left out.
pub(super) fn without(repository: &Repository, found: &[External]) -> Repository {
    let served: BTreeSet<usize> = found.iter().filter_map(|external| external.cluster).collect();
    let rest = repository.clusters.iter().enumerate().filter(|(at, _)| !served.contains(at));
    let clusters = rest.map(|(at, cluster)| {
        let namespaces: BTreeSet<&str> = found
            .iter()
            .filter(|external| external.host == at)
            .map(|external| external.namespace.as_str())
            .collect();
        let mut subjects = cluster.subjects.clone();
        let asserts = |subject: &Manifest| !subject.claims.list.is_empty() || subject.claims.plane.is_some();
        // What says no namespace is counted to the usual one.
        let is_its = |subject: &Manifest| {
            let is_sure = || subject.is_external_istiod() || subject.kind == "ConfigMap";
            namespaces.contains(subject.plane.as_str())
                && asserts(subject)
                && (subject.plane != USUAL || is_sure())
        };
        for subject in subjects.iter_mut().filter(|subject| is_its(subject)) {
            subject.claims = Claims { object: subject.claims.object.clone(), ..Claims::default() };
            subject.unresolved.clear();
            subject.plane = format!("{MARK}{}", subject.plane);
        }
        // Not a copy: what a cluster has worked out of its documents does not hold any more.
        let mut changed = Cluster::default();
        changed.name.clone_from(&cluster.name);
        changed.scope.clone_from(&cluster.scope);
        changed.named = cluster.named;
        changed.fleet = cluster.fleet;
        changed.mixed = cluster.mixed;
        changed.complete = cluster.complete;
        changed.witnesses.clone_from(&cluster.witnesses);
        changed.subjects = subjects;
        changed
    });
    Repository::new(clusters.collect())
}

/// What is said of them.
pub(super) fn notes(repository: &Repository, found: &[External]) -> Vec<String> {
    let name = |at: usize| repository.clusters.get(at).map_or("", |cluster| cluster.name.as_str());
    let note = |external: &External| {
        let (namespace, host) = (&external.namespace, name(external.host));
        let Some(cluster) = external.cluster else {
            return format!(
                "cluster `{host}` runs an external control plane, the istiod in namespace `{namespace}`, for a cluster that is not \
                 here: the intent has no word for that; the objects of that istiod are not imported"
            );
        };
        let count = repository.clusters.get(cluster).map_or(0, |cluster| cluster.subjects.len());
        format!(
            "cluster `{}` has an external control plane, the istiod in namespace `{namespace}` of cluster `{host}`: the intent has no \
             word for that; neither the cluster's {count} objects nor those of that istiod are imported",
            name(cluster)
        )
    };
    found.iter().map(note).collect()
}
