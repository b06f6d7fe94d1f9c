//! MW6001: Kubernetes is older than the Istio release runs on.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW6001: Kubernetes is older than the Istio release runs on.
#[derive(Debug)]
pub(super) struct KubernetesTooOld;

static RULE: Rule = Rule {
    code: "MW6001",
    name: "kubernetes-too-old",
    severity: Severity::Error,
    title: "Kubernetes is older than the Istio release runs on",
    docs: include_str!("../../docs/MW6001.md"),
};

impl Policy for KubernetesTooOld {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let Some(kubernetes) = &cluster.spec.kubernetes.version else { continue };
            let istio = &cluster.istio.version;
            let Some(release) =
                support::of(istio.minor()).filter(|release| kubernetes.minor() < release.minimum)
            else {
                continue;
            };
            let (first, last) = release.announced;
            let mut help = format!(
                "upgrade Kubernetes to {first} or later (Istio {} supports {first} to {last})",
                release.istio
            );
            if let Some(other) = support::supporting(kubernetes.minor()).last() {
                help.push_str(&format!(
                    ", or take Istio {}, the last that supports {}",
                    other.istio,
                    kubernetes.minor()
                ));
            }
            let message = format!(
                "Kubernetes {kubernetes} is too old for Istio {istio}, which needs {} or later",
                release.minimum
            );
            let finding = cluster
                .finding(&RULE, cluster.written.place("spec.kubernetes.version"), message)
                .found(kubernetes)
                .help(help);
            findings.push(cluster.against_istio(finding));
        }
    }
}
