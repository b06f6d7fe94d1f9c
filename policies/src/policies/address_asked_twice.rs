//! MW3152: a Service asks for its address in two ways.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::Repository;

/// A Service asks for its address in two ways.
pub(super) struct AddressAskedTwice;

static RULE: Rule = Rule {
    code: "MW3152",
    name: "address-asked-twice",
    severity: Severity::Error,
    title: "Service asks MetalLB for its address in two ways",
    docs: include_str!("../../docs/MW3152.md"),
};

impl Policy for AddressAskedTwice {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

/// MetalLB gives no address to a Service that has both (metallb/metallb: `controller/service.go`, `getDesiredLbIPs`).
fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let asks = |wanted: fn(&str) -> bool| {
        claims.list.iter().filter(move |claim| {
            matches!(claim.fact, Fact::GatewayAddress { .. }) && last_key(claim).is_some_and(wanted)
        })
    };
    let mut faults = Vec::new();
    for field in asks(|key| key == "loadBalancerIP") {
        let mut annotations = asks(|key| key.ends_with("/loadBalancerIPs"));
        let Some(annotation) = annotations.find(|other| other.fact == field.fact) else { continue };
        let message = format!(
            "`loadBalancerIP: {}` stands beside an annotation that asks for `{}`: MetalLB gives neither",
            field.value, annotation.value
        );
        let help = "keep the annotation, which every version of MetalLB reads, and remove `loadBalancerIP`";
        faults.push(Fault::new(field, message, help).against(annotation));
    }
    faults
}

fn last_key(claim: &Claim) -> Option<&str> {
    match claim.path.0.last()? {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}
