//! MW5006: this release of Mspider has a known fault with what is declared.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::version::Minor;

/// MW5006: this release of Mspider has a known fault with what is declared.
#[derive(Debug)]
pub(super) struct OldMspider;

static RULE: Rule = Rule {
    code: "MW5006",
    name: "old-mspider",
    severity: Severity::Warning,
    title: "this release of Mspider has a known fault with what is declared",
    docs: include_str!("../../docs/MW5006.md"),
};

impl Policy for OldMspider {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted().filter(|_| mesh.is_multi_network()) else { return };
        let Some(version) = &hosted.mspider.version else { return };
        let mut report = |message: String, fixed: &str, related, label: &str| {
            findings.push(
                RULE.at(mesh.written.place("spec.controlPlane.hosted.mspider.version"), message)
                    .found(version)
                    .related(related, label)
                    .help(format!("upgrade Mspider to {fixed} or later")),
            );
        };
        if !version.at_least(0, 14, 0) && mesh.mesh_networks().next().is_some() {
            let message =
                format!("Mspider {version} labels east-west gateways by itself, which registers them twice");
            let place = mesh.written.place("spec.gatewayDiscovery");
            report(message, "0.14.0", place, "they are announced by `meshNetworks` already");
        }
        let old = mesh.clusters.values().find(|cluster| cluster.istio.version.minor() == Minor(1, 20));
        if let Some(cluster) = old.filter(|_| !version.at_least(0, 23, 0)) {
            let message = format!("Mspider {version} cannot connect the networks of a mesh with Istio 1.20");
            report(
                message,
                "0.23.0",
                cluster.written.place("spec.istio.version"),
                "Istio 1.20 is declared here",
            );
        }
    }
}
