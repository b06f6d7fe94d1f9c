//! MW3154: gateways are named, and istiod is told not to resolve names.

use std::net::IpAddr;

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// Gateways are named, and istiod is told not to resolve names.
pub(super) struct UnresolvedGateway;

static RULE: Rule = Rule {
    code: "MW3154",
    name: "unresolved-gateway",
    severity: Severity::Error,
    title: "gateways are known by DNS names, which istiod is told not to resolve",
    docs: include_str!("../../docs/MW3154.md"),
};

impl Policy for UnresolvedGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let entries = declaration.networks.iter().flat_map(|(id, network)| {
            network.gateways.iter().filter_map(move |entry| Some((id, entry.address.as_ref()?)))
        });
        let mut named = entries.filter(|(id, address)| **id != declaration.network && address.ip().is_none());
        let Some((network, name)) = named.next() else { return };
        let message =
            format!("istiod is told not to resolve names, but network `{network}` is entered at `{name}`");
        let faults = claims.list.iter().filter(|claim| is_off(&claim.fact, &claim.value));
        let help = "remove the variable: istiod resolves the names of gateways by default";
        fault::judge(
            &RULE,
            declaration,
            claims,
            faults.map(|claim| Fault::new(claim, &message, help)),
            findings,
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let Some(named) = named_entry(cluster) else { continue };
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::IstiodVariable { .. })) {
                if !is_off(&stated.claim.fact, &stated.claim.value) {
                    continue;
                }
                let message = format!(
                    "istiod is told not to resolve names, but a network is entered at `{}`",
                    named.claim.value
                );
                let finding = stated.finding(&RULE, message).found("false");
                findings.push(
                    finding
                        .related(named.place(), "this is a name")
                        .help("remove the variable: istiod resolves the names of gateways by default")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

/// istio/istio: `pilot/pkg/model/network.go`, `pilot/pkg/features/pilot.go`.
fn is_off(fact: &Fact, value: &str) -> bool {
    matches!(fact, Fact::IstiodVariable { name } if name == "RESOLVE_HOSTNAME_GATEWAYS") && value == "false"
}

fn named_entry(cluster: &Cluster) -> Option<Stated<'_>> {
    let entries = cluster.stated(|_, fact| matches!(fact, Fact::EntryAddress { .. }));
    entries.into_iter().find(|stated| stated.claim.value.parse::<IpAddr>().is_err())
}
