//! MW6003: this release of Istio is not known.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support::{NEWEST, OLDEST};

/// MW6003: this release of Istio is not known.
#[derive(Debug)]
pub(super) struct UnknownIstioRelease;

static RULE: Rule = Rule {
    code: "MW6003",
    name: "unknown-istio-release",
    severity: Severity::Error,
    title: "this release of Istio is not known",
    docs: include_str!("../../docs/MW6003.md"),
};

impl Policy for UnknownIstioRelease {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let version = &cluster.istio.version;
            let place = cluster.written.place("spec.istio.version");
            if version.minor() < OLDEST {
                let message =
                    format!("Istio {version} is older than {OLDEST}, the first release that is known");
                let help = format!("upgrade Istio to {OLDEST} or later");
                findings.push(cluster.finding(&RULE, place, message).found(version).help(help));
            } else if version.minor() > NEWEST {
                let message =
                    format!("Istio {version} is newer than {NEWEST}, the last release that is known");
                let mut finding = cluster.finding(&RULE, place, message).found(version);
                finding.severity = Severity::Warning;
                findings.push(
                    finding.help("it is rendered as the last known release; a newer meshwright may know it"),
                );
            }
        }
    }
}
