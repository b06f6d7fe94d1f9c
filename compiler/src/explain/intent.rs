//! From intent: what would be rendered, with the places of the intent that it comes from.

use meshwright_policies::intent::{ControlPlane, DataPlane, Injection};
use meshwright_policies::mesh::{self, Fleet, Mesh, Role};
use meshwright_policies::node::{FieldPath, Step};
use meshwright_policies::precedence::{Candidate, Said};
use meshwright_policies::repository::Cluster;

use super::{Explained, Origin, Pod, Scene, Traffic, explain};
use crate::lint;
use crate::publish::Tree;
use crate::source::Sources;

/// The network of a pod of a declared cluster. `tree` is what the fleet is rendered to, `sources` are the files of the
/// intent.
#[must_use]
pub fn of_intent(
    fleet: &Fleet,
    tree: &Tree,
    sources: &Sources,
    (mesh, cluster): (&Mesh, &mesh::Cluster),
    pod: Pod,
) -> Explained {
    let mut rendered = Sources::new();
    for (path, bytes) in tree.iter() {
        if path.as_str().ends_with(".yaml") {
            rendered.add(path.as_str().to_owned(), bytes.into());
        }
    }
    let (repository, _) = lint::repository(&rendered, &[]);
    let empty = Cluster::default();
    let found = |name: &str| repository.clusters.iter().find(|c| c.named && c.name == name).unwrap_or(&empty);
    let own = found(cluster.name.as_str());
    let hosted = mesh.hosted_name();
    let mut notes = Vec::new();
    let injector = match &cluster.role {
        Role::Primary => Some(own),
        Role::Remote { primary } => primary.as_ref().map(|name| found(name.as_str())),
        Role::HostedWorker => {
            notes.push(
                "how Mspider's control plane injects is not documented: what a sidecar takes for its own network, \
                 and the label that it may get, are not part of this answer"
                    .to_owned(),
            );
            None
        }
    };
    let mut observers: Vec<(String, &Cluster)> =
        mesh.primaries().map(|primary| (primary.name.to_string(), found(primary.name.as_str()))).collect();
    if let (ControlPlane::Hosted(_), Some(name)) = (&mesh.spec.control_plane, &hosted) {
        observers.push((name.to_string(), found(name.as_str())));
    }
    let scene = Scene {
        cluster: cluster.name.to_string(),
        cluster_id: cluster.id.to_string(),
        version: cluster.istio.version.clone(),
        traffic: if cluster.istio.data_plane == DataPlane::Sidecar {
            Traffic::Sidecar
        } else {
            Traffic::Ambient
        },
        system: cluster.system_namespace().to_string(),
        own,
        injector,
        observers,
        injects: injects(cluster, &pod),
        notes,
    };
    explain(scene, pod, &|of, candidate| {
        let subject = candidate.at.subject;
        let member = fleet.clusters().map(|(_, cluster)| cluster).find(|c| c.name.as_str() == of.name);
        Origin {
            object: subject.claims.object.clone(),
            field: candidate.at.path.to_string(),
            written: member.and_then(|member| written(member, candidate, sources)),
            rendered: rendered.place(subject.place(&candidate.at.path).span),
        }
    })
}

/// Where the intent says so: an object that is carried over, the declared network, or the values that a cluster's Istio has beside.
fn written(cluster: &mesh::Cluster, candidate: &Candidate<Said<'_>>, sources: &Sources) -> Option<String> {
    if let serde_json::Value::Object(object) = candidate.at.subject.document.to_json()
        && let Some(carried) = cluster.carried_object(&object)
    {
        return sources.place(carried.nearest_span(&candidate.at.path));
    }
    let document = &cluster.written.document;
    let free = below(&candidate.at.path, "values")
        .map(|path| path.under(&"spec.istio.values".into()))
        .into_iter()
        .chain(
            below(&candidate.at.path, "meshConfig").map(|path| path.under(&"spec.istio.meshConfig".into())),
        );
    let free =
        free.filter_map(|path| document.at(&path)).map(|node| node.span).find(|span| span.is_written());
    let declared = || {
        (candidate.network == cluster.network.as_str()).then(|| cluster.written.place("spec.network").span)
    };
    sources.place(free.or_else(declared)?)
}

/// What follows the first step of that name.
fn below(path: &FieldPath, key: &str) -> Option<FieldPath> {
    let at = path.0.iter().position(|step| matches!(step, Step::Key(name) if name == key))?;
    Some(FieldPath(path.0.get(at + 1..)?.to_vec()))
}

/// Whether pods of the namespace get a sidecar, as far as the intent says.
fn injects(cluster: &mesh::Cluster, pod: &Pod) -> Option<bool> {
    let name = pod.namespace.as_deref()?;
    let declared = cluster.spec.namespaces.iter().find(|namespace| namespace.name.as_str() == name)?;
    let label = |key: &str| pod.labels.get(key).map(String::as_str);
    let revision = cluster.istio.revision.as_ref().map(|revision| revision.as_str());
    match declared.injection {
        Injection::Enabled => Some(true),
        Injection::Disabled => Some(false),
        Injection::Unset if label("sidecar.istio.io/inject") == Some("true") => Some(true),
        Injection::Unset => Some(revision.is_some() && label("istio.io/rev") == revision),
    }
}
