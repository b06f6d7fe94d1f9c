//! MW2202: gateway serves another network than its cluster is on.

use super::differs;
use crate::claim::Fact;
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
