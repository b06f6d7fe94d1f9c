//! MW6007: current Helm refuses the gateway chart of this Istio version.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::{Delivery, InstallMethod};
use crate::mesh::{Cluster, Mesh, Role};
use crate::policy::Policy;
use crate::support;

/// MW6007: current Helm refuses the gateway chart of this Istio version.
#[derive(Debug)]
pub(super) struct GatewayChartRefused;

static RULE: Rule = Rule {
    code: "MW6007",
    name: "gateway-chart-refused",
    severity: Severity::Warning,
    title: "current Helm refuses the gateway chart of this Istio version",
    docs: include_str!("../../docs/MW6007.md"),
};

impl Policy for GatewayChartRefused {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values().filter(|cluster| !cluster.gateways.is_empty()) {
            let Some(fixed) = support::gateway_chart_fixed_in(&cluster.istio.version) else { continue };
            let Some((who, place)) = strict_helm(mesh, cluster) else { continue };
            let version = &cluster.istio.version;
            let message =
                format!("Helm 3.18.5 and later refuse the gateway chart of Istio {version} by its schema");
            let help = format!(
                "take Istio {fixed} or later; what is rendered skips the schema, so that a misspelt value is not found"
            );
            let finding = cluster
                .finding(&RULE, cluster.written.place("spec.istio.version"), message)
                .found(version)
                .related(place, who)
                .help(help);
            findings.push(finding);
        }
    }
}

/// Who installs the chart with a Helm that refuses it, and where that is declared.
fn strict_helm(mesh: &Mesh, cluster: &Cluster) -> Option<(&'static str, Place)> {
    if cluster.istio.install == InstallMethod::IstioOperator || cluster.role == Role::HostedWorker {
        return None;
    }
    let delivery = cluster.written.place("spec.delivery");
    match (&cluster.delivery, &mesh.spec.tools.helm) {
        (Delivery::Flux(_), _) => Some(("Flux installs it, with the Helm that it embeds", delivery)),
        (Delivery::Argocd(_), _) => Some(("Argo CD renders it, with the Helm that it embeds", delivery)),
        (Delivery::None(_), Some(helm)) if !support::helm_is_strict(helm) => None,
        (Delivery::None(_), _) => Some(("the Helm that installs it", mesh.written.place("spec.tools.helm"))),
    }
}
