//! MW2203: istiods of one mesh are told different networks.

use std::collections::{BTreeMap, BTreeSet};

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW2203: istiods of one mesh are told different networks.
pub(super) struct DifferingMeshNetworks;

static RULE: Rule = Rule {
    code: "MW2203",
    name: "differing-mesh-networks",
    severity: Severity::Warning,
    title: "meshNetworks of two istiods of one mesh differ",
    docs: include_str!("../../docs/MW2203.md"),
};

impl Policy for DifferingMeshNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let told: Vec<Told<'_>> = mesh.into_iter().filter_map(Told::of).collect();
            missing(&told, findings);
            addresses(&told, findings);
        }
    }
}

/// A cluster whose istiod is told networks.
struct Told<'a> {
    cluster: &'a Cluster,
    networks: BTreeMap<&'a str, Network<'a>>,
}

impl<'a> Told<'a> {
    fn of(cluster: &'a Cluster) -> Option<Told<'a>> {
        let networks = networks(cluster);
        (!networks.is_empty()).then_some(Told { cluster, networks })
    }
}

/// A network's name and entries, `address port`, where they are said.
struct Network<'a> {
    named: Stated<'a>,
    entries: Option<Stated<'a>>,
}

impl Network<'_> {
    /// Whether it has a list of entries with nothing in it, and no gateway of a registry.
    fn is_empty(&self) -> bool {
        let at = self.named.claim.path.clone().key("gateways");
        self.named.subject.document.at(&at).is_some_and(|list| list.items().next().is_none())
    }
}

fn networks(cluster: &Cluster) -> BTreeMap<&str, Network<'_>> {
    let entries = cluster.stated(|_, fact| matches!(fact, Fact::Entries { .. }));
    let mut by_network = BTreeMap::new();
    for stated in entries {
        if let Fact::Entries { network } = &stated.claim.fact {
            by_network.entry(network.as_str()).or_insert(stated);
        }
    }
    let named = cluster.stated(|_, fact| *fact == Fact::NamedNetwork);
    named
        .into_iter()
        .map(|named| {
            let id = named.claim.value.as_str();
            (id, Network { named, entries: by_network.get(id).copied() })
        })
        .collect()
}

/// An istiod needs no entry for its own network; every other one it has to know.
fn missing(told: &[Told<'_>], findings: &mut Findings) {
    let mut all: BTreeMap<&str, &Told<'_>> = BTreeMap::new();
    for a in told {
        for (id, network) in &a.networks {
            if !network.is_empty() {
                all.entry(id).or_insert(a);
            }
        }
    }
    for b in told {
        let Some(own) = b.cluster.network() else { continue };
        let lacks = |id: &str| b.networks.get(id).is_none_or(|network| network.is_empty());
        for (id, a) in all.iter().filter(|(id, _)| lacks(id) && **id != own) {
            let (Some(network), Some(any)) = (a.networks.get(id), b.networks.values().next()) else {
                continue;
            };
            let message = format!(
                "`meshNetworks` of {} lacks network `{id}`, which {} has: the way is open in one direction only",
                b.cluster.called(),
                a.cluster.called()
            );
            findings.push(
                any.named
                    .subject
                    .finding(&RULE, &parent(&any.named), message)
                    .found(b.networks.keys().copied().collect::<Vec<_>>().join(", "))
                    .related(network.named.place(), format!("`{id}` is named here"))
                    .help("give every istiod of the mesh the same `meshNetworks`")
                    .cluster(&b.cluster.name),
            );
        }
    }
}

fn parent(stated: &Stated<'_>) -> crate::node::FieldPath {
    let mut path = stated.claim.path.clone();
    path.0.pop();
    path
}

/// From different networks one gateway may really be reached at different addresses: each network for itself, against
/// the first of its clusters.
fn addresses(told: &[Told<'_>], findings: &mut Findings) {
    let mut first: BTreeMap<(&str, &str), (&Cluster, Stated<'_>)> = BTreeMap::new();
    for b in told {
        let Some(own) = b.cluster.network() else { continue };
        for (id, network) in &b.networks {
            let Some(other) = network.entries else { continue };
            let (a, first) = *first.entry((own, id)).or_insert((b.cluster, other));
            let set = |stated: &Stated<'_>| {
                stated.claim.value.split(',').map(str::to_owned).collect::<BTreeSet<_>>()
            };
            if first.claim.value == other.claim.value || set(&first) == set(&other) {
                continue;
            }
            let message = format!(
                "network `{id}` is entered at `{}` for {}, but at `{}` for {}",
                other.claim.value,
                b.cluster.called(),
                first.claim.value,
                a.called()
            );
            findings.push(
                other.finding(&RULE, message)
                    .found(&other.claim.value)
                    .related(first.place(), format!("`{}` stands here", first.claim.value))
                    .help("give both the same entries: they are on one network, and reach a gateway at the same addresses")
                    .cluster(&b.cluster.name),
            );
        }
    }
}
