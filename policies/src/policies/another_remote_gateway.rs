//! MW3153: a gateway somewhere else is not where it is declared.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredNetwork};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction, is_address};
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

fn network_of<'a>(declaration: &'a DeclarationSpec, id: &str) -> Option<&'a DeclaredNetwork> {
    declaration.networks.iter().find(|(known, _)| known.as_str() == id).map(|(_, network)| network)
}

fn unknown(declaration: &DeclarationSpec, claim: &Claim) -> Wrong {
    if network_of(declaration, &claim.value).is_some() {
        return None;
    }
    let ids: Vec<&str> = declaration.networks.keys().map(|id| id.as_str()).collect();
    let message = format!("network `{}` is given a gateway, but is not declared", claim.value);
    Some((message, ids.join(", "), "networks".to_owned()))
}

fn elsewhere(declaration: &DeclarationSpec, network: &str, claim: &Claim) -> Wrong {
    let declared = network_of(declaration, network)?;
    let known: Vec<_> = declared.gateways.iter().filter_map(|entry| entry.address.as_ref()).collect();
    // An address that is not known before the Service exists may be any.
    if known.len() < declared.gateways.len() || known.iter().any(|own| is_address(&claim.value, own)) {
        return None;
    }
    let message = format!("`{}` is no declared gateway address of network `{network}`", claim.value);
    let all: Vec<String> = known.iter().map(ToString::to_string).collect();
    Some((message, all.join(", "), format!("networks.{network}.gateways")))
}
