//! MW6012: Sail cannot tell this Istio to inject for the CNI agent.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::{InstallMethod, Profile};
use crate::mesh::{Mesh, Role};
use crate::policy::Policy;
use crate::version::Minor;

/// Sail cannot tell this Istio to inject for the CNI agent.
pub(super) struct CniUnknownToSail;

static RULE: Rule = Rule {
    code: "MW6012",
    name: "cni-unknown-to-sail",
    severity: Severity::Error,
    title: "Sail cannot tell this Istio to inject for the CNI agent",
    docs: include_str!("../../docs/MW6012.md"),
};

impl Policy for CniUnknownToSail {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let istio = &cluster.istio;
            let by_sail = istio.install == InstallMethod::Sail && cluster.role != Role::HostedWorker;
            // That profile of the chart sets the old key itself.
            let by_profile = istio.profile == Some(Profile::Openshift);
            if !(by_sail && istio.cni) || by_profile || istio.version.minor() >= Minor(1, 22) {
                continue;
            }
            let message =
                format!("Istio {} does not read the key by which Sail turns on `cni`", istio.version);
            findings.push(
                cluster
                    .finding(&RULE, cluster.written.place("spec.istio.cni"), message)
                    .found(true)
                    .related(cluster.written.place("spec.istio.version"), "this version")
                    .help("take Istio 1.22 or later, leave out `cni`, or write `install: Helm`"),
            );
        }
    }
}
