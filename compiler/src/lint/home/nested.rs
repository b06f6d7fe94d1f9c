//! Clusters that lie deeper than right below `clusters/`: `clusters/prod/eu-west-1/east`.
//!
//! The cluster IDs in the files tell. Where one of them is what a deeper directory is called, that directory is the cluster's,
//! and so are those at the same depth beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::{FLEETS, Home, SHARED, directory, has_word, identity, join};
use crate::lint::read::{Content, Files};

/// Words for environments, between which names repeat and nothing is compared.
const STAGES: &[&str] = &[
    "prod",
    "production",
    "prd",
    "stage",
    "staging",
    "stg",
    "dev",
    "development",
    "test",
    "qa",
    "uat",
    "nonprod",
    "preprod",
];

/// What lies below one directory of `clusters/`.
#[derive(Default)]
struct Below<'a> {
    /// Cluster IDs with the directories that they were found in, after the first one.
    ids: BTreeMap<&'a str, BTreeSet<Vec<&'a str>>>,
    /// Directories with files, after the first one.
    all: BTreeSet<Vec<&'a str>>,
}

/// Directories of clusters, with the clusters.
pub(super) fn find(files: &Files<'_>) -> BTreeMap<String, Home> {
    let mut fleets: BTreeMap<String, BTreeMap<&str, Below<'_>>> = BTreeMap::new();
    for file in files.in_order() {
        let directories: Vec<&str> = directory(file.path).split('/').collect();
        let Some(at) = directories.iter().rposition(|name| FLEETS.contains(name)) else { continue };
        let after = at.saturating_add(1);
        let (Some(first), Some(deeper)) =
            (directories.get(after), directories.get(after.saturating_add(1)..))
        else {
            continue;
        };
        if SHARED.contains(first) || deeper.iter().any(|name| SHARED.contains(name)) {
            continue;
        }
        let fleet = fleets.entry(join(directories.get(..after).unwrap_or_default())).or_default();
        let below = fleet.entry(first).or_default();
        below.all.insert(deeper.to_vec());
        for id in file.contents.iter().flat_map(ids) {
            below.ids.entry(id).or_default().insert(deeper.to_vec());
        }
    }
    let mut found = BTreeMap::new();
    for (fleet, below) in &fleets {
        found.extend(of_fleet(fleet, below));
    }
    found
}

fn ids(content: &Content) -> Vec<&str> {
    match content {
        Content::Object(manifest) => identity(manifest).into_iter().collect(),
        Content::Plain { values, .. } => values.iter().filter_map(identity).collect(),
    }
}

fn of_fleet(fleet: &str, all: &BTreeMap<&str, Below<'_>>) -> Vec<(String, Home)> {
    let mut places: Vec<(&str, &[&str])> = Vec::new();
    for (first, below) in all {
        let Some(depth) = depth(first, below) else { continue };
        let deep = below.all.iter().filter_map(|path| path.get(..depth)).collect::<BTreeSet<_>>();
        places.extend(deep.into_iter().map(|path| (*first, path)));
    }
    let around = fleet.trim_end_matches('/').rsplit_once('/').map_or("", |(around, _)| around);
    let around = if around.is_empty() { String::new() } else { format!("{around}/") };
    let name = |path: &[&str]| path.last().copied().unwrap_or_default().to_owned();
    let repeats = |scope: &str, of: &str| {
        let same =
            |(first, path): &&(&str, &[&str])| (scope.is_empty() || *first == scope) && name(path) == of;
        places.iter().filter(same).count() > 1
    };
    let is_apart = places.iter().any(|(first, path)| STAGES.contains(first) || repeats("", &name(path)));
    let home = |(first, path): &(&str, &[&str])| {
        let scope = if is_apart { format!("{fleet}{first}/") } else { around.clone() };
        let own = name(path);
        let own = if repeats(first, &own) { path.join("-") } else { own };
        (format!("{fleet}{first}/{}", path.join("/")), Home::named(scope, &own, true))
    };
    places.iter().map(home).collect()
}

/// How many directories below the first one lead to the clusters; nothing where the first one is a cluster.
fn depth(first: &str, below: &Below<'_>) -> Option<usize> {
    if below.ids.contains_key(first) {
        return None;
    }
    let is_called = |path: &[&str], id: &str, exactly: bool| {
        let name = path.last().copied().unwrap_or_default();
        name == id
            || std::iter::once(&first).chain(path).copied().collect::<Vec<_>>().join("-") == id
            || !exactly && (has_word(id, name) || has_word(name, id))
    };
    let mut depths = BTreeSet::new();
    for (id, paths) in &below.ids {
        for path in paths {
            let at = |exactly| {
                (1..=path.len())
                    .find(|depth| path.get(..*depth).is_some_and(|path| is_called(path, id, exactly)))
            };
            depths.insert(at(true).or_else(|| at(false).filter(|_| below.ids.len() > 1))?);
        }
    }
    match (depths.pop_first(), depths.is_empty()) {
        (Some(depth), true) => Some(depth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::read;
    use crate::source::Sources;

    /// Directories with the scope and name of their clusters.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let mut sources = Sources::new();
        for (path, id) in files {
            let text = match *id {
                "" => "a: 1\n".to_owned(),
                id => format!("global: {{network: n, multiCluster: {{clusterName: {id}}}}}\n"),
            };
            sources.add((*path).to_owned(), text.as_bytes().into());
        }
        let line = |(path, home): (&String, &Home)| format!("{path} = {}:{}", home.scope, home.name);
        find(&read::read(&sources)).iter().map(line).collect()
    }

    #[test]
    fn clusters_by_environment_and_region() {
        let files = [
            ("x/clusters/prod/eu/east/istio/values.yaml", "east"),
            ("x/clusters/prod/us/west/values.yaml", "west"),
            ("x/clusters/prod/us/north/other.yaml", ""),
            ("x/clusters/prod/common/values.yaml", ""),
        ];
        let expected = [
            "x/clusters/prod/eu/east = x/clusters/prod/:east",
            "x/clusters/prod/us/north = x/clusters/prod/:north",
            "x/clusters/prod/us/west = x/clusters/prod/:west",
        ];
        assert_eq!(found(&files), expected);
    }

    #[test]
    fn clusters_by_region_are_one_fleet_unless_names_repeat() {
        let files = [("clusters/eu/east/v.yaml", "east"), ("clusters/us/west/v.yaml", "west")];
        assert_eq!(found(&files), ["clusters/eu/east = :east", "clusters/us/west = :west"]);
        let files = [("clusters/eu/a/v.yaml", "eu-a"), ("clusters/us/a/v.yaml", "us-a")];
        assert_eq!(found(&files), ["clusters/eu/a = clusters/eu/:a", "clusters/us/a = clusters/us/:a"]);
    }

    #[test]
    fn a_directory_with_one_cluster_is_that() {
        for files in [
            [("clusters/east/istio/v.yaml", "east"), ("clusters/west/istio/v.yaml", "west")],
            [("clusters/east/istiod/v.yaml", "east"), ("clusters/east/ztunnel/v.yaml", "west")],
            [("clusters/dc1/istiod/v.yaml", "one"), ("clusters/dc1/ztunnel/v.yaml", "two")],
            [("clusters/prod/v.yaml", "prod-eu"), ("clusters/stage/v.yaml", "stage-eu")],
            [("east/v.yaml", "east"), ("west/v.yaml", "west")],
        ] {
            assert_eq!(found(&files), [""; 0], "{files:?}");
        }
    }
}
