//! MW5003: a hosted mesh is installed by the product, and in one way.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::{AppliedBy, InstallMethod};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW5003: a hosted mesh is installed by the product, and in one way.
#[derive(Debug)]
pub(super) struct HostedInstallMethod;

static RULE: Rule = Rule {
    code: "MW5003",
    name: "hosted-install-method",
    severity: Severity::Error,
    title: "a hosted mesh is installed by the product, and in one way",
    docs: include_str!("../../docs/MW5003.md"),
};

impl Policy for HostedInstallMethod {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if mesh.hosted().is_none() {
            return;
        }
        for cluster in mesh.clusters.values() {
            let mut report = |path: &str, found: &str, message: String, help: &str| {
                findings.push(
                    cluster
                        .finding(&RULE, cluster.written.place(path), message)
                        .found(found)
                        .related(
                            mesh.written.place("spec.controlPlane.hosted"),
                            "Mspider hosts the control plane",
                        )
                        .help(help),
                );
            };
            // No cluster in the messages: what all clusters share is said once.
            let istio = &cluster.istio;
            if istio.install != InstallMethod::IstioOperator {
                let method = istio.install.as_str();
                let message = format!(
                    "a hosted mesh is not installed by {method}: Mspider writes IstioOperator objects"
                );
                report("spec.istio.install", method, message, "set `install: IstioOperator`");
            } else if istio.applied_by == AppliedBy::Istioctl {
                let message =
                    "IstioOperator objects of a hosted mesh are read by Mspider's operator, not by istioctl";
                report("spec.istio.appliedBy", "istioctl", message.to_owned(), "set `appliedBy: operator`");
            }
            if let Some(revision) = &istio.revision {
                let message =
                    format!("a hosted mesh has no revision `{revision}`: Mspider names its istiod itself");
                report("spec.istio.revision", revision.as_str(), message, "remove `revision`");
            }
        }
    }
}
