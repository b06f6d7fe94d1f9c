//! What agents deliver elsewhere: groups on their way to their clusters.

use std::collections::{BTreeMap, BTreeSet};

use super::Surroundings;
use super::group::Group;
use super::held::Held;
use super::item::Item;
use crate::lint::delivery::{self, Delivery};
use crate::lint::home::{self, Home, Known, Naming};
use crate::lint::kustomize::{Builder, Object};
use crate::lint::read::{Files, directory, is_within};

/// Most groups: agents' objects may lead to each other.
const MOST_GROUPS: usize = 100_000;

/// Groups on their way to their clusters.
pub(super) struct Plan<'a, 'p> {
    around: Surroundings<'a, 'p>,
    builder: &'p Builder<'a>,
    groups: Vec<Group<'a>>,
    /// Groups by their directory, and by the roots in them.
    by_place: BTreeMap<&'a str, Vec<usize>>,
    by_root: BTreeMap<&'a str, Vec<usize>>,
    /// What is delivered to other clusters than its directory says.
    gone: BTreeSet<usize>,
    /// Directories of roots of which the forgotten files were told.
    told: BTreeSet<&'a str>,
}

impl<'a, 'p> Plan<'a, 'p> {
    pub(super) fn new(
        around: Surroundings<'a, 'p>,
        builder: &'p Builder<'a>,
        groups: Vec<Group<'a>>,
    ) -> Plan<'a, 'p> {
        let mut plan = Plan {
            around,
            builder,
            groups: Vec::new(),
            by_place: BTreeMap::new(),
            by_root: BTreeMap::new(),
            gone: BTreeSet::new(),
            told: BTreeSet::new(),
        };
        groups.into_iter().for_each(|group| plan.add(group));
        plan
    }

    fn add(&mut self, group: Group<'a>) {
        let index = self.groups.len();
        self.by_place.entry(group.place).or_default().push(index);
        for root in &group.roots {
            self.by_root.entry(root).or_default().push(index);
        }
        self.groups.push(group);
    }

    /// Follows what agents deliver: to the cluster that their objects name, or to the one that holds them. What is
    /// delivered may hold agents' objects again.
    pub(super) fn deliver(&mut self, naming: &Naming<'_>) {
        let (mut scanned, mut seen) = (0_usize, BTreeSet::new());
        while scanned < self.groups.len() && self.groups.len() < MOST_GROUPS {
            let found = self.found(std::mem::replace(&mut scanned, self.groups.len()));
            let mut wanted: Vec<(Delivery, Home)> = Vec::new();
            for (mut delivery, own) in found {
                self.fill_in(&mut delivery, &own);
                let to = match &delivery.to {
                    Some(name) => self.around.known.home(name, &delivery.from, &own),
                    None => own,
                };
                if to.named && seen.insert((delivery.directory.clone(), to.clone(), delivery.from.clone())) {
                    wanted.push((delivery, to));
                }
            }
            for (delivery, to) in settle(wanted, naming, self.around.known) {
                self.carry_out(&delivery, &to);
            }
        }
    }

    /// What the groups from `first` on deliver, each with the cluster that says so.
    fn found(&mut self, first: usize) -> Vec<(Delivery, Home)> {
        let mut found = Vec::new();
        for (index, group) in self.groups.iter_mut().enumerate().skip(first) {
            if !self.gone.contains(&index) {
                let deliveries = deliveries(group, self.around.files);
                found.extend(deliveries.into_iter().map(|delivery| (delivery, group.home.clone())));
            }
        }
        found
    }

    /// Variables that a ConfigMap beside the agent's object holds.
    fn fill_in(&self, delivery: &mut Delivery, own: &Home) {
        if delivery.variables_from.is_empty() {
            return;
        }
        let beside = self.groups.iter().filter(|group| group.home == *own);
        for object in beside.flat_map(|group| &group.items).filter_map(Item::object) {
            delivery.take_variables(object);
        }
    }

    /// Groups of which a directory has a part, or that are in it.
    fn holders(&self, directory: &str) -> BTreeSet<usize> {
        let below = self.by_place.range(directory..).take_while(|(place, _)| place.starts_with(directory));
        let inside = below.filter(|(place, _)| is_within(place, directory)).flat_map(|(_, all)| all);
        let around = self.by_root.get(directory).into_iter().flatten();
        inside.chain(around).copied().filter(|index| !self.gone.contains(index)).collect()
    }

    fn carry_out(&mut self, delivery: &Delivery, to: &Home) {
        let Some(directory) = self.around.files.directory(&delivery.directory) else { return };
        let holders = self.holders(directory);
        if self.apply_in_place(delivery, directory, &holders, to) {
            return;
        }
        self.take_away(directory, holders);
        for mut group in self.collect(delivery, directory, to) {
            change(self.builder, delivery, &mut group);
            if group.is_root && self.told.insert(group.place) {
                let forgotten = self.forgotten(group.place, to);
                self.groups.extend(forgotten);
            }
            self.add(group);
        }
    }

    /// Files beside the kustomization of a delivered root that it does not list, though it lists their neighbours. What
    /// nothing else takes is told once, with the first cluster.
    fn forgotten(&self, place: &'a str, to: &Home) -> Option<Group<'a>> {
        let (files, listing) = (self.around.files, self.around.listing);
        let mut items = Vec::new();
        for file in files.below(place).filter(|file| directory(file.path) == place) {
            let is_forgotten = |item: &Item<'_>| {
                let source = item.object().and_then(|object| object.source);
                source.is_some_and(|source| listing.is_orphaned(files, file.path, source))
            };
            if !listing.is_ingredient(file.path) {
                items.extend(Item::all(file).into_iter().filter(is_forgotten));
            }
        }
        (!items.is_empty()).then(|| Group::loose(to.clone(), place, items))
    }

    /// Marks what its cluster holds already, and makes the agent's changes to it. Whether there is anything of that.
    fn apply_in_place(
        &mut self,
        delivery: &Delivery,
        directory: &str,
        holders: &BTreeSet<usize>,
        to: &Home,
    ) -> bool {
        let mut is_there = false;
        for index in holders {
            let Some(group) = self.groups.get_mut(*index).filter(|group| group.home == *to) else { continue };
            is_there = true;
            group.applied |=
                self.around.files.kustomization(group.place).is_none() || delivery.is_plain_files;
            if is_within(group.place, directory) {
                change(self.builder, delivery, group);
            }
        }
        is_there
    }

    /// What is delivered to another cluster is not in that of its directory, unless the command line says so.
    fn take_away(&mut self, directory: &str, holders: BTreeSet<usize>) {
        let stays =
            |group: &Group<'_>| group.home.said || group.delivered || !is_within(group.place, directory);
        let groups = &self.groups;
        let leaves = |index: &usize| groups.get(*index).is_some_and(|group| !stays(group));
        self.gone.extend(holders.into_iter().filter(leaves));
    }

    /// What is in a directory, as an agent takes it: the root in it, or else every file and every root below.
    fn collect(&self, delivery: &Delivery, directory: &'a str, to: &Home) -> Vec<Group<'a>> {
        let (files, listing) = (self.around.files, self.around.listing);
        let root = |place: &'a str| {
            let built = self.builder.build(place)?;
            Some(Group::root(to.clone(), place, &built).delivered())
        };
        if let Some(root) = root(directory) {
            return vec![root];
        }
        if files.chart(directory).is_some() {
            return Vec::new();
        }
        let mut found: BTreeMap<&str, Group<'a>> = BTreeMap::new();
        for file in files.below(directory) {
            if listing.is_ingredient(file.path) || !delivery.takes(directory, file.path) {
                continue;
            }
            match root_around(files, file.path, directory) {
                Some(place) => {
                    if !found.contains_key(place)
                        && let Some(root) = root(place)
                    {
                        found.insert(place, root);
                    }
                }
                None => {
                    let loose = || Group::loose(to.clone(), directory, Vec::new()).delivered();
                    found.entry(directory).or_insert_with(loose).items.extend(Item::all(file));
                }
            }
        }
        found.into_values().collect()
    }

    /// The groups of each cluster.
    pub(super) fn by_home(self) -> Vec<Held<'a>> {
        let mut homes: BTreeMap<Home, Vec<Group<'a>>> = BTreeMap::new();
        for (index, group) in self.groups.into_iter().enumerate() {
            if !self.gone.contains(&index) {
                homes.entry(group.home.clone()).or_default().push(group);
            }
        }
        homes.into_iter().map(|(home, groups)| Held { home, groups }).collect()
    }
}

/// The innermost kustomize root around a file that is not above a directory.
fn root_around<'a>(files: &'a Files<'a>, path: &str, within: &str) -> Option<&'a str> {
    let root = |above: &str| files.kustomization(above).filter(|_| is_within(above, within));
    home::ancestors(directory(path)).find_map(root).map(|found| found.directory.as_str())
}

/// What is delivered from a group. The Applications of an ApplicationSet are objects of the same place.
fn deliveries(group: &mut Group<'_>, files: &Files<'_>) -> Vec<Delivery> {
    let (mut made, mut found) = (Vec::new(), Vec::new());
    for object in group.items.iter().filter_map(Item::object) {
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
        let to = match Home::of(&format!("{}/", delivery.directory), naming) {
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
            values @ Item::Values(..) => others.push(values),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::group::groups;
    use crate::lint::assign::listing::Listing;
    use crate::lint::assign::testing::{NAMESPACE, sources};
    use crate::lint::read;

    /// What each cluster holds after the agents have done their work: the cluster, and its directories with the names of
    /// the objects in them.
    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let sources = sources(files);
        let files = read::read(&sources);
        let (builder, listing) = (Builder::new(&files), Listing::of(&files));
        let naming = Naming::of(&[], &files);
        let groups = groups(&files, &builder, &listing, &naming);
        let known = Known::of(groups.iter().map(|group| &group.home));
        let around = Surroundings { files: &files, listing: &listing, known: &known };
        let mut plan = Plan::new(around, &builder, groups);
        plan.deliver(&naming);
        let group = |group: &Group<'_>| {
            let names = group.items.iter().filter_map(Item::object).map(Object::name).collect::<Vec<_>>();
            format!(" {}:{}", group.place, names.join(","))
        };
        let line =
            |held: &Held<'_>| held.home.name.clone() + &held.groups.iter().map(group).collect::<String>();
        plan.by_home().iter().map(line).collect()
    }

    fn application(name: &str, path: &str, destination: &str) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  \
             source: {{repoURL: https://git.example.com/x.git, path: {path}}}\n  destination: {{name: {destination}}}\n"
        )
    }

    #[test]
    fn an_agent_takes_a_directory_to_the_cluster_that_it_names() {
        let application = application("mesh", "mesh", "east");
        let files = [("clusters/hub/apps.yaml", application.as_str()), ("mesh/namespace.yaml", NAMESPACE)];
        assert_eq!(told(&files), ["east mesh:istio-system", "hub clusters/hub:mesh"]);
    }

    #[test]
    fn what_is_delivered_may_deliver() {
        let (outer, inner) = (application("apps", "apps", "hub"), application("mesh", "mesh", "east"));
        let files = [
            ("clusters/hub/root.yaml", outer.as_str()),
            ("apps/mesh.yaml", &inner),
            ("mesh/namespace.yaml", NAMESPACE),
        ];
        assert_eq!(told(&files), ["east mesh:istio-system", "hub clusters/hub:apps apps:mesh"]);
    }

    #[test]
    fn two_clusters_may_take_one_directory() {
        let (east, west) = (application("e", "mesh", "east"), application("w", "mesh", "west"));
        let files = [
            ("clusters/hub/east.yaml", east.as_str()),
            ("clusters/hub/west.yaml", &west),
            ("mesh/namespace.yaml", NAMESPACE),
        ];
        let expected = ["east mesh:istio-system", "hub clusters/hub:e,w", "west mesh:istio-system"];
        assert_eq!(told(&files), expected);
    }

    #[test]
    fn a_directory_among_those_of_clusters_stays_what_its_name_says() {
        let application = application("mesh", "clusters/west", "east");
        let files =
            [("clusters/hub/apps.yaml", application.as_str()), ("clusters/west/namespace.yaml", NAMESPACE)];
        assert_eq!(told(&files), ["hub clusters/hub:mesh", "west clusters/west:istio-system"]);
    }

    #[test]
    fn an_agent_changes_what_it_delivers() {
        let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                             metadata: {name: mesh}\nspec: {path: ./mesh, prune: true, namePrefix: blue-}\n";
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: gateway}\n";
        let files = [("clusters/east/mesh.yaml", kustomization), ("mesh/service.yaml", service)];
        assert_eq!(told(&files), ["east clusters/east:mesh mesh:blue-gateway"]);
    }
}
