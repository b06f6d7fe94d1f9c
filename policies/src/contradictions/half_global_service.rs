//! MW9252: a service is global in one cluster and not in another.

use std::collections::BTreeMap;

use super::found::fleets;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW9252: a service is global in one cluster and not in another.
pub(super) struct HalfGlobalService;

static RULE: Rule = Rule {
    code: "MW9252",
    name: "half-global-service",
    severity: Severity::Error,
    title: "service is global in one cluster and not in another",
    docs: include_str!("../../docs/MW9252.md"),
};

const GLOBAL: &str = "istio.io/global";

impl Policy for HalfGlobalService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for clusters in fleets(repository).into_values() {
            judge(&clusters.into_iter().filter(|cluster| cluster.fleet).collect::<Vec<_>>(), findings);
        }
    }
}

fn label() -> FieldPath {
    FieldPath::parse("metadata.labels").key(GLOBAL)
}

fn is_global(subject: &Manifest) -> bool {
    subject.document.at(&label()).and_then(Node::as_str) == Some("true")
}

fn key(subject: &Manifest) -> Option<(&str, &str)> {
    (subject.kind == "Service").then_some((subject.namespace.as_deref()?, subject.name.as_str()))
}

/// istio/istio: `pilot/pkg/serviceregistry/ambient/multicluster.go`; `manifests/helm-profiles/ambient.yaml`.
fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let mut global: BTreeMap<(&str, &str), (&Cluster, &Manifest)> = BTreeMap::new();
    for cluster in clusters {
        for subject in cluster.subjects.iter().filter(|subject| is_global(subject)) {
            if let Some(key) = key(subject) {
                global.entry(key).or_insert((cluster, subject));
            }
        }
    }
    for cluster in clusters.iter().filter(|_| !global.is_empty()) {
        // A namespace may be made global as a whole.
        let namespaces: Vec<&str> = cluster
            .subjects
            .iter()
            .filter(|subject| subject.kind == "Namespace" && is_global(subject))
            .map(|subject| subject.name.as_str())
            .collect();
        for local in cluster.subjects.iter().filter(|subject| !is_global(subject)) {
            let Some(key) = key(local).filter(|(namespace, _)| !namespaces.contains(namespace)) else {
                continue;
            };
            let Some((there, subject)) = global.get(&key) else { continue };
            let message = format!(
                "service `{}` is global in {}, but not here: its endpoints here are no part of it, and callers here see no \
                 other",
                local.name,
                there.called()
            );
            findings.push(
                local
                    .finding(&RULE, &FieldPath::parse("metadata.labels"), message)
                    .related(subject.place(&label()), format!("it is global in {}", there.called()))
                    .help(format!("add the label `{GLOBAL}: \"true\"` here too"))
                    .cluster(&cluster.name),
            );
        }
    }
}
