//! MW6008: the Sail operator does not know this Istio version.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::InstallMethod;
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW6008: the Sail operator does not know this Istio version.
#[derive(Debug)]
pub(super) struct UnknownToSail;

static RULE: Rule = Rule {
    code: "MW6008",
    name: "unknown-to-sail",
    severity: Severity::Error,
    title: "the Sail operator does not know this Istio version",
    docs: include_str!("../../docs/MW6008.md"),
};

impl Policy for UnknownToSail {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values().filter(|cluster| cluster.istio.install == InstallMethod::Sail) {
            let version = &cluster.istio.version;
            let (_, minor, patch) = version.numbers();
            let has_suffix = version.plain().contains(['-', '+']);
            let known = support::of(version.minor()).and_then(|release| release.sail);
            let help = match known {
                _ if version.minor() > support::NEWEST => continue,
                Some((first, last)) if !has_suffix && (first..=last).contains(&patch) => continue,
                Some((first, last)) => {
                    format!("take 1.{minor}.{first} to 1.{minor}.{last}, or `install: Helm`")
                }
                None => "take another release of Istio, or `install: Helm`".to_owned(),
            };
            let message = format!("the Sail operator does not know Istio {version}");
            let mut finding = cluster
                .finding(&RULE, cluster.written.place("spec.istio.version"), message)
                .found(version)
                .related(cluster.written.place("spec.istio.install"), "Sail installs it")
                .help(help);
            if known.is_some_and(|(_, last)| patch > last && !has_suffix) {
                finding.severity = Severity::Warning;
            }
            findings.push(finding);
        }
    }
}
