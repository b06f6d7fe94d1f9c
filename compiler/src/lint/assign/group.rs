//! Files come in groups: a kustomize root, or a directory without one. A group belongs to the cluster that the command
//! line, its directory or the cluster ID in it says; what nothing names is compared within itself.

use std::collections::{BTreeMap, BTreeSet};

use super::item::Item;
use super::listing::Listing;
use crate::lint::home::{self, Home, Naming, Open};
use crate::lint::kustomize::{Builder, Built};
use crate::lint::read::{Files, directory};

/// Files that are applied together, or lie together.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub(super) home: Home,
    /// The directory of the root, or of the files.
    pub(super) place: &'a str,
    pub(super) is_root: bool,
    /// Whether all of it was found and followed.
    pub(super) complete: bool,
    /// Whether something applies it.
    pub(super) applied: bool,
    /// Whether it is here because an agent delivers it: another delivery of the same directory is another group.
    pub(super) delivered: bool,
    /// Directories of the roots in it.
    pub(super) roots: BTreeSet<&'a str>,
    pub(super) items: Vec<Item<'a>>,
}

impl<'a> Group<'a> {
    /// A kustomize root, as it is built.
    pub(super) fn root(home: Home, place: &'a str, built: &Built<'a>) -> Group<'a> {
        Group {
            home,
            place,
            is_root: true,
            complete: built.complete,
            applied: true,
            delivered: false,
            roots: built.roots.clone(),
            items: built.objects.iter().cloned().map(Item::Object).collect(),
        }
    }

    /// Files of a directory that are in no root.
    pub(super) fn loose(home: Home, place: &'a str, items: Vec<Item<'a>>) -> Group<'a> {
        Group {
            home,
            place,
            is_root: false,
            complete: true,
            applied: false,
            delivered: false,
            roots: BTreeSet::new(),
            items,
        }
    }

    /// The same, as an agent applies it.
    pub(super) fn delivered(self) -> Group<'a> {
        Group { applied: true, delivered: true, ..self }
    }

    /// The first cluster ID in it.
    fn identity(&self) -> Option<String> {
        self.items.iter().filter_map(Item::identity).min()
    }
}

/// Every root that no other one of its cluster includes, and the files that are in none: each file once for a cluster.
pub(super) fn groups<'a>(
    files: &'a Files<'a>,
    builder: &Builder<'a>,
    listing: &Listing<'a>,
    naming: &Naming<'_>,
) -> Vec<Group<'a>> {
    let roots = Roots::of(files, builder, listing, naming);
    let loose = Loose::of(files, listing, naming, &roots.holders);
    settled(files, roots, loose)
}

/// Kustomize roots that stand for themselves.
struct Roots<'a> {
    /// Those whose directory names a cluster.
    named: Vec<Group<'a>>,
    /// Those of which nothing names the cluster yet.
    open: Vec<Group<'a>>,
    /// Files that are in a root, with the clusters of the roots.
    holders: BTreeMap<&'a str, BTreeSet<Home>>,
}

impl<'a> Roots<'a> {
    fn of(
        files: &'a Files<'a>,
        builder: &Builder<'a>,
        listing: &Listing<'a>,
        naming: &Naming<'_>,
    ) -> Roots<'a> {
        let home_of = |directory: &str| Home::of(&format!("{directory}/"), naming);
        let mut roots = Roots { named: Vec::new(), open: Vec::new(), holders: BTreeMap::new() };
        for kustomization in files.kustomizations().filter(|kustomization| !kustomization.component) {
            let directory = kustomization.directory.as_str();
            let home = home_of(directory);
            let parents = listing.parents(directory);
            let is_inner = match &home {
                Some(_) => parents.iter().any(|parent| home_of(parent) == home),
                None => !parents.is_empty(),
            };
            let Some(built) = builder.build(directory).filter(|_| !is_inner) else { continue };
            // A root of several clusters is none of them.
            if home.is_none() && built.roots.iter().any(|root| home_of(root).is_some()) {
                continue;
            }
            let is_named = home.is_some();
            let home = home.unwrap_or_else(|| Home::unnamed(directory));
            for file in &built.files {
                roots.holders.entry(file).or_default().insert(home.clone());
            }
            let group = Group::root(home, directory, &built);
            if is_named { &mut roots.named } else { &mut roots.open }.push(group);
        }
        roots
    }
}

/// Files that are in no root of their cluster.
struct Loose<'a> {
    /// By the cluster that the path names, if any, and the directory.
    by_place: BTreeMap<(Option<Home>, &'a str), Vec<Item<'a>>>,
    /// Those of which nothing names the cluster yet, with the files.
    open: Vec<(&'a str, Item<'a>)>,
}

impl<'a> Loose<'a> {
    fn of(
        files: &'a Files<'a>,
        listing: &Listing<'a>,
        naming: &Naming<'_>,
        holders: &BTreeMap<&str, BTreeSet<Home>>,
    ) -> Loose<'a> {
        let mut loose = Loose { by_place: BTreeMap::new(), open: Vec::new() };
        for file in files.in_order().filter(|file| !listing.is_ingredient(file.path)) {
            let home = Home::of(file.path, naming);
            let is_held = holders
                .get(file.path)
                .is_some_and(|homes| home.as_ref().is_none_or(|home| homes.contains(home)));
            if is_held {
                continue;
            }
            let items = Item::all(file);
            match home {
                Some(_) if items.is_empty() => {}
                Some(_) => loose.by_place.entry((home, directory(file.path))).or_default().extend(items),
                None => loose.open.extend(items.into_iter().map(|item| (file.path, item))),
            }
        }
        loose
    }
}

/// Finds the clusters of what is open by the cluster IDs in it.
fn settled<'a>(files: &Files<'_>, roots: Roots<'a>, loose: Loose<'a>) -> Vec<Group<'a>> {
    let of_roots = roots.open.iter().map(|group| Open {
        path: files.path_in(group.place),
        id: group.identity(),
        plane: group.items.iter().any(Item::is_plane),
    });
    let of_files =
        loose.open.iter().map(|(path, item)| Open { path, id: item.identity(), plane: item.is_plane() });
    let mut homes = home::by_identity(&of_roots.chain(of_files).collect::<Vec<_>>()).into_iter();
    let mut groups = roots.named;
    for mut group in roots.open {
        if let Some(home) = homes.next().flatten() {
            group.home = home;
        }
        groups.push(group);
    }
    let mut by_place = loose.by_place;
    for ((path, item), home) in loose.open.into_iter().zip(homes) {
        by_place.entry((home, directory(path))).or_default().push(item);
    }
    for ((home, place), items) in by_place {
        groups.push(Group::loose(home.unwrap_or_else(|| Home::unnamed(place)), place, items));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::testing::{ISTIO, NAMESPACE, sources};
    use crate::lint::read;

    /// The groups of a repository, one line each: cluster, directory, `root` or `loose`, number of items.
    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let sources = sources(files);
        let files = read::read(&sources);
        let (builder, listing) = (Builder::new(&files), Listing::of(&files));
        let groups = groups(&files, &builder, &listing, &Naming::of(&[], &files));
        let line = |group: &Group<'_>| {
            let kind = if group.is_root { "root" } else { "loose" };
            format!("{} {} {kind} {}", group.home.name, group.place, group.items.len())
        };
        groups.iter().map(line).collect()
    }

    #[test]
    fn a_root_takes_what_it_includes() {
        let files = [
            ("clusters/east/kustomization.yaml", "resources: [istio]\n"),
            ("clusters/east/istio/kustomization.yaml", "resources: [istio.yaml]\n"),
            ("clusters/east/istio/istio.yaml", ISTIO),
            ("clusters/east/istio/namespace.yaml", NAMESPACE),
        ];
        assert_eq!(told(&files), ["east clusters/east root 1", "east clusters/east/istio loose 1"]);
    }

    #[test]
    fn a_base_of_several_clusters_is_in_each_and_nothing_by_itself() {
        let files = [
            ("clusters/east/kustomization.yaml", "resources: [../../base]\n"),
            ("clusters/west/kustomization.yaml", "resources: [../../base]\n"),
            ("base/kustomization.yaml", "resources: [namespace.yaml]\n"),
            ("base/namespace.yaml", NAMESPACE),
        ];
        assert_eq!(told(&files), ["east clusters/east root 1", "west clusters/west root 1"]);
    }

    #[test]
    fn a_root_over_several_clusters_is_none_of_them() {
        let files = [
            ("kustomization.yaml", "resources: [clusters/east]\n"),
            ("clusters/east/kustomization.yaml", "resources: [namespace.yaml]\n"),
            ("clusters/east/namespace.yaml", NAMESPACE),
        ];
        assert_eq!(told(&files), ["east clusters/east root 1"]);
    }

    #[test]
    fn parts_and_variants_of_a_cluster_are_that_cluster() {
        let ztunnel = "multiCluster: {clusterName: east}\nnetwork: east-net\n";
        let files = [
            ("fleet/east/istiod/istio.yaml", ISTIO),
            ("fleet/east/ztunnel/values.yaml", ztunnel),
            ("fleet/east/manifests/namespace.yaml", NAMESPACE),
        ];
        let expected = [
            "east fleet/east/istiod loose 1",
            "east fleet/east/manifests loose 1",
            "east fleet/east/ztunnel loose 1",
        ];
        assert_eq!(told(&files), expected);
        let west = ISTIO.replace("east", "west");
        let files = [
            ("east/prod/istio.yaml", ISTIO),
            ("east/stage/istio.yaml", ISTIO),
            ("west/prod/istio.yaml", west.as_str()),
            ("west/stage/istio.yaml", west.as_str()),
        ];
        let mut clusters = told(&files);
        clusters.sort();
        let expected = [
            "east east/prod loose 1",
            "east east/stage loose 1",
            "west west/prod loose 1",
            "west west/stage loose 1",
        ];
        assert_eq!(clusters, expected);
    }

    #[test]
    fn what_no_path_names_belongs_to_the_cluster_id_in_it() {
        let west = ISTIO.replace("east", "west");
        let files = [
            ("fleet/a/kustomization.yaml", "resources: [istio.yaml]\n"),
            ("fleet/a/istio.yaml", ISTIO),
            ("fleet/b/istio.yaml", &west),
            ("fleet/b/namespace.yaml", NAMESPACE),
            ("notes/namespace.yaml", NAMESPACE),
        ];
        assert_eq!(told(&files), ["a fleet/a root 1", "notes notes loose 1", "b fleet/b loose 2"]);
    }
}
