//! `DestinationRule`: subsets by cluster and network, failover between regions, TLS
//! (istio/istio: `pilot/pkg/serviceregistry/util/label/label.go`, `pkg/config/validation/agent/validation.go`,
//! `pilot/pkg/xds/endpoints/mtls_checker.go`).

use super::{Kind, Mark, NETWORK_LABEL, Reach, locality};
use crate::claim::{At, Claims, Fact};

/// `networking.istio.io/DestinationRule`.
pub(super) struct DestinationRule;

const CLUSTER_LABEL: &str = "topology.istio.io/cluster";

impl Kind for DestinationRule {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "DestinationRule"
    }

    fn plural(&self) -> &'static str {
        "destinationrules"
    }

    // Users' own rules: their changes go on while nobody can judge.
    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression(
            "has(self.spec) && (has(self.spec.subsets) || has(self.spec.trafficPolicy))",
        )])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let host = spec.text_of("host").unwrap_or_default();
        let policy = spec.get("trafficPolicy");
        let detects = policy.as_ref().is_some_and(|policy| policy.get("outlierDetection").is_some());
        if let Some(policy) = &policy {
            traffic(policy, &host, false, claims);
        }
        let Some(subsets) = spec.get("subsets") else { return };
        for subset in subsets.items() {
            claims.scalar(Fact::SubsetName { host: host.clone() }, subset.get("name"));
            if let Some(labels) = subset.get("labels") {
                claims.scalar(Fact::SubsetCluster { host: host.clone() }, labels.get(CLUSTER_LABEL));
                claims.scalar(Fact::SubsetNetwork { host: host.clone() }, labels.get(NETWORK_LABEL));
            }
            // A subset's policy is laid over the rule's.
            if let Some(policy) = subset.get("trafficPolicy") {
                traffic(&policy, &host, detects, claims);
            }
        }
    }
}

fn traffic(policy: &At<'_>, host: &str, inherits_detection: bool, claims: &mut Claims) {
    settings(policy, host, inherits_detection, claims);
    let Some(ports) = policy.get("portLevelSettings") else { return };
    // A port's policy stands in the place of the rule's.
    ports.items().for_each(|port| settings(&port, host, false, claims));
}

fn settings(policy: &At<'_>, host: &str, inherits_detection: bool, claims: &mut Claims) {
    let of = || host.to_owned();
    if let Some(tls) = policy.get("tls") {
        claims.scalar(Fact::ClientTls { host: of() }, tls.get("mode"));
    }
    let Some(balancer) = policy.get("loadBalancer") else { return };
    let Some(setting) = balancer.get("localityLbSetting") else { return };
    if !locality::is_on(&setting) {
        return;
    }
    locality::pairs(&setting, host, claims);
    let filled = |key: &str| setting.get(key).is_some_and(|list| list.items().next().is_some());
    let is_said = setting.get("enabled").is_some();
    if filled("failover") || filled("failoverPriority") || is_said && !filled("distribute") {
        let detects = inherits_detection || policy.get("outlierDetection").is_some();
        claims.add(Fact::Failover { host: of() }, &setting, if detects { "detected" } else { "blind" });
    }
}
