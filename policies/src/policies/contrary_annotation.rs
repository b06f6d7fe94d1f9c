//! MW3015: an annotation asks MetalLB for something else than what is planned.

use std::net::IpAddr;

use crate::address_plan::{Annotation, Asks, asks_metallb, metallb_annotations, pool_range};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::gateways;
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::policy::Policy;
use crate::suggest::nearest;

/// An annotation asks MetalLB for something else than what is planned.
pub(super) struct ContraryAnnotation;

static RULE: Rule = Rule {
    code: "MW3015",
    name: "contrary-annotation",
    severity: Severity::Error,
    title: "an annotation asks MetalLB for another address or pool than the planned one",
    docs: include_str!("../../docs/MW3015.md"),
};

impl Policy for ContraryAnnotation {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for (cluster, gateway) in gateways::each(mesh).filter(|(cluster, _)| asks_metallb(cluster)) {
            for annotation in metallb_annotations(cluster, gateway) {
                findings.extend(match annotation.asks {
                    Asks::Addresses => addresses(cluster, gateway, &annotation),
                    Asks::Pool => pool(cluster, gateway, &annotation),
                });
            }
        }
    }
}

fn addresses(cluster: &Cluster, gateway: &Gateway, annotation: &Annotation<'_>) -> Option<Finding> {
    let asked: Vec<IpAddr> =
        annotation.value.split(',').filter_map(|item| item.trim().parse().ok()).collect();
    let first = *asked.first()?;
    if let Some(planned) = gateway.address.as_ref().and_then(|address| address.ip()) {
        let message = format!(
            "annotation `{}` asks for `{}`, but gateway `{}` of cluster `{}` is planned at `{planned}`",
            annotation.key, annotation.value, gateway.name, cluster.name
        );
        return (!asked.contains(&planned)).then(|| {
            at(cluster, annotation, message)
                .declared(planned, gateway.address_place.clone(), "the planned address")
                .help("leave out the annotation: the right one is rendered from the planned address")
        });
    }
    let outside = asked.iter().find(|ip| pool_range(cluster, **ip).is_none())?;
    let message = format!(
        "annotation `{}` asks for `{outside}`, which lies in none of the pools of cluster `{}`",
        annotation.key, cluster.name
    );
    let pools = cluster.written.place("spec.loadBalancer.metallb.pools");
    Some(
        at(cluster, annotation, message)
            .related(pools, format!("the pools of `{}`", cluster.name))
            .help(format!("ask for an address of a pool, or add `{first}` to one")),
    )
}

fn pool(cluster: &Cluster, gateway: &Gateway, annotation: &Annotation<'_>) -> Option<Finding> {
    let pools = || cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools).enumerate();
    let Some((index, pool)) = pools().find(|(_, pool)| pool.name.as_str() == annotation.value) else {
        let message = format!(
            "annotation `{}` asks for pool `{}`, which cluster `{}` does not have",
            annotation.key, annotation.value, cluster.name
        );
        let names = || pools().map(|(_, pool)| pool.name.as_str());
        let help = match nearest(annotation.value, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "its pools are {}",
                names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
        };
        let place = cluster.written.place("spec.loadBalancer.metallb.pools");
        return Some(
            at(cluster, annotation, message)
                .related(place, format!("the pools of `{}`", cluster.name))
                .help(help),
        );
    };
    let planned = gateway.address.as_ref().and_then(|address| address.ip())?;
    if pool.addresses.iter().any(|range| range.contains(planned)) {
        return None;
    }
    let message = format!(
        "annotation `{}` asks for pool `{}`, which does not hold `{planned}`, planned for gateway `{}` of cluster `{}`",
        annotation.key, annotation.value, gateway.name, cluster.name
    );
    let place = cluster.written.place(format!("spec.loadBalancer.metallb.pools[{index}].addresses").as_str());
    Some(
        at(cluster, annotation, message)
            .declared(planned, gateway.address_place.clone(), "the planned address")
            .related(place, format!("the addresses of pool `{}`", pool.name))
            .help("leave out the annotation: the right one is rendered from the planned address"),
    )
}

fn at(cluster: &Cluster, annotation: &Annotation<'_>, message: String) -> Finding {
    RULE.at(annotation.place.clone(), message).cluster(&cluster.name).found(annotation.value)
}
