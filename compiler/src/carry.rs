//! Kubernetes objects that a cluster carries over as they are: the documents of other API groups that its `manifests`
//! name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshwright_policies::finding::{Findings, Place};
use meshwright_policies::mesh::{Carried, Cluster, Fleet, Mesh};
use meshwright_policies::names::ClusterName;
use meshwright_policies::node::{FieldPath, FileId, Node, Span};
use meshwright_policies::reading::{LOOK_ALIKE_CHARACTER, UNRESOLVED_PLACEHOLDER};

use crate::artefact::Root;
use crate::object::Object;

/// Gives every cluster the documents that its `manifests` name. `others` are all documents that are no intent.
///
/// What looks like a placeholder in them is no finding: `$(NAME)` is Kubernetes' own, and dashboards hold templates. Nor
/// is a character that resembles another one, in a text that people wrote.
pub fn attach(
    fleet: &mut Fleet,
    others: Vec<Arc<Node>>,
    paths: &BTreeMap<FileId, String>,
    findings: &mut Findings,
) {
    let wanted = |cluster: &Cluster| !cluster.spec.manifests.is_empty();
    if !fleet.clusters().any(|(_, cluster)| wanted(cluster)) {
        return;
    }
    let mut documents: Vec<(&str, Arc<Node>)> = others
        .into_iter()
        .filter_map(|document| Some((paths.get(&document.span.file)?.as_str(), document)))
        .flat_map(|(path, document)| items(document).into_iter().map(move |one| (path, one)))
        .collect();
    documents.sort_by(|(a, one), (b, other)| (a, one.span.start).cmp(&(b, other.span.start)));
    let mut carried_files = BTreeSet::new();
    for cluster in fleet.meshes.values_mut().flat_map(|mesh| mesh.clusters.values_mut()).filter(|c| wanted(c))
    {
        cluster.carried = carried(cluster, &documents, paths);
        let own = cluster.carried.iter().flat_map(|carried| &carried.documents);
        carried_files.extend(own.map(|document| document.span.file));
    }
    let spans: Vec<Span> = documents.iter().map(|(_, document)| document.span).collect();
    let lenient = [UNRESOLVED_PLACEHOLDER.code, LOOK_ALIKE_CHARACTER.code];
    findings.retain_mut(|finding| {
        let at = finding.place.span;
        let inside = |span: &Span| span.file == at.file && span.start <= at.start && at.end <= span.end;
        !(lenient.contains(&finding.rule.code)
            && carried_files.contains(&at.file)
            && spans.iter().any(inside))
    });
}

fn carried(
    cluster: &Cluster,
    documents: &[(&str, Arc<Node>)],
    paths: &BTreeMap<FileId, String>,
) -> Vec<Carried> {
    let mut seen = BTreeSet::new();
    let entries = cluster.spec.manifests.iter().enumerate();
    entries
        .map(|(index, path)| Carried {
            path: path.clone(),
            place: cluster.written.place(FieldPath::parse("spec.manifests").index(index)),
            exists: paths.values().any(|file| path.holds(file)),
            documents: documents
                .iter()
                .filter(|(file, document)| path.holds(file) && seen.insert(document.span))
                .map(|(_, document)| Arc::clone(document))
                .collect(),
        })
        .collect()
}

/// The items of a `List`, which is no object of its own (kubernetes: `pkg/apis/core/types.go`, List).
fn items(document: Arc<Node>) -> Vec<Arc<Node>> {
    let text = |key: &str| document.get(key).and_then(Node::as_str);
    if (text("apiVersion"), text("kind")) == (Some("v1"), Some("List")) {
        document.get("items").into_iter().flat_map(Node::items).cloned().map(Arc::new).collect()
    } else {
        vec![document]
    }
}

/// The document that a carried object comes from, with its cluster.
#[must_use]
pub fn source<'a>(
    fleet: &'a Fleet,
    root: &Root,
    object: &Object,
) -> Option<(&'a Mesh, &'a Cluster, &'a Node)> {
    let name: &ClusterName = root.cluster()?;
    let (mesh, cluster) = fleet.clusters().find(|(_, cluster)| cluster.name == *name)?;
    Some((mesh, cluster, cluster.carried_object(object.as_map())?))
}

/// Where the intent declares what a path of a declaration's spec says.
#[must_use]
pub fn declared_at(mesh: &Mesh, cluster: &Cluster, path: &FieldPath) -> Place {
    let text = path.to_string();
    let text = text.strip_prefix("spec.").unwrap_or(&text);
    let starts = |prefix: &str| text.starts_with(prefix);
    if starts("cluster.id") {
        cluster.id_place()
    } else if starts("mesh.id") {
        mesh.id_place()
    } else if starts("mesh.trustDomain") {
        mesh.written.place("spec.trustDomain")
    } else if starts("network") && !starts("networks") {
        cluster.written.place("spec.network")
    } else if starts("gateways") {
        cluster
            .gateways
            .first()
            .map_or_else(|| cluster.written.name(), |gateway| gateway.address_place.clone())
    } else if starts("pools") {
        cluster.written.place("spec.loadBalancer.metallb.pools")
    } else {
        cluster.written.name()
    }
}
