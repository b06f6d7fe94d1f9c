//! MW5020: the platform is told another Istio than the mesh declares.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::version::Version;

/// MW5020: the platform is told another Istio than the mesh declares.
#[derive(Debug)]
pub(super) struct PlatformVersion;

static RULE: Rule = Rule {
    code: "MW5020",
    name: "platform-version",
    severity: Severity::Error,
    title: "the platform is told another Istio than the mesh declares",
    docs: include_str!("../../docs/MW5020.md"),
};

/// Mspider's parameter for the version of the hosted istiod.
const PARAMETER: &str = "global.istio_version";

impl Policy for PlatformVersion {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted() else { return };
        let Some(text) = hosted.mspider.control_plane_params.get(PARAMETER) else { return };
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        let declared = &host.istio.version;
        if text.parse::<Version>().is_ok_and(|told| told.agrees_with(declared)) {
            return;
        }
        let path = FieldPath::parse("spec.controlPlane.hosted.mspider.controlPlaneParams").key(PARAMETER);
        let message =
            format!("parameter `{PARAMETER}` asks for Istio `{text}`, but `{declared}` is declared");
        findings.push(
            RULE.at(mesh.written.place(path), message)
                .found(text)
                .declared(
                    declared,
                    host.written.place("spec.istio.version"),
                    format!("`{declared}` is declared here"),
                )
                .help(format!(
                    "set `{PARAMETER}` to `{declared}`, or declare the version that the platform runs"
                )),
        );
    }
}
