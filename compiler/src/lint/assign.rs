//! Which cluster holds what: roots that are built, files that nothing lists, and what agents deliver elsewhere.
//!
//! Files come in groups: a kustomize root, or a directory without one. A group belongs to the cluster that the command
//! line, an agent's object, its directory or the cluster ID in it says; what nothing names is compared within itself.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::declaration;
use meshwright_policies::repository::{Cluster, Manifest, Repository, ValuesAt, remote_secret_keys};
use meshwright_policies::witness::{Witness, is_declaration};

use super::delivery::{self, Delivery};
use super::helm::{self, ConfigMaps};
use super::home::{self, ClusterGlob, Home, Known, Naming, Open};
use super::kustomize::{Builder, Object};
use super::read::{self, Content, Files, directory, is_within, note};
use crate::threads;

/// Fewer clusters than this are put together by one thread.
const LEAST: usize = 16;
/// Most groups: agents' objects may lead to each other.
const MOST_GROUPS: usize = 100_000;
/// Most kustomizations that a note names.
const MOST_NAMED: usize = 8;

/// What asserts something.
#[derive(Clone, Debug)]
enum Item<'a> {
    Object(Object<'a>),
    Values(&'a str, &'a Manifest),
}

/// Items with their files.
type Loose<'a> = Vec<(&'a str, Item<'a>)>;

/// Files that are applied together, or lie together.
#[derive(Clone, Debug)]
struct Group<'a> {
    home: Home,
    /// The directory of the root, or of the files.
    place: &'a str,
    is_root: bool,
    complete: bool,
    applied: bool,
    /// Whether it is here because an agent delivers it: another delivery of the same directory is another group.
    delivered: bool,
    /// Directories of the roots in it.
    roots: BTreeSet<&'a str>,
    items: Vec<Item<'a>>,
}

/// `everything`: objects that assert nothing are kept too.
pub(super) fn assign(
    files: &Files<'_>,
    globs: &[ClusterGlob],
    everything: bool,
    notes: &mut Vec<String>,
) -> Repository {
    let naming = Naming::of(globs, files);
    let builder = Builder::new(files);
    let listing = Listing::of(files);
    let groups = groups(files, &builder, &listing, &naming);
    let mut known = Known::of(groups.iter().map(|group| &group.home));
    known.servers = delivery::argo_clusters(files);
    let mut plan = Plan {
        files,
        builder: &builder,
        listing: &listing,
        known: &known,
        groups: Vec::new(),
        by_place: BTreeMap::new(),
        by_root: BTreeMap::new(),
        gone: BTreeSet::new(),
    };
    groups.into_iter().for_each(|group| plan.add(group));
    plan.deliver(&naming);
    let unfollowed = builder.unfollowed();
    let homes = by_home(plan);
    let parts = threads::in_parts(&homes, LEAST, |homes| {
        homes.iter().map(|home| home.finish(files, &listing, &known)).collect::<Vec<_>>()
    });
    let mut clusters: BTreeMap<Home, Gathered> = BTreeMap::new();
    let (mut elsewhere, mut outside) = (BTreeSet::new(), BTreeSet::new());
    for finished in parts.into_iter().flatten() {
        elsewhere.extend(finished.elsewhere);
        for (home, placed) in
            finished.manifests.into_iter().filter(|(_, p)| everything || counts(&p.manifest))
        {
            clusters.entry(home).or_default().manifests.push(placed);
        }
        let own = clusters.entry(finished.home).or_default();
        own.incomplete |= !finished.complete;
    }
    for kustomization in files.kustomizations().filter(|k| k.outside) {
        outside.insert(kustomization.directory.as_str());
    }
    let mut unfollowed = unfollowed;
    for kustomization in files.kustomizations() {
        unfollowed.extend(kustomization.opaque.iter().map(|key| (*key, kustomization.path.clone())));
    }
    let mut opaque: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, path) in &unfollowed {
        opaque.entry(key).or_default().push(path);
    }
    note(
        notes,
        &outside.into_iter().collect::<Vec<_>>(),
        "roots that take in what is not in the repository are not judged where something would have to be absent",
    );
    for (key, paths) in opaque {
        let shown: Vec<String> = paths.iter().take(MOST_NAMED).map(|path| format!("`{path}`")).collect();
        let more = match paths.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "`{key}` of kustomize is not followed, and what it makes or changes not judged, in {}{more}",
            shown.join(", ")
        ));
    }
    let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
    note(
        notes,
        &elsewhere,
        "values from Secrets, and from files and ConfigMaps that are not there, are not read",
    );
    let clusters: Vec<Cluster> =
        clusters.into_iter().filter_map(|(home, gathered)| gathered.cluster(home)).collect();
    unresolved(&clusters, notes);
    for cluster in clusters.iter().filter(|cluster| cluster.mixed) {
        notes.push(format!(
            "`{}` holds the same object several times: it seems to be several clusters, and `--cluster-glob` can say which",
            cluster.name
        ));
    }
    Repository::new(clusters)
}

/// Kinds that are compared even when they assert nothing by themselves.
const KEPT_KINDS: &[&str] = &[
    "Application",
    "ApplicationSet",
    "Cluster",
    "Deployment",
    "Gateway",
    "HelmRelease",
    "Istio",
    "IstioOperator",
    "Kustomization",
    declaration::KIND,
    "Namespace",
    "Node",
    "ServiceEntry",
    "WorkloadEntry",
    "WorkloadGroup",
    "ZTunnel",
];

/// The CRD that says which release of the Gateway API is installed.
const GATEWAY_CRD: &str = "gateways.gateway.networking.k8s.io";

/// Whether a policy may have something to say about it.
fn counts(manifest: &Manifest) -> bool {
    let has_values = || {
        let named = |at: &ValuesAt<'_>| at.chart.is_some();
        !manifest.kind.is_empty() && manifest.chart_values().iter().any(named)
    };
    !manifest.claims.list.is_empty()
        || !manifest.unresolved.is_empty()
        || !manifest.lost.is_empty()
        || KEPT_KINDS.contains(&manifest.kind.as_str())
        || manifest.kind == "CustomResourceDefinition" && manifest.name == GATEWAY_CRD
        || !remote_secret_keys(manifest).is_empty()
        || !manifest.mesh_networks().is_empty()
        || has_values()
}

/// What templates fill in is said once.
fn unresolved(clusters: &[Cluster], notes: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let mut first = None;
    for subject in clusters.iter().flat_map(|cluster| &cluster.subjects) {
        for path in &subject.unresolved {
            let place = subject.place(path);
            let key = (place.span, path);
            if seen.insert(key) && first.is_none_or(|(other, _)| key < other) {
                first = Some((key, subject));
            }
        }
    }
    if let Some(((_, path), subject)) = first {
        let count = seen.len();
        let fields = if count == 1 { "1 field holds".to_owned() } else { format!("{count} fields hold") };
        let of = if subject.claims.object.is_empty() { &subject.name } else { &subject.claims.object };
        notes.push(format!(
            "{fields} a placeholder that is filled in elsewhere: nothing is concluded from it (`{path}` of `{of}`)"
        ));
    }
}

/// What kustomizations say of files.
struct Listing<'a> {
    /// Files and directories that some kustomization applies.
    listed: BTreeSet<&'a str>,
    /// Files that are patches or go into generated objects, and no objects.
    others: BTreeSet<&'a str>,
    /// Roots that list a root.
    parents: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Listing<'a> {
    fn of(files: &'a Files<'_>) -> Listing<'a> {
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

    /// Whether the kustomization beside a file lists its neighbours only. Files for istioctl and Helm belong in none.
    fn is_orphaned(&self, files: &Files<'_>, path: &str, subject: &Manifest) -> bool {
        let own = directory(path);
        let kinds = ["Namespace", "Gateway", "IPAddressPool", "HelmRelease", "Istio"];
        // Of Services, those of gateways between networks: every other one has ports, too.
        let is_entry =
            |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::GatewayPortLabel { .. });
        let is_gateways = subject.kind == "Service" && subject.claims.list.iter().any(|c| is_entry(&c.fact));
        (kinds.contains(&subject.kind.as_str()) || is_gateways)
            && !subject.claims.list.is_empty()
            && !self.listed.contains(path)
            && files.kustomization(own).is_some_and(|kustomization| {
                let beside = |path: &String| directory(path) == own && path.contains(".y");
                kustomization.opaque.is_empty() && kustomization.resources.iter().any(beside)
            })
    }
}

/// Every root that no other one of its cluster includes, and the files that are in none.
fn groups<'a>(
    files: &'a Files<'a>,
    builder: &Builder<'a>,
    listing: &Listing<'_>,
    naming: &Naming<'_>,
) -> Vec<Group<'a>> {
    let home_of = |directory: &str| Home::of(&format!("{directory}/"), naming);
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut open: Vec<Group<'a>> = Vec::new();
    let mut in_roots: BTreeMap<&str, BTreeSet<Home>> = BTreeMap::new();
    for kustomization in files.kustomizations().filter(|k| !k.component) {
        let directory = kustomization.directory.as_str();
        let home = home_of(directory);
        let parents = listing.parents.get(directory).map(Vec::as_slice).unwrap_or_default();
        let is_inner = match &home {
            Some(_) => parents.iter().any(|parent| home_of(parent) == home),
            None => !parents.is_empty(),
        };
        let Some(built) = builder.build(directory).filter(|_| !is_inner) else { continue };
        // A root of several clusters is none of them.
        let spans = home.is_none() && built.roots.iter().any(|root| home_of(root).is_some());
        if spans {
            continue;
        }
        let group = Group {
            home: home.clone().unwrap_or_else(|| Home::unnamed(directory)),
            place: directory,
            is_root: true,
            complete: built.complete,
            applied: true,
            delivered: false,
            roots: built.roots.clone(),
            items: built.objects.iter().cloned().map(Item::Object).collect(),
        };
        for file in &built.files {
            in_roots.entry(file).or_default().insert(group.home.clone());
        }
        if home.is_some() { &mut groups } else { &mut open }.push(group);
    }
    let mut raw: BTreeMap<(Option<Home>, &str), Loose<'a>> = BTreeMap::new();
    let mut loose = Vec::new();
    for file in files.in_order() {
        if listing.others.contains(file.path) {
            continue;
        }
        let home = Home::of(file.path, naming);
        let taken = match (in_roots.get(file.path), &home) {
            (Some(homes), Some(home)) => homes.contains(home),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if taken {
            continue;
        }
        for item in items(file) {
            match &home {
                Some(_) => {
                    raw.entry((home.clone(), directory(file.path))).or_default().push((file.path, item))
                }
                None => loose.push((file.path, item)),
            }
        }
    }
    let roots = open.iter().map(|group| Open { path: files.path_in(group.place), id: group.identity() });
    let single = loose.iter().map(|(path, item)| Open { path, id: item.identity() });
    let mut found = home::by_identity(&roots.chain(single).collect::<Vec<_>>()).into_iter();
    for mut group in open {
        if let Some(home) = found.next().flatten() {
            group.home = home;
        }
        groups.push(group);
    }
    for ((path, item), home) in loose.into_iter().zip(found) {
        raw.entry((home, directory(path))).or_default().push((path, item));
    }
    for ((home, place), files) in raw {
        groups.push(Group {
            home: home.unwrap_or_else(|| Home::unnamed(place)),
            place,
            is_root: false,
            complete: true,
            applied: false,
            delivered: false,
            roots: BTreeSet::new(),
            items: files.into_iter().map(|(_, item)| item).collect(),
        });
    }
    groups
}

fn items<'a>(file: &'a read::File<'_>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    for content in &file.contents {
        match content {
            Content::Object(manifest) => items.push(Item::Object(Object::read(file.path, manifest))),
            Content::Plain { values, .. } => {
                items.extend(values.iter().map(|values| Item::Values(file.path, values)));
            }
        }
    }
    items
}

impl Item<'_> {
    fn identity(&self) -> Option<String> {
        match self {
            Item::Object(object) => match object.source {
                Some(source) => home::identity(source).map(str::to_owned),
                None if is_control_plane(object) => {
                    home::identity(&Manifest::object(object.node().clone())).map(str::to_owned)
                }
                None => None,
            },
            Item::Values(_, values) => home::identity(values).map(str::to_owned),
        }
    }
}

/// Kinds that may say a cluster ID.
fn is_control_plane(object: &Object<'_>) -> bool {
    matches!(object.kind(), "IstioOperator" | "Istio" | "HelmRelease" | "Application" | "ConfigMap")
}

impl Group<'_> {
    /// The one cluster ID in it.
    fn identity(&self) -> Option<String> {
        let ids: BTreeSet<String> = self.items.iter().filter_map(Item::identity).collect();
        ids.into_iter().next().filter(|_| self.items.len() < MOST_GROUPS)
    }
}

/// Groups on their way to their clusters.
struct Plan<'a, 'p> {
    files: &'a Files<'a>,
    builder: &'p Builder<'a>,
    listing: &'p Listing<'a>,
    known: &'p Known,
    groups: Vec<Group<'a>>,
    /// Groups by their directory, and by the roots in them.
    by_place: BTreeMap<&'a str, Vec<usize>>,
    by_root: BTreeMap<&'a str, Vec<usize>>,
    /// What is delivered to other clusters than its directory says.
    gone: BTreeSet<usize>,
}

impl<'a> Plan<'a, '_> {
    fn add(&mut self, group: Group<'a>) {
        let index = self.groups.len();
        self.by_place.entry(group.place).or_default().push(index);
        for root in &group.roots {
            self.by_root.entry(root).or_default().push(index);
        }
        self.groups.push(group);
    }

    /// Follows what agents deliver: to the cluster that their objects name, or to the one that holds them.
    fn deliver(&mut self, naming: &Naming<'_>) {
        let (mut scanned, mut seen) = (0_usize, BTreeSet::new());
        while scanned < self.groups.len() && self.groups.len() < MOST_GROUPS {
            let mut found: Vec<(Delivery, Home)> = Vec::new();
            for index in std::mem::replace(&mut scanned, self.groups.len())..self.groups.len() {
                if let Some(group) = self.groups.get_mut(index).filter(|_| !self.gone.contains(&index)) {
                    let home = group.home.clone();
                    found.extend(
                        expand(group, self.files).into_iter().map(|delivery| (delivery, home.clone())),
                    );
                }
            }
            let mut wanted: Vec<(Delivery, Home)> = Vec::new();
            for (mut delivery, own) in found {
                self.fill_in(&mut delivery, &own);
                let to = match &delivery.to {
                    Some(name) => self.known.home(name, &delivery.from, &own),
                    None => own,
                };
                if to.named && seen.insert((delivery.directory.clone(), to.clone(), delivery.from.clone())) {
                    wanted.push((delivery, to));
                }
            }
            for (delivery, to) in settle(wanted, naming, self.known) {
                self.carry_out(&delivery, to);
            }
        }
    }

    /// Variables that a ConfigMap beside the agent's object holds.
    fn fill_in(&self, delivery: &mut Delivery, own: &Home) {
        if delivery.variables_from.is_empty() {
            return;
        }
        for group in self.groups.iter().filter(|group| group.home == *own) {
            for item in &group.items {
                if let Item::Object(object) = item {
                    delivery.take_variables(object);
                }
            }
        }
    }

    fn carry_out(&mut self, delivery: &Delivery, to: Home) {
        let Some(directory) = self.files.directory(&delivery.directory) else { return };
        let below = self.by_place.range(directory..).take_while(|(place, _)| place.starts_with(directory));
        let inside = below.filter(|(place, _)| is_within(place, directory)).flat_map(|(_, all)| all);
        let around = self.by_root.get(directory).into_iter().flatten();
        let holders: BTreeSet<usize> =
            inside.chain(around).copied().filter(|index| !self.gone.contains(index)).collect();
        let mut is_there = false;
        for index in &holders {
            let Some(group) = self.groups.get_mut(*index) else { continue };
            let within = is_within(group.place, directory);
            if group.home == to {
                is_there = true;
                group.applied = true;
                if within {
                    change(self.builder, delivery, group);
                }
            }
        }
        if is_there {
            return;
        }
        for index in holders {
            let said =
                |group: &Group<'_>| group.home.said || group.delivered || !is_within(group.place, directory);
            if self.groups.get(index).is_some_and(|group| !said(group)) {
                self.gone.insert(index);
            }
        }
        for mut group in self.collect(delivery, directory, &to) {
            change(self.builder, delivery, &mut group);
            self.add(group);
        }
    }

    /// What is in a directory, as an agent takes it: the root in it, or else every file and every root below.
    fn collect(&self, delivery: &Delivery, directory: &'a str, to: &Home) -> Vec<Group<'a>> {
        let group = |place: &'a str, is_root: bool| Group {
            home: to.clone(),
            place,
            is_root,
            complete: true,
            applied: true,
            delivered: true,
            roots: BTreeSet::new(),
            items: Vec::new(),
        };
        let root = |place: &'a str| {
            let built = self.builder.build(place)?;
            Some(Group {
                complete: built.complete,
                roots: built.roots.clone(),
                items: built.objects.iter().cloned().map(Item::Object).collect(),
                ..group(place, true)
            })
        };
        if let Some(root) = root(directory) {
            return vec![root];
        }
        if self.files.chart(directory).is_some() {
            return Vec::new();
        }
        let mut found: BTreeMap<&str, Group<'a>> = BTreeMap::new();
        for file in self.files.below(directory) {
            if self.listing.others.contains(file.path) || !delivery.takes(directory, file.path) {
                continue;
            }
            let mut above = home::ancestors(self::directory(file.path));
            let inner = above
                .find_map(|above| self.files.kustomization(above).filter(|_| is_within(above, directory)));
            match inner {
                Some(inner) => {
                    let place = inner.directory.as_str();
                    if !found.contains_key(place)
                        && let Some(root) = root(place)
                    {
                        found.insert(place, root);
                    }
                }
                None => {
                    let place = found.entry(directory).or_insert_with(|| group(directory, false));
                    place.items.extend(items(file));
                }
            }
        }
        found.into_values().collect()
    }
}

/// What is delivered from a group. The Applications of an ApplicationSet are objects of the same place.
fn expand(group: &mut Group<'_>, files: &Files<'_>) -> Vec<Delivery> {
    let (mut made, mut found) = (Vec::new(), Vec::new());
    for item in &group.items {
        let Item::Object(object) = item else { continue };
        for application in delivery::applications(object.node(), object.path, files) {
            let application = Object::made(object.path, application);
            found.extend(delivery::of(application.node(), object.path, files));
            made.push(Item::Object(application));
        }
        found.extend(delivery::of(object.node(), object.path, files));
    }
    group.items.extend(made);
    found
}

/// A directory among those of clusters stays what its name says, whoever it is delivered to: that is for a policy to
/// judge. A destination that nothing else names is the cluster of any other directory that is delivered to it alone.
fn settle(wanted: Vec<(Delivery, Home)>, naming: &Naming<'_>, known: &Known) -> Vec<(Delivery, Home)> {
    let mut homes: BTreeMap<String, BTreeSet<Home>> = BTreeMap::new();
    for (delivery, to) in &wanted {
        homes.entry(delivery.directory.clone()).or_default().insert(to.clone());
    }
    let settled = wanted.into_iter().map(|(delivery, to)| {
        let only = homes.get(&delivery.directory).is_some_and(|homes| homes.len() == 1);
        let path = Home::of(&format!("{}/", delivery.directory), naming);
        let to = match path {
            Some(path) if path.said || path.fleet || (only && !known.has(&to.name)) => path,
            _ => to,
        };
        (delivery, to)
    });
    settled.collect()
}

/// Makes the changes that an agent makes.
fn change<'a>(builder: &Builder<'a>, delivery: &Delivery, group: &mut Group<'a>) {
    if delivery.is_plain() {
        return;
    }
    let (mut objects, mut others) = (Vec::new(), Vec::new());
    for item in std::mem::take(&mut group.items) {
        match item {
            Item::Object(object) => objects.push(object),
            values => others.push(values),
        }
    }
    if let Some(overlay) = &delivery.overlay {
        group.complete &= builder.change(overlay, &mut objects);
    }
    for object in &mut objects {
        delivery.substitute(object);
    }
    group.items = objects.into_iter().map(Item::Object).chain(others).collect();
}

/// A cluster's groups.
struct Held<'a> {
    home: Home,
    complete: bool,
    groups: Vec<Group<'a>>,
}

fn by_home<'a>(plan: Plan<'a, '_>) -> Vec<Held<'a>> {
    let mut homes: BTreeMap<Home, Vec<Group<'a>>> = BTreeMap::new();
    for (index, group) in plan.groups.into_iter().enumerate() {
        if !plan.gone.contains(&index) {
            homes.entry(group.home.clone()).or_default().push(group);
        }
    }
    let held = homes.into_iter().map(|(home, groups)| {
        let complete = groups.iter().all(|group| group.complete);
        Held { home, complete, groups }
    });
    held.collect()
}

/// What a cluster's files come to.
struct Finished {
    home: Home,
    complete: bool,
    manifests: Vec<(Home, Placed)>,
    /// Files with values that were not read.
    elsewhere: Vec<String>,
}

/// A manifest, and where it comes from: the file, and what tells variants apart.
struct Placed {
    path: String,
    place: String,
    manifest: Manifest,
}

impl Held<'_> {
    fn finish(&self, files: &Files<'_>, listing: &Listing<'_>, known: &Known) -> Finished {
        let objects = self.groups.iter().flat_map(|group| &group.items).filter_map(|item| match item {
            Item::Object(object) => Some(object),
            Item::Values(..) => None,
        });
        let maps = ConfigMaps::of(objects);
        let mut finished = Finished {
            home: self.home.clone(),
            complete: self.complete,
            manifests: Vec::new(),
            elsewhere: Vec::new(),
        };
        let mut used = BTreeSet::new();
        for group in &self.groups {
            for item in &group.items {
                if let Item::Object(object) = item {
                    self.object(group, object, &maps, files, listing, known, &mut finished, &mut used);
                }
            }
        }
        for group in &self.groups {
            for item in &group.items {
                if let Item::Values(path, manifest) = item
                    && !used.contains(*path)
                {
                    finished.add(self.home.clone(), path, group, (*manifest).clone());
                }
            }
        }
        finished
    }

    #[allow(clippy::too_many_arguments, reason = "everything that an object is seen with")]
    fn object(
        &self,
        group: &Group<'_>,
        object: &Object<'_>,
        maps: &ConfigMaps<'_>,
        files: &Files<'_>,
        listing: &Listing<'_>,
        known: &Known,
        finished: &mut Finished,
        used: &mut BTreeSet<String>,
    ) {
        let resolved = helm::resolve(object.node(), object.path, maps, files);
        let mut manifest = match (&resolved.document, object.source) {
            (Some(document), _) => read::object(document.clone(), files.sources),
            (None, Some(source)) => source.clone(),
            (None, None) => read::object(object.node().clone(), files.sources),
        };
        if object.unknown {
            manifest.claims.list.clear();
            manifest.unknown = true;
            finished.complete = false;
        }
        if resolved.unread {
            finished.elsewhere.push(object.path.to_owned());
        }
        manifest.applied = group.applied || listing.listed.contains(object.path);
        manifest.orphaned = !group.applied && listing.is_orphaned(files, object.path, &manifest);
        manifest.lost.extend(object.lost.iter().cloned());
        let home = home::by_destination(&manifest, object.path, &self.home, known);
        let home = home.unwrap_or_else(|| self.home.clone());
        for values in resolved.values {
            finished.add(home.clone(), object.path, group, values);
        }
        used.extend(resolved.files);
        finished.add(home, object.path, group, manifest);
    }
}

impl Finished {
    fn add(&mut self, home: Home, path: &str, group: &Group<'_>, manifest: Manifest) {
        // A base that several roots change is written once.
        let own = is_within(directory(path), group.place) || !group.is_root;
        let place = if own { directory(path) } else { group.place };
        let placed = Placed { path: path.to_owned(), place: place.to_owned(), manifest };
        self.manifests.push((home, placed));
    }
}

/// What was gathered of one cluster.
#[derive(Default)]
struct Gathered {
    incomplete: bool,
    manifests: Vec<Placed>,
}

impl Gathered {
    fn cluster(mut self, home: Home) -> Option<Cluster> {
        if self.manifests.is_empty() && !home.named {
            return None;
        }
        self.manifests.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut cluster = Cluster::default();
        cluster.mixed = is_mixed(&self.manifests, home.named);
        (cluster.name, cluster.scope) = (home.name, home.scope);
        (cluster.named, cluster.fleet, cluster.complete) = (home.named, home.fleet, !self.incomplete);
        let all = self.manifests.into_iter().map(|placed| placed.manifest);
        let (declared, subjects) = all.partition(|manifest| is_declaration(&manifest.document));
        cluster.subjects = subjects;
        cluster.witnesses = declared.into_iter().map(Witness::read).collect();
        Some(cluster)
    }
}

fn key(placed: &Placed) -> impl Ord + '_ {
    let manifest = &placed.manifest;
    (&placed.path, manifest.document.span.start, &manifest.kind, &manifest.name, &placed.place)
}

/// Whether one object comes in variants: several clusters in one place.
fn is_mixed(all: &[Placed], named: bool) -> bool {
    if !named && has_gateways_of_several_networks(all) {
        return true;
    }
    let mut seen: BTreeMap<(&str, &str, Option<&str>), &Placed> = BTreeMap::new();
    for placed in all {
        let manifest = &placed.manifest;
        let asserts = !manifest.claims.list.is_empty() || !remote_secret_keys(manifest).is_empty();
        let Some(identity) = manifest.identity().filter(|_| asserts) else { continue };
        // The system namespace is one, whatever a file says of its own.
        let identity = if manifest.kind == "Namespace" { ("Namespace", identity.1, None) } else { identity };
        let is_other = |other: &&Placed| {
            (!named || other.place != placed.place)
                && other.manifest.document.to_json() != manifest.document.to_json()
        };
        if seen.get(&identity).is_some_and(is_other) {
            return true;
        }
        seen.insert(identity, placed);
    }
    false
}

/// Files of values for one gateway on one network each, which nothing tells apart: they are for several clusters.
fn has_gateways_of_several_networks(all: &[Placed]) -> bool {
    let values = all.iter().filter(|placed| placed.manifest.kind.is_empty());
    let claims = values.flat_map(|placed| &placed.manifest.claims.list);
    let networks = claims.filter(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }));
    networks.map(|claim| claim.value.as_str()).collect::<BTreeSet<_>>().len() > 1
}
