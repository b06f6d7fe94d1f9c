//! MW8010: nobody applies the objects of the hosted control plane.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::Delivery;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW8010: nobody applies the objects of the hosted control plane.
#[derive(Debug)]
pub(super) struct UndeliveredHostedObjects;

static RULE: Rule = Rule {
    code: "MW8010",
    name: "undelivered-hosted-objects",
    severity: Severity::Warning,
    title: "nobody applies the objects of the hosted control plane",
    docs: include_str!("../../docs/MW8010.md"),
};

impl Policy for UndeliveredHostedObjects {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted().filter(|hosted| hosted.mspider.hosted_api_server_secret.is_none())
        else {
            return;
        };
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        let has_objects = mesh.is_multi_network() || !mesh.spec.failover.is_empty();
        if !has_objects || !matches!(host.delivery, Delivery::Flux(_)) {
            return;
        }
        let message = format!(
            "Flux of cluster `{}` cannot reach the hosted API server of mesh `{}`: no kubeconfig is declared",
            host.name, mesh.name
        );
        findings.push(
            RULE.at(mesh.written.place("spec.controlPlane.hosted.mspider"), message)
                .related(host.written.place("spec.delivery"), "the hosting cluster's delivery")
                .cluster(&host.name)
                .help(
                    "put a kubeconfig of the hosted API server into a Secret of the hosting cluster and name it in \
                     `hostedApiServerSecret`",
                ),
        );
    }
}
