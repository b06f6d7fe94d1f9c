//! MW6011: the install method does not have this profile in this release.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW6011: the install method does not have this profile in this release.
#[derive(Debug)]
pub(super) struct UnknownProfile;

static RULE: Rule = Rule {
    code: "MW6011",
    name: "unknown-profile",
    severity: Severity::Error,
    title: "the install method does not have this profile in this release",
    docs: include_str!("../../docs/MW6011.md"),
};

impl Policy for UnknownProfile {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let istio = &cluster.istio;
            let Some(profile) = istio.profile else { continue };
            let (name, method) = (profile.as_str(), istio.install.as_str());
            let (message, help) = match support::profile_since(istio.install, profile) {
                Some(since) if istio.version.minor() >= since => continue,
                Some(since) => (
                    format!(
                        "`install: {method}` has profile `{name}` since Istio {since}, not in {}",
                        istio.version
                    ),
                    format!("remove `profile`, or take Istio {since} or later"),
                ),
                None => (
                    format!("`install: {method}` has no profile `{name}`"),
                    "remove `profile`; what the mesh declares is rendered on the charts' defaults".to_owned(),
                ),
            };
            findings.push(
                cluster
                    .finding(&RULE, cluster.written.place("spec.istio.profile"), message)
                    .found(name)
                    .declared(
                        &istio.version,
                        cluster.written.place("spec.istio.version"),
                        "the release is declared here",
                    )
                    .help(help),
            );
        }
    }
}
