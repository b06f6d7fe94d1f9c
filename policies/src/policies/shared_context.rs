//! MW1003: one kubeconfig context named by two clusters.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Fleet};
use crate::policy::Policy;

/// One kubeconfig context named by two clusters.
pub(super) struct SharedContext;

static RULE: Rule = Rule {
    code: "MW1003",
    name: "shared-context",
    severity: Severity::Error,
    title: "two clusters name one kubeconfig context",
    docs: include_str!("../../docs/MW1003.md"),
};

impl Policy for SharedContext {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let mut owners: BTreeMap<&str, &Cluster> = BTreeMap::new();
        for (_, cluster) in fleet.clusters() {
            let Some(context) = cluster.spec.context.as_deref() else { continue };
            let Some(owner) = owners.get(context) else {
                owners.insert(context, cluster);
                continue;
            };
            let message =
                format!("clusters `{}` and `{}` both name the context `{context}`", owner.name, cluster.name);
            let finding = RULE
                .at(cluster.written.place("spec.context"), message)
                .cluster(&cluster.name)
                .found(context)
                .related(owner.written.place("spec.context"), format!("cluster `{}`", owner.name))
                .help(format!(
                    "name the context of `{0}`; `kubectl config rename-context {context} {0}` in its own kubeconfig \
                     makes one",
                    cluster.name
                ));
            findings.push(finding);
        }
    }
}
