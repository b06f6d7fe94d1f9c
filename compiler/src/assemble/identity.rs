//! No two files may own one object of one API server.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::finding;
use meshwright_policies::intent::Delivery;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;

use super::{AssembleError, Assembly, Origin};
use crate::artefact::{Objects, Rendered, Root};
use crate::artefacts::carried;
use crate::carry;
use crate::destination::{Destination, Server};
use crate::stage::group;

/// Where objects live that must not have one identity twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The CRDs of every API server.
    #[default]
    Everywhere,
    /// One API server.
    Server(ClusterName),
    /// The cluster from which Flux reaches others. The intent knows of one.
    FluxElsewhere,
    /// The cluster of Argo CD.
    Argocd,
    /// Files that nobody applies as they are.
    Files(Root),
}

impl Place {
    pub(super) fn of(root: &Root, destinations: &BTreeMap<ClusterName, Destination<'_>>) -> Place {
        match root {
            Root::Crds => Place::Everywhere,
            Root::Declaration(name) | Root::Mesh(name) => Place::Server(name.clone()),
            Root::Flux(name) => match destinations.get(name).map(|to| to.delivery) {
                Some(Delivery::Flux(flux)) if flux.kube_config_secret.is_some() => Place::FluxElsewhere,
                _ => Place::Server(name.clone()),
            },
            Root::Argocd => Place::Argocd,
            Root::Istioctl(_) | Root::Helm(_) => Place::Files(root.clone()),
        }
    }
}

/// Group, kind, namespace, name. The version does not count: one object is served at all of them.
type Identity<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);

struct Entry<'a> {
    identity: Identity<'a>,
    root: &'a Root,
    rendered: &'a Rendered,
}

/// Every object that is rendered a second time for its API server. What was in one place in an earlier assembly is known
/// to have no object twice.
pub(super) fn rendered_twice(
    fleet: &Fleet,
    objects: &Objects,
    destinations: &BTreeMap<ClusterName, Destination<'_>>,
    earlier: Option<&Assembly>,
) -> Vec<AssembleError> {
    let mut places: BTreeMap<Place, Vec<&Root>> = BTreeMap::new();
    for root in objects.keys() {
        places.entry(Place::of(root, destinations)).or_default().push(root);
    }
    let objects_of = |root: &Root| objects.get(root).map_or(&[][..], Vec::as_slice);
    let is_known = |root: &Root, place: &Place| {
        let known = earlier.and_then(|earlier| earlier.roots.get(root)).filter(|known| known.place == *place);
        known.is_some_and(|known| known.holds(objects_of(root)))
    };
    let crds_known = objects_of(&Root::Crds).is_empty() || is_known(&Root::Crds, &Place::Everywhere);
    let mut errors = Vec::new();
    for (place, roots) in places {
        if crds_known && roots.iter().all(|root| is_known(root, &place)) {
            continue;
        }
        let mut here: Vec<Entry<'_>> =
            roots.into_iter().flat_map(|root| entries(root, objects_of(root))).collect();
        if matches!(place, Place::Server(_)) {
            here.extend(entries(&Root::Crds, objects_of(&Root::Crds)));
        }
        errors.extend(duplicates(fleet, here, destinations));
    }
    errors.dedup();
    errors
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
