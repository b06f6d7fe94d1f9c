//! MW7211: two remote secrets are for one cluster.

use std::collections::BTreeMap;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW7211: two remote secrets are for one cluster.
pub(super) struct RepeatedRemoteCluster;

static RULE: Rule = Rule {
    code: "MW7211",
    name: "repeated-remote-cluster",
    severity: Severity::Error,
    title: "two remote secrets are for one cluster",
    docs: include_str!("../../docs/MW7211.md"),
};

impl Policy for RepeatedRemoteCluster {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let mut seen = BTreeMap::new();
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::RemoteCluster { .. })) {
                let subject = stated.subject;
                let (Fact::RemoteCluster { namespace }, id) = (&stated.claim.fact, &stated.claim.value)
                else {
                    continue;
                };
                let Some(first) = seen.insert((namespace, id), stated) else { continue };
                // One secret in two files is a matter of delivery.
                if first.subject.name == subject.name {
                    continue;
                }
                let message = format!(
                    "secret `{}` is for `{id}`, as `{}` is: istiod reads one of them",
                    subject.name, first.subject.name
                );
                findings.push(
                    subject
                        .finding(&RULE, &stated.claim.path, message)
                        .found(id)
                        .related(first.place(), "the other is here")
                        .help("remove one, or rename its key to the cluster that it leads to")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}
