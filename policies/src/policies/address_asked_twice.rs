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

    fn judges(&self) -> bool {
        true
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
    for old in claims.list.iter().filter(|claim| annotation(claim, OLD_PREFIX).is_some()) {
        let same = |other: &&Claim| {
            annotation(other, PREFIX) == annotation(old, OLD_PREFIX)
                && std::mem::discriminant(&other.fact) == std::mem::discriminant(&old.fact)
                && beside(other, old)
        };
        let mut others = claims.list.iter().filter(same).peekable();
        let Some(new) = others.peek().copied().filter(|_| others.all(|other| other.value != old.value))
        else {
            continue;
        };
        let message = format!(
            "the annotation asks for `{}` under its old prefix and for `{}` under its new one: MetalLB reads one of them, by its release",
            old.value, new.value
        );
        let help = "keep the prefix that the installed MetalLB reads: `metallb.io/` from 0.14.9 on";
        faults.push(Fault::new(old, message, help).against(new));
    }
    faults
}

/// MetalLB's annotations, from 0.14.9 on and before (metallb/metallb: `controller/service.go`, `valueForAnnotation`).
const PREFIX: &str = "metallb.io/";
const OLD_PREFIX: &str = "metallb.universe.tf/";

/// What an annotation under that prefix is called.
fn annotation<'a>(claim: &'a Claim, prefix: &str) -> Option<&'a str> {
    let asks = matches!(claim.fact, Fact::GatewayAddress { .. } | Fact::GatewayPool { .. });
    last_key(claim).filter(|_| asks)?.strip_prefix(prefix)
}

/// Whether two fields stand in one map.
fn beside(a: &Claim, b: &Claim) -> bool {
    let parent = |claim: &Claim| claim.path.0.split_last().map(|(_, above)| above.to_vec());
    parent(a) == parent(b)
}

fn last_key(claim: &Claim) -> Option<&str> {
    match claim.path.0.last()? {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}
