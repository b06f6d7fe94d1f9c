//! MW3006: a Service whose address depends on which one asks first.

use crate::address_plan::{has_pools, load_balancer_services, of_cluster};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::{AddressPool, ServiceType};
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::policy::Policy;

/// A Service whose address depends on which one asks first.
pub(super) struct AddressesLeftToChance;

static RULE: Rule = Rule {
    code: "MW3006",
    name: "addresses-left-to-chance",
    severity: Severity::Warning,
    title: "address of a load balancer is left to chance",
    docs: include_str!("../../docs/MW3006.md"),
};

impl Policy for AddressesLeftToChance {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values().filter(|cluster| has_pools(cluster)) {
            let pools = || cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
            findings.extend(too_few(mesh, cluster, pools()));
            findings.extend(unpinned(cluster, pools().any(|pool| pool.auto_assign)));
            findings.extend(up_for_grabs(mesh, cluster, pools()));
        }
    }
}

/// Fewer addresses than Services.
fn too_few<'a>(
    mesh: &Mesh,
    cluster: &Cluster,
    pools: impl Iterator<Item = &'a AddressPool>,
) -> Option<Finding> {
    let addresses =
        pools.flat_map(|pool| &pool.addresses).fold(0_u128, |sum, range| sum.saturating_add(range.size()));
    let services = load_balancer_services(mesh, cluster);
    if u128::try_from(services).is_ok_and(|services| services <= addresses) {
        return None;
    }
    let message = format!(
        "the pools of cluster `{}` hold {addresses} address{}, but {services} {} of type LoadBalancer",
        cluster.name,
        if addresses == 1 { "" } else { "es" },
        if services == 1 { "planned Service is" } else { "planned Services are" }
    );
    let finding =
        RULE.at(cluster.written.place("spec.loadBalancer.metallb.pools"), message).cluster(&cluster.name);
    Some(finding.help("add addresses; a Service without one stays pending"))
}

/// Gateways that take whatever address is free.
fn unpinned(cluster: &Cluster, auto_assign: bool) -> Vec<Finding> {
    let asks = |gateway: &&Gateway| {
        gateway.address.is_none() && gateway.spec.service.kind == ServiceType::LoadBalancer
    };
    let finding = |gateway: &Gateway| {
        let effect = if auto_assign {
            "gets whichever address of the pools is free"
        } else {
            "gets none, because no pool has `autoAssign: true`"
        };
        let message = format!(
            "gateway `{}` of cluster `{}` has no planned address and {effect}",
            gateway.name, cluster.name
        );
        RULE.at(gateway.place.clone(), message)
            .cluster(&cluster.name)
            .help("plan one: `loadBalancer.addresses.eastWest`, or `address` of the gateway")
    };
    cluster.gateways.iter().filter(asks).map(finding).collect()
}

/// Planned addresses in a pool from which any Service may take one.
fn up_for_grabs<'a>(
    mesh: &Mesh,
    cluster: &Cluster,
    pools: impl Iterator<Item = &'a AddressPool>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let uses = of_cluster(mesh, cluster);
    for (index, pool) in pools.enumerate().filter(|(_, pool)| pool.auto_assign) {
        let planned = uses.iter().find(|used| {
            let ip = used.address.ip().filter(|_| used.port.is_none());
            ip.is_some_and(|ip| pool.addresses.iter().any(|range| range.contains(ip)))
        });
        let Some(planned) = planned else { continue };
        let message = format!(
            "pool `{}` of cluster `{}` gives its addresses to any Service, but `{}` in it is planned for {}",
            pool.name, cluster.name, planned.address, planned.role
        );
        let path = format!("spec.loadBalancer.metallb.pools[{index}].autoAssign");
        let finding = RULE
            .at(cluster.written.place(path.as_str()), message)
            .cluster(&cluster.name)
            .related(planned.place.clone(), format!("`{}` is planned here", planned.address))
            .help("leave out `autoAssign`, and give Services that ask for no address a pool of their own");
        findings.push(finding);
    }
    findings
}
