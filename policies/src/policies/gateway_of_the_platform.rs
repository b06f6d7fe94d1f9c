//! MW4020: a gateway that the platform runs under that name.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::mesh::{Mesh, Role};
use crate::policy::Policy;

/// MW4020: a gateway that the platform runs under that name.
#[derive(Debug)]
pub(super) struct GatewayOfThePlatform;

static RULE: Rule = Rule {
    code: "MW4020",
    name: "gateway-of-the-platform",
    severity: Severity::Error,
    title: "an east-west gateway has the name of the platform's own gateway",
    docs: include_str!("../../docs/MW4020.md"),
};

/// The gateway that Mspider installs in every work cluster, in `istio-system`.
const OWN: &str = "istio-ingressgateway";

impl Policy for GatewayOfThePlatform {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if mesh.hosted().is_none() {
            return;
        }
        let worker = |role: &Role| *role == Role::HostedWorker;
        for (cluster, gateway) in gateways::each(mesh).filter(|(cluster, _)| worker(&cluster.role)) {
            if gateway.name.as_str() != OWN || cluster.system_namespace().as_str() != "istio-system" {
                continue;
            }
            let message = format!(
                "`{OWN}` of cluster `{}` is Mspider's own gateway: two owners would write one Deployment and one Service",
                cluster.name
            );
            let help = if gateway.is_shared() && gateway.spec.name.is_none() {
                "add `name: istio-eastwestgateway`, or leave out `layout: shared`: Mspider's gateway takes users' traffic"
            } else {
                "call it `istio-eastwestgateway`"
            };
            findings.push(
                cluster
                    .finding(&RULE, gateway.place.clone(), message)
                    .found(OWN)
                    .related(mesh.written.place("spec.controlPlane.hosted"), "the platform runs this mesh")
                    .help(help),
            );
        }
    }
}
