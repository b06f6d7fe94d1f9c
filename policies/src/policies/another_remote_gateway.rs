//! MW3153: a gateway somewhere else is not where it is declared.

use crate::address::Address;
use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredNetwork};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// A gateway somewhere else is not where it is declared.
pub(super) struct AnotherRemoteGateway;

static RULE: Rule = Rule {
    code: "MW3153",
    name: "another-remote-gateway",
    severity: Severity::Error,
    title: "Gateway of class istio-remote leads elsewhere than the network's declared gateways",
    docs: include_str!("../../docs/MW3153.md"),
};

impl Policy for AnotherRemoteGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::RemoteNetwork { .. } => unknown(declaration, claim),
                Fact::RemoteAddress { network, .. } => elsewhere(declaration, network, claim),
                _ => None,
            };
            if let Some((message, value, path)) = wrong {
                let declared = Declared { value, path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}

/// Message, declared value, declared path.
type Wrong = Option<(String, String, String)>;

fn unknown(declaration: &DeclarationSpec, claim: &Claim) -> Wrong {
    if declaration.networks_named(&claim.value).next().is_some() {
        return None;
    }
    let ids: Vec<&str> = declaration.networks.keys().map(|id| id.as_str()).collect();
    let message = format!("network `{}` is given a gateway, but is not declared", claim.value);
    Some((message, ids.join(", "), "networks".to_owned()))
}

fn elsewhere(declaration: &DeclarationSpec, network: &str, claim: &Claim) -> Wrong {
    // An address that is not known before the Service exists may be any.
    let agrees = |declared: &DeclaredNetwork| {
        let all = &declared.gateways;
        known(declared).len() < all.len() || all.iter().any(|entry| entry.is_at(&claim.value))
    };
    let mut meant = declaration.networks_named(network).peekable();
    let (id, first) = *meant.peek()?;
    if meant.any(|(_, declared)| agrees(declared)) {
        return None;
    }
    let message = format!("`{}` is no declared gateway address of network `{id}`", claim.value);
    let all: Vec<String> = known(first).into_iter().map(ToString::to_string).collect();
    Some((message, all.join(", "), format!("networks.{id}.gateways")))
}

fn known(network: &DeclaredNetwork) -> Vec<&Address> {
    network.gateways.iter().filter_map(|entry| entry.address.as_ref()).collect()
}
