//! MW6009: the mesh runs with the profile for demonstrations.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::Profile;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW6009: the mesh runs with the profile for demonstrations.
#[derive(Debug)]
pub(super) struct DemoProfile;

static RULE: Rule = Rule {
    code: "MW6009",
    name: "demo-profile",
    severity: Severity::Warning,
    title: "the mesh runs with the profile for demonstrations",
    docs: include_str!("../../docs/MW6009.md"),
};

impl Policy for DemoProfile {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values().filter(|cluster| cluster.istio.profile == Some(Profile::Demo)) {
            let message =
                "profile `demo` traces and logs every request and starves istiod: it is for demonstrations";
            findings.push(
                cluster
                    .finding(&RULE, cluster.written.place("spec.istio.profile"), message)
                    .found("demo")
                    .help("remove `profile`, or set `profile: default`"),
            );
        }
    }
}
