//! Which cluster a document belongs to: what was said on the command line, what the object says, the directory, the
//! cluster ID that it gives itself. What nothing names is compared within its directory only.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::node::{FieldPath, Node, Span, Value};
use meshwright_policies::repository::{Cluster, Manifest, Repository, has_placeholder};

use super::kustomize::{Kustomization, closure};
use super::read::{self, Document};

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
fn matches(directory: &str, pattern: &str) -> bool {
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
const SHARED: &[&str] =
    &["base", "bases", "common", "shared", "all", "_base", "default", "templates", "components"];

/// Which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Home {
    scope: String,
    name: String,
    named: bool,
    fleet: bool,
}

pub(super) fn assign(
    documents: Vec<Document>,
    kustomizations: Vec<Kustomization>,
    globs: &[ClusterGlob],
    notes: &mut Vec<String>,
) -> Repository {
    let patches: BTreeSet<&str> =
        kustomizations.iter().flat_map(|k| &k.patch_files).map(String::as_str).collect();
    let by_path: BTreeMap<&str, Home> = documents
        .iter()
        .filter_map(|document| Some((document.path.as_str(), home_of(&document.path, globs)?)))
        .collect();
    let by_identity = by_identity(&documents, &by_path);
    let known = Known::of(by_path.values().chain(by_identity.values()));
    let mut homes: BTreeMap<Home, Vec<usize>> = BTreeMap::new();
    let mut at_home: BTreeMap<&str, Home> = BTreeMap::new();
    for (index, document) in documents.iter().enumerate() {
        if patches.contains(document.path.as_str()) {
            continue;
        }
        let own = by_path.get(document.path.as_str()).or_else(|| by_identity.get(&index));
        let home = by_destination(document, own, &known)
            .or_else(|| own.cloned())
            .unwrap_or_else(|| unnamed(directory(&document.path)));
        if home.named {
            at_home.insert(&document.path, home.clone());
        }
        homes.entry(home).or_default().push(index);
    }
    // A directory may hold nothing but changes to what lies elsewhere.
    for kustomization in &kustomizations {
        if let Some(home) = home_of(&format!("{}/", kustomization.directory), globs) {
            homes.entry(home).or_default();
        }
    }
    let build = Build::new(&documents, &kustomizations, at_home);
    let clusters: Vec<Cluster> = homes.into_iter().map(|(home, own)| build.cluster(home, &own)).collect();
    let mixed = clusters.iter().filter(|cluster| cluster.mixed).map(|cluster| cluster.name.as_str());
    for name in mixed {
        notes.push(format!(
            "`{name}` holds the same object several times: it seems to be several clusters, and `--cluster-glob` can say which"
        ));
    }
    Repository::new(clusters)
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// A directory and those above it that have a name, the innermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above))
}

fn join(directories: &[&str]) -> String {
    directories.iter().map(|directory| format!("{directory}/")).collect()
}

fn unnamed(directory: &str) -> Home {
    let name = if directory.is_empty() { "." } else { directory };
    Home { scope: directory.to_owned(), name: name.to_owned(), named: false, fleet: false }
}

fn home_of(path: &str, globs: &[ClusterGlob]) -> Option<Home> {
    let directories: Vec<&str> = directory(path).split('/').collect();
    for glob in globs {
        if let Some((scope, name)) = glob.find(&directories) {
            return Some(Home { scope, name, named: true, fleet: true });
        }
    }
    for (markers, fleet) in [(FLEETS, true), (ENVIRONMENTS, false)] {
        let pairs = directories.windows(2).enumerate().rev();
        for (at, pair) in pairs {
            let [marker, name] = pair else { continue };
            if markers.contains(marker) && !SHARED.contains(name) {
                let scope = join(directories.get(..at).unwrap_or_default());
                return Some(Home { scope, name: (*name).to_owned(), named: true, fleet });
            }
        }
    }
    None
}

/// The cluster ID that a control plane's values give.
fn identity(subject: &Manifest) -> Option<&str> {
    let mut ids = subject.claims.list.iter().filter(|claim| claim.fact == Fact::ClusterId && !claim.part);
    ids.next().map(|claim| claim.value.as_str())
}

/// Directories of clusters that no convention names: one directory per cluster, or one directory with a file per
/// cluster. By document.
fn by_identity(documents: &[Document], named: &BTreeMap<&str, Home>) -> BTreeMap<usize, Home> {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let open: Vec<(usize, &Document)> = documents
        .iter()
        .enumerate()
        .filter(|(_, d)| !named.contains_key(d.path.as_str()) && !is_shared(&d.path))
        .collect();
    for (_, document) in &open {
        if let Some(id) = identity(&document.subject) {
            ids.entry(directory(&document.path)).or_default().insert(id);
        }
    }
    let mut beside: BTreeMap<&str, usize> = BTreeMap::new();
    for dir in ids.keys().filter(|dir| !dir.is_empty()) {
        *beside.entry(directory(dir)).or_default() += 1;
    }
    let has_sibling =
        |dir: &str| !dir.is_empty() && beside.get(directory(dir)).is_some_and(|count| *count > 1);
    let mut found = BTreeMap::new();
    for (index, document) in open {
        let mut above = ancestors(directory(&document.path));
        let Some((dir, here)) = above.find_map(|dir| Some((dir, ids.get(dir)?))) else { continue };
        let (scope, base) = dir.rsplit_once('/').map_or((String::new(), dir), |(s, b)| (format!("{s}/"), b));
        let only = here.first().filter(|_| here.len() == 1);
        let home = if has_sibling(dir) {
            Home { scope, name: base.to_owned(), named: true, fleet: false }
        } else if let Some(id) = only {
            Home { scope, name: (*id).to_owned(), named: true, fleet: false }
        } else {
            let of_file = || here.iter().copied().find(|id| names(&document.path, id));
            match identity(&document.subject).or_else(of_file) {
                Some(id) => Home { scope: format!("{dir}/"), name: id.to_owned(), named: true, fleet: false },
                None => continue,
            }
        };
        found.insert(index, home);
    }
    found
}

/// Whether a file is what several clusters have in common.
fn is_shared(path: &str) -> bool {
    directory(path).split('/').any(|part| SHARED.contains(&part))
}

/// Whether the name of a file has the cluster ID as a word.
fn names(path: &str, id: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    file.match_indices(id).any(|(at, _)| {
        let before = file.get(..at).and_then(|text| text.chars().next_back());
        let after = file.get(at.saturating_add(id.len())..).and_then(|text| text.chars().next());
        edge(before) && edge(after)
    })
}

/// The cluster that an object is delivered to from elsewhere, or speaks of.
fn by_destination(document: &Document, own: Option<&Home>, known: &Known<'_>) -> Option<Home> {
    let subject = &document.subject;
    let name = match subject.kind.as_str() {
        "Application" => {
            let name = subject.text("spec.destination.name").filter(|name| name != "in-cluster");
            let server = || {
                subject
                    .text("spec.destination.server")
                    .filter(|server| !server.contains("kubernetes.default.svc"))
            };
            name.filter(|name| !name.is_empty()).or_else(server)
        }
        "HelmRelease" => subject.text("spec.kubeConfig.secretRef.name").map(|secret| {
            let name = secret.strip_suffix("-kubeconfig").or_else(|| secret.strip_prefix("kubeconfig-"));
            name.unwrap_or(&secret).to_owned()
        }),
        "MeshCluster" => Some(subject.name.clone()),
        "GlobalMesh" => Some(format!("{}-hosted", subject.name)),
        _ => None,
    }?;
    if name.is_empty() || has_placeholder(&name) {
        return None;
    }
    let scope = match (own, known.fleets.first()) {
        (Some(own), _) => own.scope.clone(),
        (None, Some(only)) if known.fleets.len() == 1 => (*only).to_owned(),
        _ => String::new(),
    };
    let shared = |home: &&&Home| common(&home.scope, &document.path);
    let same = known.by_name.get(name.as_str()).into_iter().flatten();
    let new = Home { scope, name: name.clone(), named: true, fleet: true };
    Some(same.max_by_key(shared).map_or(new, |home| (*home).clone()))
}

/// Clusters that files are known to belong to.
struct Known<'a> {
    by_name: BTreeMap<&'a str, BTreeSet<&'a Home>>,
    /// Scopes with a directory of clusters.
    fleets: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(homes: impl Iterator<Item = &'a Home>) -> Known<'a> {
        let mut known = Known { by_name: BTreeMap::new(), fleets: BTreeSet::new() };
        for home in homes {
            if home.named {
                known.by_name.entry(&home.name).or_default().insert(home);
            }
            if home.fleet {
                known.fleets.insert(&home.scope);
            }
        }
        known
    }
}

/// Bytes that two paths begin with alike.
fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

struct Build<'a> {
    documents: &'a [Document],
    by_path: BTreeMap<&'a str, Vec<&'a Document>>,
    kustomizations: BTreeMap<&'a str, &'a Kustomization>,
    /// Files that some kustomization applies.
    applied: BTreeSet<&'a str>,
    /// Files of which a cluster is known: no other one takes them in.
    at_home: BTreeMap<&'a str, Home>,
}

impl<'a> Build<'a> {
    fn new(
        documents: &'a [Document],
        kustomizations: &'a [Kustomization],
        at_home: BTreeMap<&'a str, Home>,
    ) -> Build<'a> {
        let mut by_path: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
        for document in documents {
            by_path.entry(&document.path).or_default().push(document);
        }
        let applied = kustomizations.iter().flat_map(|k| &k.resources).map(String::as_str).collect();
        let kustomizations = kustomizations.iter().map(|k| (k.directory.as_str(), k)).collect();
        Build { documents, by_path, kustomizations, applied, at_home }
    }

    /// Kustomizations in a directory and below it.
    fn below<'s>(&'s self, directory: &'s str) -> impl Iterator<Item = &'a Kustomization> + 's {
        let all = self.kustomizations.range(directory..).map(|(path, k)| (*path, *k));
        all.take_while(move |(path, _)| path.starts_with(directory))
            .filter(move |(path, _)| is_within(path, directory))
            .map(|(_, k)| k)
    }

    fn cluster(&self, home: Home, own: &[usize]) -> Cluster {
        let mut cluster = Cluster::default();
        (cluster.name, cluster.scope) = (home.name, home.scope);
        (cluster.named, cluster.fleet, cluster.complete) = (home.named, home.fleet, true);
        let documents: Vec<&Document> = own.iter().filter_map(|index| self.documents.get(*index)).collect();
        let directories: BTreeSet<&str> =
            documents.iter().map(|document| directory(&document.path)).collect();
        cluster.mixed = is_mixed(&documents, cluster.named);
        cluster.subjects = documents.iter().map(|document| self.subject(document)).collect();
        let mine: BTreeSet<&str> = documents.iter().map(|document| document.path.as_str()).collect();
        if cluster.named {
            let mut roots: BTreeMap<&str, &Kustomization> = BTreeMap::new();
            let beside = directories.iter().filter_map(|directory| self.kustomizations.get(directory));
            roots.extend(beside.map(|k| (k.directory.as_str(), *k)));
            if let Some(prefix) = self.prefix(&cluster) {
                roots.extend(self.below(&prefix).map(|k| (k.directory.as_str(), k)));
            }
            for kustomization in roots.into_values() {
                self.take_in(kustomization, &mine, &mut cluster);
            }
        }
        cluster
    }

    /// The directory of a cluster that a convention names.
    fn prefix(&self, cluster: &Cluster) -> Option<String> {
        let markers = FLEETS.iter().chain(ENVIRONMENTS);
        let mut candidates = markers.map(|marker| format!("{}{marker}/{}", cluster.scope, cluster.name));
        candidates.find(|directory| self.below(directory).next().is_some())
    }

    fn subject(&self, document: &Document) -> Manifest {
        let mut subject = document.subject.clone();
        subject.applied = self.applied.contains(document.path.as_str());
        subject.orphaned = !subject.applied && self.is_orphaned(document);
        subject
    }

    /// Whether the kustomization beside a file lists its neighbours only. Files for istioctl and Helm belong in none.
    fn is_orphaned(&self, document: &Document) -> bool {
        let subject = &document.subject;
        let own = directory(&document.path);
        let kinds = ["Namespace", "Service", "Gateway", "IPAddressPool", "HelmRelease", "Istio"];
        kinds.contains(&subject.kind.as_str())
            && !subject.claims.list.is_empty()
            && self.kustomizations.get(own).is_some_and(|kustomization| {
                !kustomization.opaque
                    && !kustomization.patch_files.contains(&document.path)
                    && kustomization
                        .resources
                        .iter()
                        .any(|path| directory(path) == own && path.contains(".y"))
            })
    }

    /// What a kustomization applies from outside the cluster's own files, and what it changes.
    fn take_in(&self, kustomization: &Kustomization, mine: &BTreeSet<&str>, cluster: &mut Cluster) {
        let (applied, complete) = closure(kustomization, &self.kustomizations, &self.by_path);
        cluster.complete &= complete || !has_outside(kustomization);
        for path in applied.iter().map(String::as_str) {
            if !mine.contains(path) && !self.at_home.contains_key(path) {
                let documents = self.by_path.get(path).into_iter().flatten();
                cluster.subjects.extend(documents.map(|document| self.subject(document)));
            }
        }
        for path in &kustomization.patch_files {
            for document in self.by_path.get(path.as_str()).into_iter().flatten() {
                patch(cluster, &document.subject.document, None, None);
            }
        }
        for inline in &kustomization.inline {
            match read::patch(&inline.text, Span::NONE) {
                Some(node) => patch(cluster, &node, inline.kind.as_deref(), inline.name.as_deref()),
                None => cluster.complete = false,
            }
        }
    }
}

/// Whether a directory is another one or in it.
fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A root whose resources are missing files of its own kind lists what asserts nothing; only what lies elsewhere hides.
fn has_outside(kustomization: &Kustomization) -> bool {
    let inside = |path: &String| path.starts_with(&format!("{}/", kustomization.directory));
    kustomization.opaque || !kustomization.resources.iter().all(inside)
}

/// Merges a patch into the object that it is for. What is not followed asserts nothing any more.
fn patch(cluster: &mut Cluster, patch: &Node, kind: Option<&str>, name: Option<&str>) {
    let text = |path: &str| patch.at(&path.into()).and_then(Node::as_str);
    let kind = kind.or_else(|| text("kind"));
    let name = name.or_else(|| text("metadata.name"));
    let merges = matches!(patch.value, Value::Mapping(_));
    for subject in &mut cluster.subjects {
        let concerns =
            kind.is_none_or(|kind| kind == subject.kind) && name.is_none_or(|name| name == subject.name);
        if !concerns || subject.kind.is_empty() {
            continue;
        }
        let native = matches!(subject.kind.as_str(), "Service" | "Deployment" | "Namespace" | "ConfigMap");
        if merges && !(native && has_list(patch)) {
            let mut document = subject.document.clone();
            document.overlay(patch);
            let (applied, mut lost) = (subject.applied, std::mem::take(&mut subject.lost));
            if !native {
                losses(&subject.document, patch, FieldPath::root(), &mut lost);
            }
            *subject = Manifest::object(document);
            subject.applied = applied;
            subject.lost = lost;
        } else {
            subject.claims.list.clear();
            cluster.complete = false;
        }
    }
}

/// Named items that a shorter list of a patch does not repeat.
fn losses(base: &Node, patch: &Node, path: FieldPath, lost: &mut Vec<(FieldPath, String, Span)>) {
    let name = |item: &Node| item.get("name").and_then(Node::as_str).map(str::to_owned);
    match (&base.value, &patch.value) {
        (Value::Mapping(_), Value::Mapping(entries)) => {
            for entry in entries {
                if let Some(under) = base.get(&entry.key) {
                    losses(under, &entry.node, path.clone().key(&entry.key), lost);
                }
            }
        }
        (Value::Sequence(items), Value::Sequence(new)) if new.len() < items.len() => {
            for item in items {
                if let Some(text) =
                    name(item).filter(|text| !new.iter().any(|n| name(n).as_ref() == Some(text)))
                {
                    lost.push((path.clone(), text, item.span));
                }
            }
        }
        _ => {}
    }
}

/// Lists of built-in kinds are merged by their keys, which is not followed.
fn has_list(node: &Node) -> bool {
    match &node.value {
        Value::Sequence(_) => true,
        Value::Mapping(entries) => entries.iter().any(|entry| has_list(&entry.node)),
        _ => false,
    }
}

/// Whether one object comes in variants: several clusters in one place.
fn is_mixed(documents: &[&Document], named: bool) -> bool {
    let mut seen: BTreeMap<(&str, &str, Option<&str>), &Document> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, &Document> = BTreeMap::new();
    for document in documents {
        let subject = &document.subject;
        let Some(identity) = subject.identity() else { continue };
        let elsewhere = |other: &&Document| {
            other.subject.document.to_json() != subject.document.to_json()
                && (!named || directory(&other.path) != directory(&document.path))
        };
        if seen.get(&identity).is_some_and(elsewhere) {
            return true;
        }
        seen.insert(identity, document);
        if subject.kind == "Namespace" && namespaces.get(subject.name.as_str()).is_some_and(elsewhere) {
            return true;
        }
        namespaces.insert(&subject.name, document);
    }
    false
}
