//! MW3255: a remote cluster dials its istiod at an address that no gateway of the leading cluster asks for.

use std::net::IpAddr;

use super::found::{self, Found};
use crate::address::Address;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::istiod;
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW3255: a remote cluster dials its istiod at an address that no gateway of the leading cluster asks for.
pub(super) struct DialsElsewhere;

static RULE: Rule = Rule {
    code: "MW3255",
    name: "dials-elsewhere",
    severity: Severity::Warning,
    title: "remote cluster dials istiod at an address that no gateway of the leading cluster asks for",
    docs: include_str!("../../docs/MW3255.md"),
};

/// Where remotes reach istiod (istio/istio: `samples/multicluster/gen-eastwest-gateway.sh`).
const ISTIOD: &str = "15012";

impl Policy for DialsElsewhere {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in found::fleets(repository).into_values().flatten() {
            judge(repository, cluster, findings);
        }
    }
}

fn judge(repository: &Repository, cluster: &Cluster, findings: &mut Findings) {
    let Some((leads, _)) = found::leading(cluster) else { return };
    let Some(dialled) = found::dialled(cluster) else { return };
    let Ok(address) = dialled.claim.value.parse::<IpAddr>() else { return };
    let mut asked = Vec::new();
    for id in leads.claim.value.split(',') {
        let leaders = repository.with_cluster_id(&cluster.scope, id);
        // Of all that may lead it, each has to be known.
        let [leader] = leaders.as_slice() else { return };
        if !leader.complete || !leader.is_comparable() || !found::runs_istiod(leader) {
            return;
        }
        let services = found::services(leader);
        let exposing: Vec<Found<'_>> = services.into_iter().filter(exposes).collect();
        if exposing.is_empty() || exposing.iter().any(|service| service.addresses().next().is_none()) {
            return;
        }
        let all = exposing.iter().flat_map(|service| service.addresses().map(|claim| (*service, claim)));
        asked.extend(all.collect::<Vec<_>>());
    }
    // Between a private and a public address lies something that translates; a name may be any of them.
    let private = |ip: IpAddr| Address::Ip(ip).is_private();
    let other = |text: &str| text.parse::<IpAddr>().ok().filter(|ip| private(*ip) == private(address));
    if !asked.iter().all(|(_, claim)| other(&claim.value).is_some_and(|ip| ip != address)) {
        return;
    }
    let Some((gateway, claim)) = asked.first() else { return };
    let message = format!(
        "{} dials istiod at `{address}`, but the gateway `{}` of the cluster that leads it asks for `{}`",
        cluster.called(),
        gateway.name,
        claim.value
    );
    findings.push(
        dialled
            .finding(&RULE, message)
            .found(address)
            .related(gateway.subject.place(&claim.path), "the gateway asks for this address")
            .related(leads.place(), format!("`{}` is to lead it", leads.claim.value))
            .help(format!("dial `{}`, or correct the gateway", claim.value))
            .cluster(&cluster.name),
    );
}

/// The gateway chart has that port by itself where it makes a network's gateway (istio/istio@1.30:
/// `manifests/charts/gateway/templates/service.yaml`).
fn exposes(service: &Found<'_>) -> bool {
    // istiod's own, of which only its cluster knows.
    if istiod::is_service(service.name)
        && service.value(found::service_type).is_none_or(|own| own == "ClusterIP")
    {
        return false;
    }
    let by_chart = service
        .claim(found::network)
        .is_some_and(|claim| matches!(claim.path.0.last(), Some(Step::Key(key)) if key == "networkGateway"));
    match service.value(|gateway| Fact::GatewayPorts { gateway }) {
        Some(ports) => ports.split(',').any(|port| port == ISTIOD),
        None => by_chart,
    }
}
