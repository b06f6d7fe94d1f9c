//! MW4009: some nodes refuse the gateway's NodePort.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::intent::{ExternalTrafficPolicy, ServiceType};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW4009: some nodes refuse the gateway's NodePort.
#[derive(Debug)]
pub(super) struct NodePortLocalPolicy;

static RULE: Rule = Rule {
    code: "MW4009",
    name: "node-port-local-policy",
    severity: Severity::Warning,
    title: "some nodes refuse the gateway's NodePort",
    docs: include_str!("../../docs/MW4009.md"),
};

impl Policy for NodePortLocalPolicy {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh) {
            let service = &gateway.spec.service;
            if service.kind == ServiceType::NodePort
                && service.external_traffic_policy == Some(ExternalTrafficPolicy::Local)
            {
                let message = format!(
                    "nodes of cluster `{}` that do not run gateway `{}` refuse its NodePort",
                    cluster.name, gateway.name
                );
                findings.push(
                    RULE.at(gateways::field(cluster, gateway, "service.externalTrafficPolicy"), message)
                        .cluster(&cluster.name)
                        .found("Local")
                        .help("set `externalTrafficPolicy: Cluster`"),
                );
            }
        }
    }
}
