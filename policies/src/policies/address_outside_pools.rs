//! MW3003: a planned address that the cluster's MetalLB pools do not hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address_plan::{AddressUse, asks_metallb, free_address, has_pools, of_cluster, pool_range, taken};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::ServiceType;
use crate::mesh::Fleet;
use crate::policy::Policy;

/// A planned address that the cluster's MetalLB pools do not hold.
pub(super) struct AddressOutsidePools;

static RULE: Rule = Rule {
    code: "MW3003",
    name: "address-outside-pools",
    severity: Severity::Error,
    title: "planned address lies outside the cluster's own pools",
    docs: include_str!("../../docs/MW3003.md"),
};

impl Policy for AddressOutsidePools {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        for (mesh, cluster) in fleet.clusters().filter(|(_, cluster)| asks_metallb(cluster)) {
            let uses = of_cluster(mesh, cluster);
            for used in uses.iter().filter(|used| is_given_by_metallb(used)) {
                let Some(ip) = used.address.ip() else { continue };
                if pool_range(cluster, ip).is_none() {
                    findings.push(outside(fleet, used, ip, &uses));
                }
            }
        }
    }
}

/// Whether the address is one that MetalLB has to give: the Service's own, not one that is translated outside.
fn is_given_by_metallb(used: &AddressUse<'_>) -> bool {
    let gateways = &used.cluster.gateways;
    let translated =
        gateways.iter().any(|gateway| gateway.spec.public_address.as_ref() == Some(used.address));
    let other_type = gateways.iter().any(|gateway| {
        gateway.name.as_str() == used.service && gateway.spec.service.kind != ServiceType::LoadBalancer
    });
    // Without MetalLB as the provider, only the annotations that are rendered ask it for an address.
    let asked = has_pools(used.cluster)
        || gateways.iter().any(|gateway| {
            gateway.name.as_str() == used.service && gateway.address.as_ref() == Some(used.address)
        });
    used.port.is_none() && asked && !translated && !other_type && !used.address.is_local_only()
}

fn outside(fleet: &Fleet, used: &AddressUse<'_>, ip: IpAddr, uses: &[AddressUse<'_>]) -> Finding {
    let cluster = used.cluster;
    let message = format!(
        "`{ip}`, planned for {} of cluster `{}`, lies in none of the cluster's pools",
        used.role, cluster.name
    );
    let pools = cluster.written.place("spec.loadBalancer.metallb.pools");
    let mut finding = RULE
        .at(used.place.clone(), message)
        .cluster(&cluster.name)
        .found(ip)
        .related(pools, format!("the pools of `{}`", cluster.name));
    let other = fleet.clusters().find_map(|(_, other)| pool_range(other, ip).map(|path| (other, path)));
    if let Some((other, path)) = &other {
        let label = format!("`{ip}` lies in this pool of cluster `{}`", other.name);
        finding = finding.related(other.written.place(path.as_str()), label);
    }
    let taken: BTreeMap<_, _> = taken(uses);
    let free = taken.get(&cluster.name).and_then(|taken| free_address(cluster, taken));
    finding.help(match free {
        Some((free, pool)) => {
            format!("use an address of `{}`, such as `{free}` of pool `{pool}`", cluster.name)
        }
        None => format!("add `{ip}` to a pool of `{}`, or plan an address that is in one", cluster.name),
    })
}
