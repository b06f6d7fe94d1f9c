//! MW9250: a subset selects a cluster or network that no cluster of the fleet is.

use std::collections::BTreeSet;

use super::found::fleets;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated, remote_secret_keys};
use crate::suggest::nearest;

/// MW9250: a subset selects a cluster or network that no cluster of the fleet is.
pub(super) struct UnknownSubsetValue;

static RULE: Rule = Rule {
    code: "MW9250",
    name: "unknown-subset-value",
    severity: Severity::Error,
    title: "subset selects a cluster or network that no cluster of the fleet has",
    docs: include_str!("../../docs/MW9250.md"),
};

impl Policy for UnknownSubsetValue {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for fleet in fleets(repository).values() {
            judge(fleet, findings);
        }
    }
}

fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let is_subset = |fact: &Fact| matches!(fact, Fact::SubsetCluster { .. } | Fact::SubsetNetwork { .. });
    let stated: Vec<(&Cluster, Stated<'_>)> = clusters
        .iter()
        .flat_map(|cluster| {
            cluster.stated(|_, fact| is_subset(fact)).into_iter().map(|stated| (*cluster, stated))
        })
        .collect();
    if stated.is_empty() {
        return;
    }
    let (ids, networks) = (ids(clusters), networks(clusters));
    for (cluster, stated) in stated {
        let (what, host, known) = match &stated.claim.fact {
            Fact::SubsetCluster { host } => ("cluster", host, &ids),
            Fact::SubsetNetwork { host } => ("network", host, &networks),
            _ => continue,
        };
        let found = stated.claim.value.as_str();
        let Some(known) = known.as_ref().filter(|known| known.len() > 1 && !known.contains(found)) else {
            continue;
        };
        let names = || known.iter().map(String::as_str);
        let help = match nearest(found, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name one of `{}`", names().collect::<Vec<_>>().join("`, `")),
        };
        let message = format!(
            "subset of `{host}` selects {what} `{found}`, which no cluster of the fleet has: it is empty"
        );
        let finding = stated.finding(&RULE, message).found(found);
        findings.push(finding.help(help).cluster(&cluster.name));
    }
}

/// Every ID by which a cluster of the fleet is known, when that of each is.
fn ids(clusters: &[&Cluster]) -> Option<BTreeSet<String>> {
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for cluster in clusters {
        ids.insert(cluster.cluster_id()?.to_owned());
        for subject in &cluster.subjects {
            ids.extend(remote_secret_keys(subject).into_iter().map(|(key, _)| key.to_owned()));
            let members =
                subject.claims.list.iter().filter(|claim| matches!(claim.fact, Fact::Member { .. }));
            ids.extend(members.map(|claim| claim.value.clone()));
        }
    }
    Some(ids)
}

/// Every network that is named, when that of each cluster is known.
fn networks(clusters: &[&Cluster]) -> Option<BTreeSet<String>> {
    let mut networks: BTreeSet<String> = BTreeSet::new();
    for cluster in clusters {
        networks.insert(cluster.network()?.to_owned());
        let named = |fact: &Fact| {
            matches!(fact, Fact::NamedNetwork | Fact::GatewayNetwork { .. } | Fact::RemoteNetwork { .. })
        };
        networks.extend(
            cluster.stated(|_, fact| named(fact)).into_iter().map(|stated| stated.claim.value.clone()),
        );
    }
    Some(networks)
}
