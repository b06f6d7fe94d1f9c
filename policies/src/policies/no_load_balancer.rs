//! MW4008: a gateway waits for a load balancer that nobody provides.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::intent::{LoadBalancerProvider, ServiceType};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW4008: a gateway waits for a load balancer that nobody provides.
#[derive(Debug)]
pub(super) struct NoLoadBalancer;

static RULE: Rule = Rule {
    code: "MW4008",
    name: "no-load-balancer",
    severity: Severity::Error,
    title: "a gateway waits for a load balancer that nobody provides",
    docs: include_str!("../../docs/MW4008.md"),
};

impl Policy for NoLoadBalancer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh) {
            let provider = match cluster.spec.load_balancer.effective_provider() {
                LoadBalancerProvider::Manual => "manual",
                LoadBalancerProvider::None => "none",
                _ => continue,
            };
            if gateway.spec.service.kind != ServiceType::LoadBalancer || gateway.dialled().is_some() {
                continue;
            }
            let message = format!(
                "gateway `{}` of cluster `{}` waits for a load balancer, which nobody provides, and has no address by hand",
                gateway.name, cluster.name
            );
            findings.push(
                RULE.at(gateway.place.clone(), message)
                    .cluster(&cluster.name)
                    .declared(provider, cluster.written.place("spec.loadBalancer.provider"), format!("the provider is `{provider}`"))
                    .help("declare the address that peers dial as `loadBalancer.addresses.eastWest` or as the gateway's `publicAddress`"),
            );
        }
    }
}
