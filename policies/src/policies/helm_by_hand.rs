//! MW8007: nobody installs the Helm releases.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::{Delivery, InstallMethod};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW8007: nobody installs the Helm releases.
#[derive(Debug)]
pub(super) struct HelmByHand;

static RULE: Rule = Rule {
    code: "MW8007",
    name: "helm-by-hand",
    severity: Severity::Warning,
    title: "nobody installs the Helm releases",
    docs: include_str!("../../docs/MW8007.md"),
};

impl Policy for HelmByHand {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            if cluster.istio.install == InstallMethod::Helm && matches!(cluster.delivery, Delivery::None(_)) {
                let message = "Helm releases are rendered as values files, which nobody installs";
                let is_written =
                    cluster.written.document.get("spec").is_some_and(|spec| spec.get("delivery").is_some());
                let written = if is_written { &cluster.written } else { &mesh.written };
                findings.push(
                    cluster
                        .finding(&RULE, written.place("spec.delivery"), message)
                        .related(cluster.written.place("spec.istio.install"), "Istio is installed by Helm")
                        .help("declare `delivery`, or run the plan's commands after every change"),
                );
            }
        }
    }
}
