//! MW1203: two clusters are given one cluster ID.

use std::collections::BTreeSet;

use super::joined;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1203: two clusters are given one cluster ID.
pub(super) struct RepeatedClusterId;

static RULE: Rule = Rule {
    code: "MW1203",
    name: "repeated-cluster-id",
    severity: Severity::Error,
    title: "two clusters are given one cluster ID",
    docs: include_str!("../../docs/MW1203.md"),
};

impl Policy for RepeatedClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut told = BTreeSet::new();
        for (a, b) in repository.pairs() {
            let (Some(id), Some(other)) = (a.cluster_id(), b.cluster_id()) else { continue };
            let one_mesh = match (a.mesh_id(), b.mesh_id()) {
                (Some(a), Some(b)) => a == b,
                _ => a.fleet && b.fleet,
            };
            // Variants of one cluster for two environments share everything but an address.
            let environments = !(joined::one_mesh(a, b) || a.fleet && b.fleet);
            if id != other || !one_mesh || environments || !told.insert((&b.scope, &b.name)) {
                continue;
            }
            let (stated, first) = (b.identities(&Fact::ClusterId), a.identities(&Fact::ClusterId));
            let (Some(stated), Some(first)) = (stated.first(), first.first()) else { continue };
            let message =
                format!("cluster ID `{id}` is given to {}, but it is the one of {}", b.called(), a.called());
            let finding = stated.subject.finding(&RULE, &stated.claim.path, message).found(&id);
            findings.push(
                finding
                    .related(first.place(), format!("{} has it too", a.called()))
                    .help("give each cluster its own ID, in its values, injection path and remote secrets alike")
                    .cluster(&b.name),
            );
        }
    }
}
