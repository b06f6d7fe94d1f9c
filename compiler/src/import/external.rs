//! External control planes: an istiod in one cluster that is the control plane of another one, which it takes its
//! configuration from. The intent has no word for them; what is left without them is imported.

use std::collections::BTreeSet;

use meshwright_policies::claim::{Claims, Fact};
use meshwright_policies::repository::{Cluster, Manifest, Repository};

use super::plane;

/// A cluster whose istiod runs in another one.
#[derive(Debug)]
pub(super) struct External {
    /// The cluster, by index in the repository.
    cluster: usize,
    /// Where its istiod runs, by index.
    host: usize,
    /// The system namespace, of the same name in both.
    namespace: String,
}

/// Istio's guide "Install Istio with an External Control Plane": the istiod has the cluster ID and the system namespace of the
/// cluster that it serves, whose namespace is not the usual one, since that is the hosting cluster's own. Remotes of the same
/// namespace are served by that istiod too.
pub(super) fn find(repository: &Repository) -> Vec<External> {
    let clusters = &repository.clusters;
    let remote = |cluster: &Cluster| {
        let plane = plane::find(cluster).filter(|plane| plane.remote && cluster.is_comparable())?;
        Some(plane.subject.plane.clone()).filter(|namespace| namespace != "istio-system")
    };
    let remotes: Vec<_> =
        clusters.iter().enumerate().filter_map(|(at, c)| Some((at, c, remote(c)?))).collect();
    let host = |served: &Cluster, at: usize, namespace: &str| {
        let id = served.cluster_id().unwrap_or(&served.name);
        let of_it = |subject: &Manifest| {
            subject.plane == namespace
                && subject.claims.list.iter().any(|claim| claim.fact == Fact::ClusterId && claim.value == id)
        };
        let others = clusters.iter().enumerate();
        let mut others = others.filter(|(other, cluster)| *other != at && cluster.scope == served.scope);
        others.find(|(_, cluster)| cluster.subjects.iter().any(of_it)).map(|(other, _)| other)
    };
    let mut found: Vec<External> = Vec::new();
    for (at, served, namespace) in &remotes {
        let host = host(served, *at, namespace);
        found.extend(host.map(|host| External { cluster: *at, host, namespace: namespace.clone() }));
    }
    let known: BTreeSet<usize> = found.iter().map(|external| external.cluster).collect();
    for (at, served, namespace) in remotes.iter().filter(|(at, ..)| !known.contains(at)) {
        let with = found.iter().find(|external| {
            external.namespace == *namespace
                && clusters.get(external.cluster).is_some_and(|other| other.scope == served.scope)
        });
        let host = with.map(|external| external.host);
        found.extend(host.map(|host| External { cluster: *at, host, namespace: namespace.clone() }));
    }
    found
}

/// Before the namespace of a control plane that is another cluster's; no namespace begins so.
const MARK: &str = "external:";

/// Whether an object is part of an external control plane.
pub(super) fn is_part(subject: &Manifest) -> bool {
    subject.plane.starts_with(MARK)
}

/// The repository without the served clusters, and with what their istiods consist of as objects that say nothing and are left out.
pub(super) fn without(repository: &Repository, found: &[External]) -> Repository {
    let served: BTreeSet<usize> = found.iter().map(|external| external.cluster).collect();
    let rest = repository.clusters.iter().enumerate().filter(|(at, _)| !served.contains(at));
    let clusters = rest.map(|(at, cluster)| {
        let namespaces: BTreeSet<&str> = found
            .iter()
            .filter(|external| external.host == at)
            .map(|external| external.namespace.as_str())
            .collect();
        let mut subjects = cluster.subjects.clone();
        let asserts = |subject: &Manifest| !subject.claims.list.is_empty() || subject.claims.plane.is_some();
        let own = subjects.iter_mut().filter(|subject| namespaces.contains(subject.plane.as_str()));
        for subject in own.filter(|subject| asserts(subject)) {
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
        let count = repository.clusters.get(external.cluster).map_or(0, |cluster| cluster.subjects.len());
        format!(
            "cluster `{}` has an external control plane, the istiod in namespace `{}` of cluster `{}`: the intent has no word for \
             that; neither the cluster's {count} objects nor those of that istiod are imported",
            name(external.cluster),
            external.namespace,
            name(external.host)
        )
    };
    found.iter().map(note).collect()
}
