//! MW6013: Sail cannot make a cluster of this Istio a remote.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::InstallMethod;
use crate::mesh::{Mesh, Role};
use crate::policy::Policy;
use crate::version::Minor;

/// Sail cannot make a cluster of this Istio a remote.
pub(super) struct RemoteUnknownToSail;

static RULE: Rule = Rule {
    code: "MW6013",
    name: "remote-unknown-to-sail",
    severity: Severity::Error,
    title: "Sail cannot make a cluster of this Istio a remote",
    docs: include_str!("../../docs/MW6013.md"),
};

impl Policy for RemoteUnknownToSail {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let istio = &cluster.istio;
            let remote = matches!(cluster.role, Role::Remote { .. });
            if !remote || istio.install != InstallMethod::Sail || istio.version.minor() >= Minor(1, 24) {
                continue;
            }
            let message = format!(
                "Sail installs a whole istiod of Istio {} in remote cluster `{}`",
                istio.version, cluster.name
            );
            findings.push(
                RULE.at(cluster.written.place("spec.istio.version"), message)
                    .cluster(&cluster.name)
                    .found(&istio.version)
                    .related(cluster.written.place("spec.istio.install"), "Sail installs it")
                    .help("take Istio 1.24 or later, or write `install: Helm` for the remote clusters"),
            );
        }
    }
}
