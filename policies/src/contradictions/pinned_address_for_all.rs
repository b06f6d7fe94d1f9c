//! MW3251: an address that one Service counts on may be given to another.

use std::net::IpAddr;

use super::found::{self, Found};
use crate::address::AddressRange;
use crate::chart_keys::Chart;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW3251: an address that one Service counts on may be given to another.
pub(super) struct PinnedAddressForAll;

static RULE: Rule = Rule {
    code: "MW3251",
    name: "pinned-address-for-all",
    severity: Severity::Warning,
    title: "address of a gateway may be given to a Service that asks for none",
    docs: include_str!("../../docs/MW3251.md"),
};

impl Policy for PinnedAddressForAll {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let services = found::services(cluster);
            let by_default = || cluster.subjects.iter().find_map(by_default);
            let Some(taker) = services.iter().find(|service| takes_any(service)).copied().or_else(by_default)
            else {
                continue;
            };
            for pool in cluster.subjects.iter().filter(|subject| gives_to_all(subject)) {
                judge(cluster, pool, &services, &taker, findings);
            }
        }
    }
}

/// A load balancer that asks for nothing (metallb/metallb: `internal/allocator/allocator.go`).
fn takes_any(service: &Found<'_>) -> bool {
    let class = ["spec.loadBalancerClass", "spec.values.service.loadBalancerClass"];
    service.value(found::service_type) == Some("LoadBalancer")
        && service.addresses().next().is_none()
        && service.value(found::pool).is_none()
        && service.subject.unresolved.is_empty()
        && class.iter().all(|path| service.subject.document.at(&(*path).into()).is_none())
}

/// A release of the gateway chart that says nothing of its Service gets a load balancer (istio/istio@1.30:
/// `manifests/charts/gateway/values.yaml`).
fn by_default(subject: &Manifest) -> Option<Found<'_>> {
    let path = |text: &str| FieldPath::parse(text);
    let has = |text: &str| subject.document.at(&path(text)).is_some();
    let is_chart = subject.kind == "HelmRelease"
        && subject
            .text("spec.chart.spec.chart")
            .is_some_and(|chart| Chart::named(&chart) == Some(Chart::Gateway));
    let is_known = !has("spec.valuesFrom") && !has("spec.postRenderers") && subject.unresolved.is_empty();
    let says = |key: &str| has(&format!("spec.values.service.{key}"));
    let silent = !["type", "loadBalancerIP", "annotations", "loadBalancerClass"].into_iter().any(says);
    (is_chart && is_known && silent && !has("spec.values.annotations"))
        .then_some(Found { subject, name: &subject.name })
}

fn gives_to_all(subject: &Manifest) -> bool {
    let list = &subject.claims.list;
    subject.kind == "IPAddressPool"
        && subject.document.at(&"spec.serviceAllocation".into()).is_none()
        && !list
            .iter()
            .any(|claim| matches!(claim.fact, Fact::PoolAutoAssign { .. }) && claim.value == "false")
}

fn judge(
    cluster: &Cluster,
    pool: &Manifest,
    services: &[Found<'_>],
    taker: &Found<'_>,
    findings: &mut Findings,
) {
    let ranges: Vec<AddressRange> = pool
        .claims
        .list
        .iter()
        .filter(|claim| matches!(claim.fact, Fact::PoolRange { .. }))
        .filter_map(|claim| claim.value.trim().parse().ok())
        .collect();
    let within =
        |text: &str| text.parse::<IpAddr>().is_ok_and(|ip| ranges.iter().any(|range| range.contains(ip)));
    let mut pinned = services.iter().filter(|service| service.is_east_west()).flat_map(Found::addresses);
    let Some((address, owner)) = pinned.find(|claim| within(&claim.value)).and_then(|claim| {
        services
            .iter()
            .find(|service| service.addresses().any(|own| own == claim))
            .map(|owner| (claim, owner))
    }) else {
        return;
    };
    let path = FieldPath::parse("spec.autoAssign");
    let message = format!(
        "pool `{}` may give `{}`, which `{}` asks for, to `{}`, which asks for none, if that comes first",
        pool.name, address.value, owner.name, taker.name
    );
    findings.push(
        pool.finding(&RULE, &path, message)
            .found(&address.value)
            .related(owner.subject.place(&address.path), format!("`{}` asks for it here", owner.name))
            .related(
                taker.subject.place(&FieldPath::parse("metadata.name")),
                format!("`{}` takes any", taker.name),
            )
            .help("set `autoAssign: false` on the pool, and give other Services a pool of their own")
            .cluster(&cluster.name),
    );
}
