//! MW6005: kubectl is too far from an API server.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;
use crate::version::Minor;

/// MW6005: kubectl is too far from an API server.
#[derive(Debug)]
pub(super) struct KubectlSkew;

static RULE: Rule = Rule {
    code: "MW6005",
    name: "kubectl-skew",
    severity: Severity::Warning,
    title: "kubectl is too far from an API server",
    docs: include_str!("../../docs/MW6005.md"),
};

impl Policy for KubectlSkew {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(kubectl) = &mesh.spec.tools.kubectl else { return };
        // One finding for each version of Kubernetes.
        let mut versions: BTreeMap<Minor, &Cluster> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            if let Some(version) = &cluster.spec.kubernetes.version {
                versions.entry(version.minor()).or_insert(cluster);
            }
        }
        for (minor, cluster) in versions {
            let own = kubectl.minor();
            if own.0 == minor.0 && own.1.abs_diff(minor.1) <= 1 {
                continue;
            }
            let message = format!("kubectl {kubectl} is more than one minor away from Kubernetes {minor}");
            findings.push(
                RULE.at(mesh.written.place("spec.tools.kubectl"), message)
                    .found(kubectl)
                    .declared(
                        minor,
                        cluster.written.place("spec.kubernetes.version"),
                        format!("cluster `{}` runs it", cluster.name),
                    )
                    .help(format!(
                        "use kubectl {}.{} to {}.{}",
                        minor.0,
                        minor.1.saturating_sub(1),
                        minor.0,
                        minor.1 + 1
                    )),
            );
        }
    }
}
