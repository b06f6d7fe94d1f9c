//! MW2202: gateway serves another network than its cluster is on.

use super::differs;
use crate::claim::{Fact, SaidBy};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Repository, Stated};

/// MW2202: gateway serves another network than its cluster is on.
pub(super) struct DifferingGatewayNetwork;

static RULE: Rule = Rule {
    code: "MW2202",
    name: "differing-gateway-network",
    severity: Severity::Error,
    title: "gateway serves another network than its cluster is on",
    docs: include_str!("../../docs/MW2202.md"),
};

impl Policy for DifferingGatewayNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let gateways = cluster
                .stated(|_, fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::NetworkView { .. }));
            let own = cluster.networks();
            for stated in &gateways {
                let label =
                    gateways.iter().find(|other| is_label(other) && gateway(other) == gateway(stated));
                let Some(first) = own.first().or(label) else { continue };
                if !agrees(stated, &first.claim.value) {
                    findings.push(differs(&RULE, cluster, "network", first, stated));
                }
            }
            // What a known network of the cluster is compared with anyway (MW2110).
            if !own.is_empty() {
                continue;
            }
            for stated in
                cluster.stated(|_, fact| matches!(fact, Fact::WorkloadNetwork { by: SaidBy::Label }))
            {
                let is_template = ["Deployment", "DaemonSet"].contains(&stated.subject.kind.as_str());
                let is_its = |label: &&Stated<'_>| {
                    is_label(label)
                        && gateway(label) == Some(stated.subject.name.as_str())
                        && label.subject.namespace == stated.subject.namespace
                };
                let Some(label) = gateways.iter().find(is_its).filter(|_| is_template) else { continue };
                if label.claim.value != stated.claim.value {
                    findings.push(differs(&RULE, cluster, "network", label, &stated));
                }
            }
        }
    }
}

fn is_label(stated: &Stated<'_>) -> bool {
    matches!(stated.claim.fact, Fact::GatewayNetwork { .. })
}

fn gateway<'a>(stated: &Stated<'a>) -> Option<&'a str> {
    match &stated.claim.fact {
        Fact::GatewayNetwork { gateway } | Fact::NetworkView { gateway } => Some(gateway),
        _ => None,
    }
}

/// A view may name several networks: a gateway for user traffic sees them all.
fn agrees(stated: &Stated<'_>, network: &str) -> bool {
    match stated.claim.fact {
        Fact::NetworkView { .. } => stated.claim.value.split(',').any(|seen| seen.trim() == network),
        _ => stated.claim.value == network,
    }
}
