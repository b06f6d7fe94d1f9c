//! MW5004: nobody reads IstioOperator objects in the cluster any more.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::{AppliedBy, InstallMethod};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW5004: nobody reads IstioOperator objects in the cluster any more.
#[derive(Debug)]
pub(super) struct NoInClusterOperator;

static RULE: Rule = Rule {
    code: "MW5004",
    name: "no-in-cluster-operator",
    severity: Severity::Error,
    title: "nobody reads IstioOperator objects in the cluster any more",
    docs: include_str!("../../docs/MW5004.md"),
};

impl Policy for NoInClusterOperator {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let istio = &cluster.istio;
            if istio.install != InstallMethod::IstioOperator
                || istio.applied_by != AppliedBy::Operator
                || support::has_in_cluster_operator(&istio.version)
            {
                continue;
            }
            let message =
                format!("nobody reads IstioOperator objects in a cluster with Istio {}", istio.version);
            findings.push(
                cluster.finding(&RULE, cluster.written.place("spec.istio.install"), message)
                    .found("IstioOperator")
                    .declared(&istio.version, cluster.written.place("spec.istio.version"), "the operator is gone since 1.24")
                    .help("set `appliedBy: istioctl` and run the plan's command, or set `install: Helm` or `install: Sail`"),
            );
        }
    }
}
