//! MW6006: the Gateway API in the cluster is older than Istio's.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;
use crate::support;

/// MW6006: the Gateway API in the cluster is older than Istio's.
#[derive(Debug)]
pub(super) struct OldGatewayApi;

static RULE: Rule = Rule {
    code: "MW6006",
    name: "old-gateway-api",
    severity: Severity::Warning,
    title: "the Gateway API in the cluster is older than Istio's",
    docs: include_str!("../../docs/MW6006.md"),
};

impl Policy for OldGatewayApi {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let Some(installed) = cluster.spec.gateway_api.as_ref().map(|api| &api.version) else { continue };
            let istio = &cluster.istio.version;
            let Some(release) =
                support::of(istio.minor()).filter(|release| installed.minor() < release.gateway_api)
            else {
                continue;
            };
            let message = format!(
                "Gateway API {installed} is behind {}, which Istio {istio} is built against",
                release.gateway_api
            );
            let finding = cluster
                .finding(&RULE, cluster.written.place("spec.gatewayAPI.version"), message)
                .found(installed)
                .help(format!("install the CRDs of Gateway API {} and declare them", release.gateway_api));
            findings.push(cluster.against_istio(finding));
        }
    }
}
