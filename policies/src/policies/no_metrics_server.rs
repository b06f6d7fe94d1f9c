//! MW9003: a gateway scales on metrics that nobody provides.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW9003: a gateway scales on metrics that nobody provides.
#[derive(Debug)]
pub(super) struct NoMetricsServer;

static RULE: Rule = Rule {
    code: "MW9003",
    name: "no-metrics-server",
    severity: Severity::Warning,
    title: "a gateway scales on metrics that nobody provides",
    docs: include_str!("../../docs/MW9003.md"),
};

impl Policy for NoMetricsServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh) {
            if cluster.spec.metrics_server == Some(false) && gateway.spec.replicas.is_none() {
                let message =
                    format!("gateway `{}` scales on metrics that no metrics server provides", gateway.name);
                findings.push(
                    cluster
                        .finding(&RULE, cluster.written.place("spec.metricsServer"), message)
                        .found("false")
                        .related(gateway.place.clone(), "it has no `replicas`")
                        .help("set `replicas` of the gateway, or install a metrics server and declare it"),
                );
            }
        }
    }
}
