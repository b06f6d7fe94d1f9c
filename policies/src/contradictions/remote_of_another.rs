//! MW5217: a remote cluster lets another istiod lead it than the one that it dials.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use super::found::{self, Found};
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW5217: a remote cluster lets another istiod lead it than the one that it dials.
pub(super) struct RemoteOfAnother;

static RULE: Rule = Rule {
    code: "MW5217",
    name: "remote-of-another",
    severity: Severity::Error,
    title: "remote cluster lets another istiod lead it than the one that it dials",
    docs: include_str!("../../docs/MW5217.md"),
};

impl Policy for RemoteOfAnother {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for fleet in found::fleets(repository).into_values() {
            let primaries = LazyCell::new(|| primaries(&fleet));
            for cluster in &fleet {
                judge(cluster, &primaries, findings);
            }
        }
    }
}

/// Clusters with an istiod by the addresses that their Services ask for.
type Primaries<'a> = BTreeMap<&'a str, Vec<&'a Cluster>>;

fn primaries<'a>(fleet: &[&'a Cluster]) -> Primaries<'a> {
    let mut primaries = Primaries::new();
    for cluster in fleet.iter().copied().filter(|cluster| found::runs_istiod(cluster)) {
        let services = found::services(cluster);
        let asked = services.iter().flat_map(Found::addresses).map(|claim| claim.value.as_str());
        for address in asked.collect::<BTreeSet<_>>() {
            primaries.entry(address).or_default().push(cluster);
        }
    }
    primaries
}

fn judge<'a>(
    cluster: &Cluster,
    primaries: &LazyCell<Primaries<'a>, impl FnOnce() -> Primaries<'a>>,
    findings: &mut Findings,
) {
    let Some((leads, namespace)) = found::leading(cluster) else { return };
    let Some(dialled) = found::dialled(cluster) else { return };
    let asking = primaries.get(dialled.claim.value.as_str()).into_iter().flatten();
    // One of another namespace may be an external control plane's neighbour.
    let is_its = |other: &&&Cluster| other.name != cluster.name && other.planes().contains(&namespace);
    let mut there = asking.filter(is_its);
    let (Some(primary), None) = (there.next(), there.next()) else { return };
    let ids: BTreeSet<&str> = istiod_ids(primary).iter().map(|stated| stated.claim.value.as_str()).collect();
    if ids.is_empty() || leads.claim.value.split(',').any(|id| ids.contains(id)) {
        return;
    }
    let Some(id) = istiod_ids(primary).first().copied() else { return };
    let message = format!(
        "{} lets `{}` lead it, but dials the istiod of {}, which is `{}`: that one leads nobody here, and no pod gets its CA",
        cluster.called(),
        leads.claim.value,
        primary.called(),
        id.claim.value
    );
    findings.push(
        leads
            .finding(&RULE, message)
            .found(&leads.claim.value)
            .declared(&id.claim.value, id.place(), format!("the istiod there is `{}`", id.claim.value))
            .related(dialled.place(), "it is dialled here")
            .help(format!("set `{}` to `{}`, or correct the other place", leads.claim.path, id.claim.value))
            .cluster(&cluster.name),
    );
}

/// What the istiods of a cluster call it: also one that it runs for another cluster.
fn istiod_ids(cluster: &Cluster) -> Vec<Stated<'_>> {
    let variable = |fact: &Fact| matches!(fact, Fact::IstiodVariable { name } if name == "CLUSTER_ID");
    cluster.stated(|subject, fact| {
        let is_gateway = || subject.claims.plane.is_none() && subject.is_of_platform();
        (*fact == Fact::ClusterId || variable(fact)) && !is_gateway()
    })
}
