//! Which cluster a path, a cluster ID or a destination means.

mod nested;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::names::hosted_name;
use meshwright_policies::repository::{Manifest, has_placeholder};
use meshwright_policies::witness::is_declaration;

use super::delivery::destination;
use super::read::{Content, Files, directory};

/// `clusters/*`: the directory that the star stands for is a cluster. Matched anywhere in a path, directory by directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterGlob(Vec<String>);

impl std::str::FromStr for ClusterGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<ClusterGlob, String> {
        let parts: Vec<String> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect();
        if parts.iter().any(|part| part.contains('*')) {
            Ok(ClusterGlob(parts))
        } else {
            Err("it needs a `*` that stands for the cluster's name, as in `clusters/*`".to_owned())
        }
    }
}

impl ClusterGlob {
    /// Scope and name in a directory.
    fn find(&self, directories: &[&str]) -> Option<(String, String)> {
        let (at, window) = directories.windows(self.0.len()).enumerate().find(|(_, window)| {
            window.iter().zip(&self.0).all(|(directory, pattern)| matches(directory, pattern))
        })?;
        let starred = window.iter().zip(&self.0).filter(|(_, pattern)| pattern.contains('*'));
        let name: Vec<&str> = starred.map(|(directory, _)| *directory).collect();
        Some((join(directories.get(..at).unwrap_or_default()), name.join("-")))
    }
}

/// One star in a name stands for any text.
pub(super) fn matches(directory: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => directory == pattern,
        Some((before, after)) => {
            directory.len() >= before.len() + after.len()
                && directory.starts_with(before)
                && directory.ends_with(after.trim_start_matches('*'))
        }
    }
}

/// Directories that hold one directory per cluster, and those that hold one per environment.
const FLEETS: &[&str] = &["clusters", "cluster"];
const ENVIRONMENTS: &[&str] = &["overlays", "envs", "environments", "env"];
/// What lies beside clusters and is none.
pub(super) const SHARED: &[&str] =
    &["base", "bases", "common", "shared", "all", "_base", "default", "templates", "components"];

/// Which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Home {
    pub(super) scope: String,
    pub(super) name: String,
    pub(super) named: bool,
    pub(super) fleet: bool,
    /// Whether the command line says so.
    pub(super) said: bool,
}

/// A directory and those above it that have a name, the innermost first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

fn join(directories: &[&str]) -> String {
    directories.iter().map(|directory| format!("{directory}/")).collect()
}

/// By what a directory is known to be a cluster's.
#[derive(Default)]
pub(super) struct Naming<'a> {
    /// What the command line says.
    globs: &'a [ClusterGlob],
    /// Clusters that a declaration names, or what is in their directory, whatever they are called.
    named: BTreeSet<&'a str>,
    /// Directories of clusters by what a declaration in them says: lint may be run inside of `clusters/`.
    declared: BTreeMap<String, String>,
    /// Directories of clusters that lie deeper than below `clusters/`, by environment or region.
    nested: BTreeMap<String, Home>,
}

impl<'a> Naming<'a> {
    /// By directories alone.
    pub(super) fn by_path(globs: &'a [ClusterGlob]) -> Naming<'a> {
        Naming { globs, ..Naming::default() }
    }

    pub(super) fn of(globs: &'a [ClusterGlob], files: &'a Files<'_>) -> Naming<'a> {
        let mut naming = Naming::by_path(globs);
        let mut told: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for file in files.in_order() {
            let marked = marked(file.path);
            for content in &file.contents {
                match content {
                    Content::Object(manifest) if is_declaration(&manifest.document) => {
                        let text = |path: &str| manifest.document.str_at(path);
                        let Some(name) = text("spec.cluster.name") else { continue };
                        naming.named.insert(name);
                        let own = cluster_of_declaration(directory(file.path));
                        told.entry(own.to_owned()).or_default().insert(name);
                        if let (Some(mesh), Some(beside)) = (text("spec.mesh.name"), beside(own)) {
                            let hosted = hosted_name(mesh);
                            naming.declared.insert(format!("{beside}{hosted}"), hosted);
                        }
                    }
                    Content::Object(manifest) => naming.takes(marked, manifest),
                    Content::Plain { values, .. } => {
                        values.iter().for_each(|values| naming.takes(marked, values));
                    }
                }
            }
        }
        naming.nested = nested::find(files);
        // A directory with the declarations of several clusters is none of theirs.
        for (own, names) in told {
            if let (Some(name), 1) = (names.first(), names.len()) {
                naming.declared.insert(own, (*name).to_owned());
            }
        }
        naming
    }

    /// What lies in a directory that is called like what clusters share may give that name as the cluster's ID.
    fn takes(&mut self, marked: Option<&'a str>, manifest: &Manifest) {
        if let Some(name) = marked.filter(|name| identity(manifest) == Some(name)) {
            self.named.insert(name);
        }
    }

    /// The cluster of the innermost directory with a declaration in it.
    fn declared(&self, directory: &str) -> Option<Home> {
        let own = ancestors(directory).chain([""]).find_map(|above| self.declared.get_key_value(above));
        let (directory, name) = own?;
        let scope = beside(directory).unwrap_or_default();
        Some(Home::named(scope.to_owned(), name, true))
    }
}

/// The name below `clusters/` and the like, when it is one that shared directories have.
fn marked(path: &str) -> Option<&str> {
    let directories: Vec<&str> = directory(path).split('/').collect();
    directories.windows(2).find_map(|pair| match pair {
        [marker, name] if FLEETS.contains(marker) && SHARED.contains(name) => Some(*name),
        _ => None,
    })
}

/// The directory of the cluster whose declaration lies there: the rendered root `declaration/` is beside its other ones.
fn cluster_of_declaration(directory: &str) -> &str {
    match directory.rsplit_once('/') {
        Some((above, "declaration")) => above,
        None if directory == "declaration" => "",
        _ => directory,
    }
}

/// What the paths of the directories beside one begin with; nothing for the root.
fn beside(directory: &str) -> Option<&str> {
    if directory.is_empty() {
        return None;
    }
    directory.rfind('/').map_or(Some(""), |at| directory.get(..=at))
}

impl Home {
    fn named(scope: String, name: &str, fleet: bool) -> Home {
        Home { scope, name: name.to_owned(), named: true, fleet, said: false }
    }

    /// What nothing names: a directory.
    pub(super) fn unnamed(directory: &str) -> Home {
        let name = if directory.is_empty() { "." } else { directory };
        Home { scope: directory.to_owned(), name: name.to_owned(), ..Home::default() }
    }

    /// The cluster of a file, by its path; `DIRECTORY/` for a directory.
    pub(super) fn of(path: &str, naming: &Naming<'_>) -> Option<Home> {
        let directories: Vec<&str> = directory(path).split('/').collect();
        for glob in naming.globs {
            if let Some((scope, name)) = glob.find(&directories) {
                return Some(Home { said: true, ..Home::named(scope, &name, true) });
            }
        }
        if !naming.nested.is_empty()
            && let Some(home) = ancestors(directory(path)).find_map(|above| naming.nested.get(above))
        {
            return Some(home.clone());
        }
        for (markers, fleet) in [(FLEETS, true), (ENVIRONMENTS, false)] {
            let pairs = directories.windows(2).enumerate().rev();
            for (at, pair) in pairs {
                let [marker, name] = pair else { continue };
                if markers.contains(marker) && (!SHARED.contains(name) || naming.named.contains(name)) {
                    return Some(Home::named(join(directories.get(..at).unwrap_or_default()), name, fleet));
                }
            }
        }
        naming.declared(directory(path))
    }
}

/// The cluster ID that a control plane's values give.
pub(super) fn identity(subject: &Manifest) -> Option<&str> {
    let mut ids = subject.claims.list.iter().filter(|claim| claim.fact == Fact::ClusterId && !claim.part);
    ids.next().map(|claim| claim.value.as_str())
}

/// A file, or a root, of which no convention says the cluster.
pub(super) struct Open<'a> {
    pub(super) path: &'a str,
    /// The cluster ID in it.
    pub(super) id: Option<String>,
    /// Whether it configures the control plane of that ID.
    pub(super) plane: bool,
}

/// The cluster IDs in a directory, and whether a control plane has them.
type Ids<'a> = BTreeMap<&'a str, bool>;

/// Directories of clusters that no convention names: one directory per cluster, or one directory with a file per
/// cluster. In the order of what is given.
pub(super) fn by_identity(open: &[Open<'_>]) -> Vec<Option<Home>> {
    let mut ids: BTreeMap<&str, Ids<'_>> = BTreeMap::new();
    for one in open.iter().filter(|one| !is_shared(one.path)) {
        if let Some(id) = &one.id {
            *ids.entry(directory(one.path)).or_default().entry(id).or_default() |= one.plane;
        }
    }
    let mut beside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for dir in ids.keys().filter(|dir| !dir.is_empty()) {
        beside.entry(directory(dir)).or_default().push(dir);
    }
    let siblings = |dir: &str| match dir.is_empty() {
        true => &[][..],
        false => beside.get(directory(dir)).map(Vec::as_slice).unwrap_or_default(),
    };
    let planes = |dir: &str| -> BTreeSet<&str> {
        let ids = ids.get(dir).into_iter().flatten();
        ids.filter(|(_, plane)| **plane).map(|(id, _)| *id).collect()
    };
    // `istiod/` and `ztunnel/` with a file per cluster each are parts of the same clusters; `prod/` and `staging/` are not.
    let is_part = |dir: &str| {
        let mut seen = BTreeSet::new();
        siblings(dir).iter().all(|dir| planes(dir).into_iter().all(|id| seen.insert(id)))
    };
    let find = |one: &Open<'_>| {
        if is_shared(one.path) {
            return None;
        }
        let (dir, here) = ancestors(directory(one.path)).find_map(|dir| Some((dir, ids.get(dir)?)))?;
        let (scope, base) = dir.rsplit_once('/').map_or((String::new(), dir), |(s, b)| (format!("{s}/"), b));
        let has_sibling = siblings(dir).len() > 1;
        let is_by_file = siblings(dir).iter().any(|dir| planes(dir).len() > 1);
        if has_sibling && !is_by_file {
            let all: BTreeSet<&str> = siblings(dir)
                .iter()
                .filter_map(|dir| ids.get(dir))
                .flat_map(BTreeMap::keys)
                .copied()
                .collect();
            return Some(match all.first().filter(|_| all.len() == 1) {
                Some(id) => {
                    let parts = siblings(dir).iter().filter(|dir| !planes(dir).is_empty()).count() < 2;
                    of_one_cluster(dir, id, parts)
                }
                None => Home::named(scope, base, false),
            });
        }
        if let Some(only) = here.keys().next().filter(|_| here.len() == 1 && !has_sibling) {
            return Some(Home::named(scope, only, false));
        }
        let of_file = || here.keys().copied().find(|id| names(one.path, id));
        let id = one.id.as_deref().or_else(of_file)?;
        let scope = if has_sibling && is_part(dir) { scope } else { format!("{dir}/") };
        Some(Home::named(scope, id, false))
    };
    let mut homes: Vec<Option<Home>> = open.iter().map(find).collect();
    let found: BTreeSet<&Home> = homes.iter().flatten().collect();
    let more: Vec<Option<Home>> = open
        .iter()
        .zip(&homes)
        .map(|(one, home)| match home {
            None if !is_shared(one.path) => named_alike(one.path, &found),
            _ => None,
        })
        .collect();
    for (home, more) in homes.iter_mut().zip(more) {
        if home.is_none() {
            *home = more;
        }
    }
    homes
}

/// The cluster of directories beside each other that all give one ID: its parts (`east/istiod/` and `east/ztunnel/`), or its
/// variants for several environments (`east/prod/` and `east/staging/`), which belong with those of other clusters.
fn of_one_cluster(dir: &str, id: &str, are_parts: bool) -> Home {
    let (parent, base) = dir.rsplit_once('/').unwrap_or(("", dir));
    let (around, name) =
        parent.rsplit_once('/').map_or((String::new(), parent), |(a, n)| (format!("{a}/"), n));
    let name = if name.is_empty() { id } else { name };
    let scope = if are_parts { around } else { format!("{around}*/{base}/") };
    Home::named(scope, name, false)
}

/// The cluster that a directory or the file of a path is called after, among those that lie beside: `manifests/east/` or
/// `manifests/east.yaml` beside `values/`, where `east` has its values.
fn named_alike(path: &str, found: &BTreeSet<&Home>) -> Option<Home> {
    let own = directory(path);
    let near = |home: &&&Home| {
        let around = directory(home.scope.trim_end_matches('/'));
        let rest = if around.is_empty() { Some(path) } else { path.strip_prefix(around) };
        // At least one directory of its own: what lies beside the directories belongs to all of them.
        rest.is_some_and(|rest| rest.trim_start_matches('/').contains('/'))
            && (own.split('/').any(|part| part == home.name) || names(path, &home.name))
    };
    let all: Vec<&&Home> = found.iter().filter(near).collect();
    let longest = all.iter().map(|home| home.scope.len()).max()?;
    let mut nearest = all.into_iter().filter(|home| home.scope.len() == longest);
    match (nearest.next(), nearest.next()) {
        (Some(only), None) => Some((*only).clone()),
        _ => None,
    }
}

/// Whether a file is what several clusters have in common.
fn is_shared(path: &str) -> bool {
    directory(path).split('/').any(|part| SHARED.contains(&part))
}

/// Whether the name of a file has the cluster ID as a word.
fn names(path: &str, id: &str) -> bool {
    has_word(path.rsplit('/').next().unwrap_or(path), id)
}

/// Whether a name has a text in it that no letters and digits go on from.
fn has_word(name: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    name.match_indices(word).any(|(at, _)| {
        let before = name.get(..at).and_then(|text| text.chars().next_back());
        let after = name.get(at.saturating_add(word.len())..).and_then(|text| text.chars().next());
        edge(before) && edge(after)
    })
}

/// The cluster that an object is delivered to from elsewhere, or speaks of.
pub(super) fn by_destination(subject: &Manifest, path: &str, own: &Home, known: &Known) -> Option<Home> {
    let name = match subject.kind.as_str() {
        "Application" => subject.document.get("spec").and_then(destination),
        "HelmRelease" => subject
            .text("spec.kubeConfig.secretRef.name")
            .map(|secret| of_kubeconfig(&secret, subject.namespace.as_deref())),
        "MeshCluster" => Some(subject.name.clone()),
        "GlobalMesh" => Some(hosted_name(&subject.name)),
        _ => None,
    }?;
    if name.is_empty() || has_placeholder(&name) {
        return None;
    }
    Some(known.home(&name, path, own))
}

/// Clusters that something names.
#[derive(Default)]
pub(super) struct Known {
    by_name: BTreeMap<String, BTreeSet<Home>>,
    /// Scopes with a directory of clusters.
    fleets: BTreeSet<String>,
    /// Names of Argo CD's clusters by the address of their API server.
    pub(super) servers: BTreeMap<String, String>,
}

impl Known {
    pub(super) fn of<'a>(homes: impl Iterator<Item = &'a Home>) -> Known {
        let mut known = Known::default();
        homes.for_each(|home| known.add(home));
        known
    }

    pub(super) fn add(&mut self, home: &Home) {
        if home.named {
            self.by_name.entry(home.name.clone()).or_default().insert(home.clone());
        }
        if home.fleet {
            self.fleets.insert(home.scope.clone());
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The cluster of a name, the nearest one to a path; a new one, of the same fleet as what names it, when there is none.
    pub(super) fn home(&self, name: &str, path: &str, own: &Home) -> Home {
        let name = self.servers.get(name).map_or(name, String::as_str);
        let scope = match self.fleets.first() {
            _ if own.named => own.scope.clone(),
            Some(only) if self.fleets.len() == 1 => only.clone(),
            _ => String::new(),
        };
        let shared = |home: &&Home| common(&home.scope, path);
        let same = self.by_name.get(name).into_iter().flatten();
        same.max_by_key(shared).cloned().unwrap_or_else(|| Home::named(scope, name, true))
    }
}

/// Bytes that two paths begin with alike.
fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// The cluster that a kubeconfig Secret leads to, by the ways in which people name them: `west-kubeconfig`, or `kubeconfig`
/// in a namespace of the cluster's name (Cluster API, Flux's guides).
pub(super) fn of_kubeconfig(secret: &str, namespace: Option<&str>) -> String {
    let name =
        secret.strip_suffix("-kubeconfig").or_else(|| secret.strip_prefix("kubeconfig-")).unwrap_or(secret);
    match namespace {
        Some(namespace) if matches!(name, "kubeconfig" | "kube-config" | "value") => namespace.to_owned(),
        _ => name.to_owned(),
    }
}
