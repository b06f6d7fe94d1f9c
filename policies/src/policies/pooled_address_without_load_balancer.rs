//! MW3022: an address of a pool for a Service that MetalLB gives none.

use crate::address_plan::has_pools;
use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::intent::ServiceType;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW3022: an address of a pool for a Service that MetalLB gives none.
#[derive(Debug)]
pub(super) struct PooledAddressWithoutLoadBalancer;

static RULE: Rule = Rule {
    code: "MW3022",
    name: "pooled-address-without-load-balancer",
    severity: Severity::Warning,
    title: "an address of a pool for a Service that MetalLB gives none",
    docs: include_str!("../../docs/MW3022.md"),
};

impl Policy for PooledAddressWithoutLoadBalancer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh).filter(|(cluster, _)| has_pools(cluster)) {
            let kind = gateway.spec.service.kind;
            let Some(ip) = gateway.address.as_ref().and_then(|address| address.ip()) else { continue };
            if kind == ServiceType::LoadBalancer {
                continue;
            }
            let mut pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
            let Some(pool) = pools.find(|pool| pool.addresses.iter().any(|range| range.contains(ip))) else {
                continue;
            };
            let message = format!(
                "gateway `{}` of cluster `{}` is a Service of type {}, so MetalLB does not give it `{ip}` of pool `{}`",
                gateway.name,
                cluster.name,
                kind.as_str(),
                pool.name
            );
            findings.push(
                RULE.at(gateway.address_place.clone(), message)
                    .cluster(&cluster.name)
                    .found(ip)
                    .related(
                        cluster.written.place("spec.loadBalancer.metallb.pools"),
                        format!("pool `{}` announces its addresses for Services of type LoadBalancer", pool.name),
                    )
                    .help(
                        "set the gateway's `service.type` to LoadBalancer, or take an address that is in no pool and that \
                         something outside the cluster brings to it",
                    ),
            );
        }
    }
}
