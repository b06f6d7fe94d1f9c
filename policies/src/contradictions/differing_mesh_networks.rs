//! MW2203: istiods of one mesh are told different networks.

use std::collections::{BTreeMap, BTreeSet};

use super::joined;
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
        for (a, b) in repository.pairs().into_iter().filter(|(a, b)| joined::one_mesh(a, b)) {
            let (here, there) = (networks(a), networks(b));
            if here.is_empty() || there.is_empty() {
                continue;
            }
            missing(a, &here, b, &there, findings);
            missing(b, &there, a, &here, findings);
            addresses(a, &here, b, &there, findings);
        }
    }
}

/// A network's name and entries, `address port`, where they are said.
struct Network<'a> {
    named: Stated<'a>,
    entries: Option<Stated<'a>>,
}

fn networks(cluster: &Cluster) -> BTreeMap<String, Network<'_>> {
    let entries = cluster.stated(|_, fact| matches!(fact, Fact::Entries { .. }));
    let of = |id: &str| {
        let fact = Fact::Entries { network: id.to_owned() };
        entries.iter().find(|stated| stated.claim.fact == fact).copied()
    };
    let named = cluster.stated(|_, fact| *fact == Fact::NamedNetwork);
    named
        .into_iter()
        .map(|named| (named.claim.value.clone(), Network { named, entries: of(&named.claim.value) }))
        .collect()
}

/// An istiod needs no entry for its own network; every other one it has to know.
fn missing(
    a: &Cluster,
    here: &BTreeMap<String, Network<'_>>,
    b: &Cluster,
    there: &BTreeMap<String, Network<'_>>,
    findings: &mut Findings,
) {
    let Some(own) = b.network() else { return };
    for (id, network) in here.iter().filter(|(id, _)| !there.contains_key(*id) && **id != own) {
        let Some(any) = there.values().next() else { continue };
        let message = format!(
            "`meshNetworks` of {} lacks network `{id}`, which {} has: the way is open in one direction only",
            b.called(),
            a.called()
        );
        findings.push(
            any.named
                .subject
                .finding(&RULE, &parent(&any.named), message)
                .found(there.keys().cloned().collect::<Vec<_>>().join(", "))
                .related(network.named.place(), format!("`{id}` is named here"))
                .help("give every istiod of the mesh the same `meshNetworks`")
                .cluster(&b.name),
        );
    }
}

fn parent(stated: &Stated<'_>) -> crate::node::FieldPath {
    let mut path = stated.claim.path.clone();
    path.0.pop();
    path
}

fn addresses(
    a: &Cluster,
    here: &BTreeMap<String, Network<'_>>,
    b: &Cluster,
    there: &BTreeMap<String, Network<'_>>,
    findings: &mut Findings,
) {
    // From different networks one gateway may really be reached at different addresses.
    if a.network().is_none() || a.network() != b.network() {
        return;
    }
    for (id, network) in here {
        let (Some(first), Some(other)) = (network.entries, there.get(id).and_then(|network| network.entries))
        else {
            continue;
        };
        let set =
            |stated: &Stated<'_>| stated.claim.value.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
        if set(&first) == set(&other) {
            continue;
        }
        let message = format!(
            "network `{id}` is entered at `{}` for {}, but at `{}` for {}",
            other.claim.value,
            b.called(),
            first.claim.value,
            a.called()
        );
        findings.push(
            other
                .subject
                .finding(&RULE, &other.claim.path, message)
                .found(&other.claim.value)
                .related(first.place(), format!("`{}` stands here", first.claim.value))
                .help("give both the same entries: they are on one network, and reach a gateway at the same addresses")
                .cluster(&b.name),
        );
    }
}
