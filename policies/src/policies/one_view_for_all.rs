//! MW4160: all proxies see the endpoints of some networks only.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::names::NetworkId;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW4160: all proxies see the endpoints of some networks only.
pub(super) struct OneViewForAll;

static RULE: Rule = Rule {
    code: "MW4160",
    name: "one-view-for-all",
    severity: Severity::Warning,
    title: "all proxies see the endpoints of some networks only",
    docs: include_str!("../../docs/MW4160.md"),
};

impl Policy for OneViewForAll {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let unseen = |claim: &Claim| {
            let sees = |id: &NetworkId| sees(claim, id.as_str());
            let mut networks = declaration.networks.iter();
            networks.find(|(id, n)| !sees(id) && !n.previous.iter().any(sees)).map(|(id, _)| id.as_str())
        };
        let views = claims.list.iter().filter(|claim| claim.fact == Fact::ProxyView);
        let faults = views.filter_map(|claim| Some(fault(claim, unseen(claim)?)));
        fault::judge(&RULE, declaration, claims, faults, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let networks: Vec<&str> = mesh.iter().filter_map(|cluster| cluster.network()).collect();
            for cluster in mesh {
                for view in cluster.stated(|_, fact| *fact == Fact::ProxyView) {
                    let Some(unseen) = networks.iter().find(|id| !sees(view.claim, id)) else { continue };
                    let fault = fault(view.claim, unseen);
                    let finding = view.finding(&RULE, fault.message).found(&view.claim.value);
                    findings.push(finding.help(fault.help).cluster(&cluster.name));
                }
            }
        }
    }
}

fn sees(claim: &Claim, network: &str) -> bool {
    claim.value.split(',').any(|seen| seen.trim() == network)
}

fn fault<'a>(claim: &'a Claim, unseen: &str) -> Fault<'a> {
    let message = format!(
        "every proxy sees the endpoints of `{}` only: services on network `{unseen}` are out of their reach",
        claim.value
    );
    Fault::new(claim, message, "remove it here, and set it for the gateway between networks alone")
}
