//! From manifests that were written without intent, told apart as `meshwright lint` tells them.

use meshwright_policies::claim::Fact;
use meshwright_policies::repository::{Cluster, Repository};
use meshwright_policies::suggest::nearest;
use meshwright_policies::version::Version;

use super::{Explained, Origin, Pod, Scene, Traffic, explain};
use crate::source::Sources;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No cluster has that name.
    #[error("no cluster `{name}` was found in the manifests{}", list(.known))]
    NoSuchCluster {
        /// The name.
        name: String,
        /// The clusters that there are.
        known: Vec<String>,
    },
    /// Several clusters have that name.
    #[error("several clusters are called `{0}`: give a path that holds one of them")]
    Ambiguous(String),
    /// The manifests do not say which Istio reads them, and releases differ.
    #[error(
        "the manifests of `{0}` do not say which release of Istio reads them: say it with `--istio 1.26.0`"
    )]
    NoVersion(String),
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        "; `--cluster-glob 'clusters/*'` says which directories are clusters".to_owned()
    } else {
        format!("; there are {}", known.join(", "))
    }
}

/// The network of a pod of the cluster of that name.
///
/// # Errors
///
/// [`ManifestError`].
pub fn of_manifests(
    repository: &Repository,
    sources: &Sources,
    name: &str,
    version: Option<Version>,
    traffic: Traffic,
    pod: Pod,
) -> Result<Explained, ManifestError> {
    let named: Vec<&Cluster> = repository.clusters.iter().filter(|c| c.named || c.name == name).collect();
    let mut own = named
        .iter()
        .copied()
        .filter(|cluster| cluster.name == name || cluster.cluster_id().is_some_and(|id| id == name));
    let (first, second) = (own.next(), own.next());
    let Some(own) = first else {
        let names: Vec<&str> = named.iter().map(|cluster| cluster.name.as_str()).collect();
        let known = match nearest(name, names.iter().copied()) {
            Some(near) => vec![format!("`{near}` (did you mean it?)")],
            None => names.iter().map(|name| format!("`{name}`")).collect(),
        };
        return Err(ManifestError::NoSuchCluster { name: name.to_owned(), known });
    };
    if second.is_some() {
        return Err(ManifestError::Ambiguous(name.to_owned()));
    }
    let siblings: Vec<&Cluster> = named
        .iter()
        .copied()
        .filter(|other| other.scope == own.scope && !std::ptr::eq(*other, own))
        .collect();
    let version = version
        .or_else(|| installed(own))
        .or_else(|| siblings.iter().copied().find_map(installed))
        .ok_or_else(|| ManifestError::NoVersion(name.to_owned()))?;
    let mut notes = Vec::new();
    let primaries: Vec<&Cluster> = siblings.iter().copied().filter(|c| runs_istiod(c)).collect();
    let injector = match (runs_istiod(own), primaries.as_slice()) {
        (true, _) => Some(own),
        (false, [only]) => Some(*only),
        (false, _) => {
            notes.push(
                "which istiod injects here is not known: its values are not part of this answer".to_owned(),
            );
            Some(own)
        }
    };
    let mut observers: Vec<(String, &Cluster)> = primaries.iter().map(|c| (c.name.clone(), *c)).collect();
    if runs_istiod(own) || observers.is_empty() {
        observers.insert(0, (own.name.clone(), own));
    }
    let system = match own.planes().as_slice() {
        [only] => (*only).to_owned(),
        _ => "istio-system".to_owned(),
    };
    let cluster_id = own.cluster_id().unwrap_or(&own.name).to_owned();
    let cluster = own.name.clone();
    let scene = Scene {
        cluster,
        cluster_id,
        version,
        traffic,
        system,
        own,
        injector,
        observers,
        injects: None,
        notes,
    };
    Ok(explain(scene, pod, &|_, candidate| {
        let subject = candidate.at.subject;
        let object = if subject.claims.object.is_empty() { "values" } else { &subject.claims.object };
        Origin {
            object: object.to_owned(),
            field: candidate.at.path.to_string(),
            written: sources.place(subject.place(&candidate.at.path).span),
            rendered: None,
        }
    }))
}

/// Whether a control plane of its own is configured in it: a cluster ID beside no way to another cluster's istiod.
fn runs_istiod(cluster: &Cluster) -> bool {
    let facts = || cluster.subjects.iter().flat_map(|s| &s.claims.list);
    let has = |wanted: fn(&Fact) -> bool| facts().any(|claim| wanted(&claim.fact));
    // A name like that of another revision's istiod may stand beside its own.
    let leads_away = has(|fact| *fact == Fact::ControlPlaneAddress)
        || has(|fact| matches!(fact, Fact::IstiodEndpoint { .. })) && !has(|fact| *fact == Fact::IstiodImage);
    facts().any(|claim| claim.fact == Fact::ClusterId && !claim.part) && !leads_away
}

fn installed(cluster: &Cluster) -> Option<Version> {
    let values = cluster.subjects.iter().flat_map(|subject| subject.chart_values());
    let mut objects = cluster.subjects.iter();
    values
        .filter_map(|at| at.version)
        .next()
        .or_else(|| objects.find_map(|subject| subject.claims.istiod_release()))
}
