//! Which clusters' workloads reach which others', by what the intent says: pods of one network directly where they are
//! routed, another network through a gateway that the observer knows an address of.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::intent::{GatewayDiscovery, PodConnectivity};
use meshwright_policies::mesh::{Mesh, Network};
use meshwright_policies::names::{ClusterName, NetworkId};

use super::Impact::{Changes as Other, Partitions};
use super::{Changes, Fleets, In};

type Names<'a> = BTreeSet<&'a ClusterName>;

/// Clusters named before a sentence says how many more there are.
const MOST_NAMED: usize = 5;

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    let kept: Vec<(In<'_>, In<'_>)> = fleets.kept().collect();
    let (mut lost, mut won) = (BTreeMap::new(), BTreeMap::new());
    for (was, is) in &kept {
        let (mut before, mut after) = (Reach::of(*was), Reach::of(*is));
        for (other_was, other_is) in kept.iter().filter(|(other, _)| other.1.name != was.1.name) {
            let pair = (before.reaches(*other_was), after.reaches(*other_is));
            let set: &mut BTreeMap<&ClusterName, Names<'_>> = match pair {
                (true, false) => &mut lost,
                (false, true) => &mut won,
                _ => continue,
            };
            set.entry(&was.1.name).or_default().insert(&other_was.1.name);
        }
    }
    let mesh_of = |name: &ClusterName| {
        let pair = fleets.clusters.get(name)?;
        Some(pair.head.or(pair.base)?.0)
    };
    for (text, first) in sentences(lost, "can no longer reach") {
        mesh_of(first)
            .into_iter()
            .for_each(|mesh| changes.mesh(mesh, Partitions, "unreachable", text.clone()));
    }
    for (text, first) in sentences(won, "can now reach") {
        mesh_of(first).into_iter().for_each(|mesh| changes.mesh(mesh, Other, "reachable", text.clone()));
    }
}

/// What one cluster reaches; the same for all clusters of a network, so it is asked once for each.
struct Reach<'a> {
    from: In<'a>,
    networks: BTreeMap<&'a NetworkId, bool>,
}

impl<'a> Reach<'a> {
    fn of(from: In<'a>) -> Reach<'a> {
        Reach { from, networks: BTreeMap::new() }
    }

    fn reaches(&mut self, to: In<'a>) -> bool {
        let (mesh, cluster) = self.from;
        if to.0.name != mesh.name {
            return false;
        }
        *self.networks.entry(&to.1.network).or_insert_with(|| {
            let Some(network) = mesh.networks.get(&to.1.network) else { return false };
            if cluster.network == network.id {
                network.spec.pod_connectivity == PodConnectivity::Routed
            } else {
                is_entered_from(mesh, network, &cluster.name)
            }
        })
    }
}

fn is_entered_from(mesh: &Mesh, network: &Network, observer: &ClusterName) -> bool {
    // With labels the address comes from the Service, whenever it has one.
    let by_label = mesh.gateway_discovery(network) == GatewayDiscovery::Labels;
    network.entries.iter().any(|entry| by_label || entry.address_for(observer).is_some())
}

/// Pairs as few sentences, each with a cluster by which its mesh is found: groups that lose each other first, then those
/// with the same loss.
fn sentences<'a>(
    mut pairs: BTreeMap<&'a ClusterName, Names<'a>>,
    verb: &str,
) -> Vec<(String, &'a ClusterName)> {
    let mut said = Vec::new();
    let mut say = |names: &Names<'a>, text: String| said.extend(names.first().map(|first| (text, *first)));
    let mut closed: BTreeMap<Names<'a>, Names<'a>> = BTreeMap::new();
    for (name, others) in &pairs {
        let whole: Names<'a> = others.iter().copied().chain([*name]).collect();
        closed.entry(whole).or_default().insert(name);
    }
    for (all, members) in closed.into_iter().filter(|(all, members)| all == members) {
        say(&all, format!("{} {verb} each other", named(&all)));
        members.iter().for_each(|name| {
            pairs.remove(*name);
        });
    }
    let mut open: BTreeMap<Names<'a>, Names<'a>> = BTreeMap::new();
    for (name, others) in pairs {
        open.entry(others).or_default().insert(name);
    }
    while let Some((others, from)) = open.pop_first() {
        if open.get(&from) == Some(&others) {
            open.remove(&from);
            say(&from, format!("{} and {} {verb} each other", named(&from), named(&others)));
        } else {
            say(&from, format!("{} {verb} {}", named(&from), named(&others)));
        }
    }
    said
}

fn named(names: &Names<'_>) -> String {
    let first: Vec<String> = names.iter().take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    match names.len() {
        n if n > MOST_NAMED => format!("{n} clusters ({}, ...)", first.join(", ")),
        _ => first.join(", "),
    }
}
