//! What kustomizations say of files: which are listed, which are patches, which were forgotten.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::repository::Manifest;

use crate::lint::read::{Files, directory};

/// What all kustomizations of a repository say of its files.
pub(super) struct Listing<'a> {
    /// Files and directories that some kustomization applies.
    listed: BTreeSet<&'a str>,
    /// Files that are patches or go into generated objects, and no objects.
    others: BTreeSet<&'a str>,
    /// Directories of the kustomizations that list a directory.
    parents: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Listing<'a> {
    pub(super) fn of(files: &'a Files<'_>) -> Listing<'a> {
        let mut listing =
            Listing { listed: BTreeSet::new(), others: BTreeSet::new(), parents: BTreeMap::new() };
        for kustomization in files.kustomizations() {
            for resource in kustomization.resources.iter().chain(&kustomization.components) {
                listing.listed.insert(resource);
                listing.parents.entry(resource).or_default().push(&kustomization.directory);
            }
            listing.others.extend(kustomization.other_files());
        }
        listing
    }

    /// Whether some kustomization applies a file or directory.
    pub(super) fn lists(&self, path: &str) -> bool {
        self.listed.contains(path)
    }

    /// Whether a file is nothing by itself: a patch, or what goes into a generated object.
    pub(super) fn is_ingredient(&self, path: &str) -> bool {
        self.others.contains(path)
    }

    /// Directories of the kustomizations that list a directory.
    pub(super) fn parents(&self, directory: &str) -> &[&'a str] {
        self.parents.get(directory).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the kustomization beside a file lists its neighbours only. Files for istioctl and Helm belong in none.
    pub(super) fn is_orphaned(&self, files: &Files<'_>, path: &str, manifest: &Manifest) -> bool {
        if self.lists(path) || !belongs_in_kustomization(manifest) {
            return false;
        }
        let own = directory(path);
        files.kustomization(own).is_some_and(|kustomization| {
            let beside = |path: &String| {
                directory(path) == own && [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
            };
            kustomization.opaque.is_empty() && kustomization.resources.iter().any(beside)
        })
    }
}

/// Kinds that people apply with their neighbours, when they assert something.
const LISTED_KINDS: &[&str] = &["Namespace", "Gateway", "IPAddressPool", "HelmRelease", "Istio"];

fn belongs_in_kustomization(manifest: &Manifest) -> bool {
    // Of Services, those of gateways between networks: every other one has ports, too.
    let is_entry = |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::GatewayPortLabel { .. });
    let claims = &manifest.claims.list;
    (!claims.is_empty() || !manifest.unresolved.is_empty())
        && (LISTED_KINDS.contains(&manifest.kind.as_str())
            || manifest.kind == "Service" && claims.iter().any(|claim| is_entry(&claim.fact)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::item::Item;
    use crate::lint::assign::testing::{ISTIO, NAMESPACE, sources};
    use crate::lint::read;

    /// Paths of the files that their kustomization forgets.
    fn orphans(files: &[(&str, &str)]) -> Vec<String> {
        let sources = sources(files);
        let files = read::read(&sources);
        let listing = Listing::of(&files);
        let mut orphans = Vec::new();
        for file in files.in_order() {
            for object in Item::all(file).iter().filter_map(Item::object) {
                if listing.is_orphaned(&files, file.path, object.source.unwrap()) {
                    orphans.push(file.path.to_owned());
                }
            }
        }
        orphans
    }

    #[test]
    fn a_file_beside_listed_ones_that_nothing_lists_is_orphaned() {
        let listed = "resources: [namespace.yaml]\n";
        let files = [("a/namespace.yaml", NAMESPACE), ("a/other.yaml", NAMESPACE)];
        assert_eq!(orphans(&[&files[..], &[("a/kustomization.yaml", listed)]].concat()), ["a/other.yaml"]);
        let from_above = ("kustomization.yaml", "resources: [a, a/other.yaml]\n");
        let all = [&files[..], &[("a/kustomization.yaml", listed), from_above]].concat();
        assert_eq!(orphans(&all), [""; 0], "listed from elsewhere");
    }

    #[test]
    fn what_is_not_applied_with_its_neighbours_is_not_orphaned() {
        let listed = ("a/kustomization.yaml", "resources: [namespace.yaml]\n");
        let namespace = ("a/namespace.yaml", NAMESPACE);
        assert_eq!(orphans(&[listed, namespace, ("a/istio.yaml", ISTIO)]), [""; 0], "for istioctl");
        let elsewhere = ("a/kustomization.yaml", "resources: [../b]\n");
        assert_eq!(orphans(&[elsewhere, namespace]), [""; 0], "a kustomization of other directories");
        let generating = ("a/kustomization.yaml", "resources: [x.yaml]\ngenerators: [g.yaml]\n");
        assert_eq!(orphans(&[generating, namespace]), [""; 0], "what is not followed may bring it");
    }

    #[test]
    fn patches_are_ingredients() {
        let text = "resources: [a.yaml]\npatches: [{path: p.yaml}]\n";
        let sources = sources(&[("x/kustomization.yaml", text), ("kustomization.yaml", "resources: [x]\n")]);
        let files = read::read(&sources);
        let listing = Listing::of(&files);
        assert!(listing.lists("x/a.yaml") && listing.lists("x"));
        assert!(listing.is_ingredient("x/p.yaml") && !listing.is_ingredient("x/a.yaml"));
        assert_eq!(listing.parents("x"), [""]);
    }
}
