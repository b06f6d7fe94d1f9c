//! MW4007: a gateway's Service never gets the address that peers look for.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::intent::{GatewayDiscovery, LoadBalancerProvider, ServiceType};
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::policy::Policy;

/// MW4007: a gateway's Service never gets the address that peers look for.
#[derive(Debug)]
pub(super) struct UndiscoverableGateway;

static RULE: Rule = Rule {
    code: "MW4007",
    name: "undiscoverable-gateway",
    severity: Severity::Error,
    title: "a gateway's Service never gets the address that peers look for",
    docs: include_str!("../../docs/MW4007.md"),
};

impl Policy for UndiscoverableGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.is_multi_network() {
            return;
        }
        for (cluster, gateway) in gateways::each(mesh) {
            let Some(network) = mesh.networks.get(&cluster.network) else { continue };
            if mesh.gateway_discovery(network) != GatewayDiscovery::Labels {
                continue;
            }
            let Some((why, field)) = no_address(cluster, gateway) else { continue };
            let place = match field {
                Field::Type => gateways::field(cluster, gateway, "service.type"),
                Field::Provider => cluster.written.place("spec.loadBalancer.provider"),
            };
            let declared = match network.spec.gateway_discovery {
                Some(_) => network.written.place("spec.gatewayDiscovery"),
                None => mesh.written.place("spec.gatewayDiscovery"),
            };
            let message = format!(
                "istiod never learns the address of gateway `{}` of cluster `{}`: {why}",
                gateway.name, cluster.name
            );
            findings.push(
                RULE.at(place, message)
                    .cluster(&cluster.name)
                    .declared("labels", declared, format!("`{}` is entered by what labels and Service status say", network.id))
                    .help(format!(
                        "set `gatewayDiscovery: meshNetworks` in network `{}` and declare the gateway's `address` and `port`",
                        network.id
                    )),
            );
        }
    }
}

/// Which field is the cause.
enum Field {
    Type,
    Provider,
}

/// Why the Service has no address that istiod reads.
fn no_address(cluster: &Cluster, gateway: &Gateway) -> Option<(&'static str, Field)> {
    let service = &gateway.spec.service;
    match (service.kind, cluster.spec.load_balancer.effective_provider()) {
        (ServiceType::ClusterIP, _) => Some(("a Service of type ClusterIP has none", Field::Type)),
        (ServiceType::NodePort, _) if !service.annotations.contains_key("traffic.istio.io/nodeSelector") => {
            Some(("a Service of type NodePort has none", Field::Type))
        }
        // MetalLB may still write the address of the load balancer by hand into the status.
        (ServiceType::LoadBalancer, LoadBalancerProvider::Manual)
            if cluster.spec.load_balancer.metallb.is_none() =>
        {
            Some(("a load balancer by hand does not write the Service's status", Field::Provider))
        }
        (ServiceType::LoadBalancer, LoadBalancerProvider::None) => {
            Some(("nobody gives load balancers their address", Field::Provider))
        }
        _ => None,
    }
}
