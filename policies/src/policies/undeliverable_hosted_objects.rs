//! MW8002: nothing reaches the hosted API server.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::Delivery;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW8002: nothing reaches the hosted API server.
#[derive(Debug)]
pub(super) struct UndeliverableHostedObjects;

static RULE: Rule = Rule {
    code: "MW8002",
    name: "undeliverable-hosted-objects",
    severity: Severity::Error,
    title: "nothing reaches the hosted API server",
    docs: include_str!("../../docs/MW8002.md"),
};

impl Policy for UndeliverableHostedObjects {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted().filter(|hosted| hosted.mspider.hosted_api_server_secret.is_none())
        else {
            return;
        };
        if !mesh.is_multi_network() && mesh.spec.failover.is_empty() {
            return;
        }
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        let (who, severity) = match &host.delivery {
            Delivery::Flux(_) => ("Flux", Severity::Error),
            Delivery::Argocd(_) => ("Argo CD", Severity::Warning),
            Delivery::None(_) => ("nobody", Severity::Warning),
        };
        let server = format!("{}-hosted-apiserver", mesh.name);
        let message = format!(
            "the cross-network Gateway and traffic rules belong to `{server}`, to which nothing is delivered"
        );
        let mut finding = RULE
            .at(mesh.written.place("spec.controlPlane.hosted.mspider.hostedApiServerSecret"), message)
            .related(host.written.place("spec.delivery"), format!("{who} delivers cluster `{}`", host.name))
            .help(format!(
                "set `hostedApiServerSecret` to a Secret of cluster `{}` with a kubeconfig of `{server}`",
                host.name
            ));
        finding.severity = severity;
        findings.push(finding);
    }
}
