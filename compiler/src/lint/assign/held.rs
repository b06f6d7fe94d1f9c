//! What the files of one cluster come to: every object with its values in it, and what it asserts.

use std::collections::BTreeSet;

use meshwright_policies::repository::Manifest;

use super::Surroundings;
use super::group::Group;
use super::item::Item;
use crate::lint::helm::{self, ConfigMaps, Resolved};
use crate::lint::home::{self, Home};
use crate::lint::kustomize::Object;
use crate::lint::read::{self, directory, is_within};

/// A cluster's groups.
pub(super) struct Held<'a> {
    pub(super) home: Home,
    pub(super) groups: Vec<Group<'a>>,
}

/// What a cluster's files come to.
pub(super) struct Finished {
    pub(super) home: Home,
    /// Whether all of them were found and followed.
    pub(super) complete: bool,
    /// Manifests with the cluster that each is of: objects may speak of others.
    pub(super) manifests: Vec<(Home, Placed)>,
    /// Files with values that were not read.
    pub(super) unread: Vec<String>,
    /// Files of values that releases take: their values are in the releases.
    pub(super) used: BTreeSet<String>,
}

/// A manifest, and where it comes from: the file, and what tells variants apart.
pub(super) struct Placed {
    pub(super) path: String,
    pub(super) place: String,
    pub(super) manifest: Manifest,
    /// Whether it is a file of values as it lies there.
    pub(super) is_file: bool,
}

impl Held<'_> {
    pub(super) fn finish(&self, around: Surroundings<'_, '_>) -> Finished {
        let items = || self.groups.iter().flat_map(|group| group.items.iter().map(move |item| (group, item)));
        let maps = ConfigMaps::of(items().filter_map(|(_, item)| item.object()));
        let mut finished = Finished {
            home: self.home.clone(),
            complete: self.groups.iter().all(|group| group.complete),
            manifests: Vec::new(),
            unread: Vec::new(),
            used: BTreeSet::new(),
        };
        for (group, item) in items() {
            if let Item::Object(object) = item {
                let resolved = helm::resolve(object.node(), object.path, &maps, around.files);
                finished.used.extend(resolved.files.iter().cloned());
                finished.object(group, object, resolved, around);
            }
        }
        for (group, item) in items() {
            if let Item::Values(path, manifest) = item {
                finished.add(self.home.clone(), path, group, (*manifest).clone(), true);
            }
        }
        finished
    }
}

impl Finished {
    fn object(
        &mut self,
        group: &Group<'_>,
        object: &Object<'_>,
        resolved: Resolved,
        around: Surroundings<'_, '_>,
    ) {
        let mut manifest = match (resolved.document, object.source) {
            (Some(document), _) => read::object(document, around.files.sources),
            (None, Some(source)) => source.clone(),
            (None, None) => read::object(object.node().clone(), around.files.sources),
        };
        if object.unknown {
            manifest.claims.list.clear();
            manifest.unknown = true;
            self.complete = false;
        }
        if resolved.unread {
            self.unread.push(object.path.to_owned());
        }
        manifest.applied = group.applied || around.listing.lists(object.path);
        manifest.orphaned =
            !group.applied && around.listing.is_orphaned(around.files, object.path, &manifest);
        manifest.lost.extend(object.lost.iter().cloned());
        let home = home::by_destination(&manifest, object.path, &self.home, around.known)
            .unwrap_or_else(|| self.home.clone());
        for values in resolved.values {
            self.add(home.clone(), object.path, group, values, false);
        }
        self.add(home, object.path, group, manifest, false);
    }

    fn add(&mut self, home: Home, path: &str, group: &Group<'_>, manifest: Manifest, is_file: bool) {
        // A base that several roots change is written once.
        let own = is_within(directory(path), group.place) || !group.is_root;
        let place = if own { directory(path) } else { group.place };
        let placed = Placed { path: path.to_owned(), place: place.to_owned(), manifest, is_file };
        self.manifests.push((home, placed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::listing::Listing;
    use crate::lint::assign::testing::{ISTIO, NAMESPACE, sources};
    use crate::lint::home::Known;
    use crate::lint::read::Files;

    /// All files in one group of the cluster `east`, which `shape` may change.
    fn finished(files: &[(&str, &str)], shape: impl FnOnce(&mut Group<'_>)) -> Finished {
        let sources = sources(files);
        let files: Files<'_> = read::read(&sources);
        let home = Home { name: "east".to_owned(), named: true, ..Home::default() };
        let mut group = Group::loose(home.clone(), "", files.in_order().flat_map(Item::all).collect());
        shape(&mut group);
        let (listing, known) = (Listing::of(&files), Known::default());
        let around = Surroundings { files: &files, listing: &listing, known: &known };
        Held { home, groups: vec![group] }.finish(around)
    }

    const RELEASE: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: istiod}
spec:
  sources:
    - {repoURL: https://charts.example.com, chart: istiod, helm: {valueFiles: [$values/istiod.yaml]}}
    - {repoURL: https://git.example.com/x.git, ref: values}
  destination: {name: in-cluster}
";
    const VALUES: &str = "global: {network: east-net, multiCluster: {clusterName: east}}\n";

    #[test]
    fn values_that_a_release_takes_are_not_there_a_second_time() {
        let used = finished(&[("app.yaml", RELEASE), ("istiod.yaml", VALUES)], |_| {});
        assert_eq!(used.used.iter().collect::<Vec<_>>(), ["istiod.yaml"]);
        let (files, objects): (Vec<_>, Vec<_>) =
            used.manifests.iter().map(|(_, placed)| placed).partition(|placed| placed.is_file);
        assert_eq!(
            (files[0].path.as_str(), objects[0].manifest.kind.as_str()),
            ("istiod.yaml", "Application")
        );
        assert!(!objects[0].manifest.claims.list.is_empty(), "they are in it");
        let alone = finished(&[("istiod.yaml", VALUES)], |_| {});
        assert_eq!(alone.manifests.len(), 1);
    }

    #[test]
    fn values_that_are_not_there_are_told() {
        let finished = finished(&[("app.yaml", RELEASE)], |_| {});
        assert_eq!(finished.unread, ["app.yaml"]);
        assert!(finished.complete);
    }

    #[test]
    fn what_was_not_followed_asserts_nothing() {
        let finished = finished(&[("istio.yaml", ISTIO)], |group| {
            for item in &mut group.items {
                if let Item::Object(object) = item {
                    object.unknown = true;
                }
            }
        });
        let manifest = &finished.manifests[0].1.manifest;
        assert!(!finished.complete && manifest.unknown && manifest.claims.list.is_empty());
    }

    #[test]
    fn an_object_may_speak_of_another_cluster() {
        let member = "apiVersion: discovery.mspider.io/v3alpha1\nkind: MeshCluster\nmetadata: {name: west}\n";
        let finished = finished(&[("m.yaml", member), ("n.yaml", NAMESPACE)], |_| {});
        let homes: Vec<&str> = finished.manifests.iter().map(|(home, _)| home.name.as_str()).collect();
        assert_eq!(homes, ["west", "east"]);
    }

    #[test]
    fn a_base_is_told_apart_by_the_root_that_changes_it() {
        let shape = |is_root: bool| {
            let finished = finished(&[("base/n.yaml", NAMESPACE)], |group| {
                (group.place, group.is_root) = ("clusters/east", is_root);
            });
            finished.manifests[0].1.place.clone()
        };
        assert_eq!([shape(true), shape(false)], ["clusters/east", "base"]);
    }
}
