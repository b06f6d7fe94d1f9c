//! No two files may own one object of one API server.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::finding;
use meshwright_policies::intent::Delivery;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;

use super::{AssembleError, Origin};
use crate::artefact::{Rendered, Root};
use crate::artefacts::carried;
use crate::carry;
use crate::destination::{Destination, Server};
use crate::stage::group;

/// Where objects live that must not have one identity twice.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    /// One API server.
    Server(&'a ClusterName),
    /// The cluster from which Flux reaches others. The intent knows of one.
    FluxElsewhere,
    /// The cluster of Argo CD.
    Argocd,
    /// Files that nobody applies as they are.
    Files(&'a Root),
}

/// Group, kind, namespace, name. The version does not count: one object is served at all of them.
type Identity<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

struct Entry<'a> {
    identity: Identity<'a>,
    root: &'a Root,
    rendered: &'a Rendered,
}

/// Every object that is rendered a second time for its API server.
pub(super) fn rendered_twice(
    fleet: &Fleet,
    objects: &BTreeMap<Root, Vec<Arc<Rendered>>>,
    destinations: &BTreeMap<ClusterName, Destination<'_>>,
) -> Vec<AssembleError> {
    let mut places: BTreeMap<Place<'_>, Vec<Entry<'_>>> = BTreeMap::new();
    for (root, all) in objects.iter().filter(|(root, _)| **root != Root::Crds) {
        places.entry(place(root, destinations)).or_default().extend(entries(root, all));
    }
    let crds = objects.get(&Root::Crds).map_or(&[][..], Vec::as_slice);
    let mut errors = duplicates(fleet, entries(&Root::Crds, crds).collect(), destinations);
    for (place, mut entries_here) in places {
        if matches!(place, Place::Server(_)) {
            entries_here.extend(entries(&Root::Crds, crds));
        }
        errors.extend(duplicates(fleet, entries_here, destinations));
    }
    errors.dedup();
    errors
}

fn place<'a>(root: &'a Root, destinations: &BTreeMap<ClusterName, Destination<'_>>) -> Place<'a> {
    match root {
        Root::Declaration(name) | Root::Mesh(name) => Place::Server(name),
        Root::Flux(name) => match destinations.get(name).map(|to| to.delivery) {
            Some(Delivery::Flux(flux)) if flux.kube_config_secret.is_some() => Place::FluxElsewhere,
            _ => Place::Server(name),
        },
        Root::Argocd => Place::Argocd,
        Root::Crds | Root::Istioctl(_) | Root::Helm(_) => Place::Files(root),
    }
}

fn entries<'a>(root: &'a Root, all: &'a [Arc<Rendered>]) -> impl Iterator<Item = Entry<'a>> {
    all.iter().map(move |rendered| {
        let object = &rendered.object;
        let group = group(object.api_version());
        Entry { identity: (group, object.kind(), object.namespace_name(), object.name()), root, rendered }
    })
}

fn duplicates(
    fleet: &Fleet,
    mut entries: Vec<Entry<'_>>,
    destinations: &BTreeMap<ClusterName, Destination<'_>>,
) -> Vec<AssembleError> {
    entries.sort_by_key(|entry| entry.identity);
    let twice = |pair: &[Entry<'_>]| match pair {
        [first, second] if first.identity == second.identity => Some(AssembleError::RenderedTwice {
            object: first.rendered.object.reference(),
            group: first.identity.0.to_owned(),
            first: Origin::of(first.root, first.rendered),
            second: Origin::of(second.root, second.rendered),
            place: carried(fleet, [second, first]).unwrap_or_else(|| written(second.root, destinations)),
        }),
        _ => None,
    };
    entries.windows(2).filter_map(twice).collect()
}

/// The one of the two that a person wrote.
fn carried(fleet: &Fleet, entries: [&Entry<'_>; 2]) -> Option<finding::Place> {
    entries.into_iter().filter(|entry| entry.rendered.artefact == carried::NAME).find_map(|entry| {
        let (_, _, document) = carry::source(fleet, entry.root, &entry.rendered.object)?;
        Some(finding::Place::in_document(document, "metadata.name"))
    })
}

/// Where a person looks first: at the document of the cluster, or of the mesh.
fn written(root: &Root, destinations: &BTreeMap<ClusterName, Destination<'_>>) -> finding::Place {
    match root.cluster().and_then(|name| destinations.get(name)) {
        Some(Destination { server: Server::Cluster(cluster), .. }) => cluster.written.name(),
        Some(to) => to.mesh.written.name(),
        None => finding::Place::unknown(),
    }
}
