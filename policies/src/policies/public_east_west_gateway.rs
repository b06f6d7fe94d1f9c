//! MW4030: a gateway between clusters lets the whole Internet in.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::{LoadBalancerProvider, ServiceType};
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::policy::Policy;

/// MW4030: a gateway between clusters lets the whole Internet in.
#[derive(Debug)]
pub(super) struct PublicEastWestGateway;

static RULE: Rule = Rule {
    code: "MW4030",
    name: "public-east-west-gateway",
    severity: Severity::Warning,
    title: "a gateway between clusters lets the whole Internet in",
    docs: include_str!("../../docs/MW4030.md"),
};

/// Parts of the names of annotations by which clouds limit who reaches a load balancer.
const LIMITS: [&str; 5] =
    ["source-ranges", "security-group", "security-list", "allowed-service-tags", "allowed-ip-ranges"];

/// Clusters that a message names; the others are counted.
const NAMED: usize = 4;

impl Policy for PublicEastWestGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        // A cloud puts its load balancer on the Internet as it is; MetalLB's addresses and what a person makes are behind
        // whatever firewall their site has.
        let by_cloud = |cluster: &&Cluster| {
            cluster.spec.load_balancer.effective_provider() == LoadBalancerProvider::Cloud
        };
        let open: Vec<(&Cluster, &Gateway)> = mesh
            .clusters
            .values()
            .filter(by_cloud)
            .flat_map(|cluster| cluster.gateways.iter().map(move |gateway| (cluster, gateway)))
            .filter(|(cluster, gateway)| is_open(cluster, gateway))
            .collect();
        findings.extend(found(mesh, &open));
    }
}

/// One finding for all: source ranges that all clusters share are written once.
fn found(mesh: &Mesh, open: &[(&Cluster, &Gateway)]) -> Option<Finding> {
    let (first, rest) = open.split_first()?;
    let place = |(_, gateway): &(&Cluster, &Gateway)| gateway.address_place.clone();
    let named: Vec<String> = open
        .iter()
        .take(NAMED)
        .filter_map(|(cluster, gateway)| Some(format!("`{}` ({})", cluster.name, gateway.address.as_ref()?)))
        .collect();
    let more = match open.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "gateways between clusters of mesh `{}` take traffic from anybody on the Internet: {}{more}",
        mesh.name,
        named.join(", ")
    );
    let mut finding = RULE.at(place(first), message).help(
        "declare `loadBalancer.sourceRanges`: the addresses from which the other networks' traffic comes, in each cluster or for all \
         under `clusterDefaults`",
    );
    for other in rest.iter().take(NAMED.saturating_sub(1)) {
        finding = finding.related(place(other), format!("cluster `{}`", other.0.name));
    }
    let names: BTreeSet<String> = open.iter().map(|(cluster, _)| cluster.name.to_string()).collect();
    finding.concerns = names.into_iter().collect();
    Some(finding)
}

fn is_open(cluster: &Cluster, gateway: &Gateway) -> bool {
    let service = &gateway.spec.service;
    let balancer = &cluster.spec.load_balancer;
    let public = |address: &&Address| !address.is_private() && !address.is_local_only();
    let Some(ip) = gateway.address.as_ref().filter(public).and_then(Address::ip) else { return false };
    let mut annotations = balancer.annotations.keys().chain(service.annotations.keys());
    let limited = balancer.source_ranges.iter().any(|range| range.net().addr().is_ipv4() == ip.is_ipv4())
        || annotations.any(|name| LIMITS.iter().any(|part| name.contains(part)));
    // Users enter by a shared gateway, from anywhere.
    service.kind == ServiceType::LoadBalancer && !gateway.is_shared() && !limited
}
