//! MW2102: gateways of a network are not announced as declared.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredEntry, DeclaredNetwork};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::GatewayDiscovery;
use crate::judge::{Declared, contradiction, is_address};
use crate::policy::Policy;

/// `meshNetworks` names an undeclared network, or contradicts one.
pub(super) struct AnotherMeshNetworks;

static RULE: Rule = Rule {
    code: "MW2102",
    name: "another-mesh-networks",
    severity: Severity::Error,
    title: "gateways of a network are announced otherwise than declared",
    docs: include_str!("../../docs/MW2102.md"),
};

impl Policy for AnotherMeshNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::MeshNetworks => missing_network(declaration, claim),
                Fact::NamedNetwork => unknown_network(declaration, claim),
                Fact::GatewayNetwork { gateway } => second_source(declaration, gateway),
                Fact::Entries { network } => network_of(declaration, network)
                    .and_then(|declared| wrong_entries(network, declared, claim)),
                Fact::EntryAddress { network } => network_of(declaration, network)
                    .and_then(|declared| wrong_address(network, declared, claim)),
                Fact::EntryPort { network, address } => network_of(declaration, network)
                    .and_then(|declared| wrong_port(network, declared, address, claim)),
                Fact::Member { network } => network_of(declaration, network)
                    .and_then(|declared| wrong_member(network, declared, claim)),
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

/// The entry points that `meshNetworks` can announce.
fn known(network: &DeclaredNetwork) -> impl Iterator<Item = &DeclaredEntry> {
    network.gateways.iter().filter(|entry| entry.address.is_some())
}

fn shown(entry: &DeclaredEntry) -> String {
    entry.address.as_ref().map(|address| format!("{address}:{}", entry.port)).unwrap_or_default()
}

/// An istiod that is not told of a network sends its traffic to pod addresses that nobody routes.
fn missing_network(declaration: &DeclarationSpec, claim: &Claim) -> Wrong {
    let named = |id: &str| claim.value.split(',').any(|name| name == id);
    let mut announced = declaration.networks.iter().filter(|(_, network)| {
        network.discovery == GatewayDiscovery::MeshNetworks && known(network).next().is_some()
    });
    let (id, _) = announced.find(|(id, _)| !named(id.as_str()))?;
    let message = format!("meshNetworks lacks the declared network `{id}`");
    Some((message, id.to_string(), format!("networks.{id}")))
}

fn unknown_network(declaration: &DeclarationSpec, claim: &Claim) -> Wrong {
    if network_of(declaration, &claim.value).is_some() {
        return None;
    }
    let ids: Vec<&str> = declaration.networks.keys().map(|id| id.as_str()).collect();
    let message = format!("meshNetworks names network `{}`, which is not declared", claim.value);
    Some((message, ids.join(", "), "networks".to_owned()))
}

/// istiod adds labels and `meshNetworks` together (istio/istio@1.30: `pilot/pkg/model/network.go`).
fn second_source(declaration: &DeclarationSpec, gateway: &str) -> Wrong {
    let own = network_of(declaration, declaration.network.as_str())?;
    if own.discovery == GatewayDiscovery::Labels {
        return None;
    }
    let network = &declaration.network;
    let message = format!(
        "`{gateway}` carries the label of a network gateway, but `{network}` is declared to be announced by meshNetworks"
    );
    Some((message, String::new(), format!("networks.{network}.discovery")))
}

fn wrong_entries(id: &str, network: &DeclaredNetwork, claim: &Claim) -> Wrong {
    if network.discovery == GatewayDiscovery::Labels {
        let message =
            format!("meshNetworks has gateways of `{id}`, which are declared to be found by their label");
        return Some((message, String::new(), format!("networks.{id}.discovery")));
    }
    let claimed = |entry: &DeclaredEntry| {
        let mut pairs = claim.value.split(',').filter_map(|pair| pair.split_once(' '));
        pairs.any(|(address, _)| entry.address.as_ref().is_some_and(|own| is_address(address, own)))
    };
    let missing = known(network).find(|entry| !claimed(entry))?;
    let message = format!("meshNetworks lacks the gateway `{}` of network `{id}`", shown(missing));
    Some((message, all(network), format!("networks.{id}.gateways")))
}

fn all(network: &DeclaredNetwork) -> String {
    known(network).map(shown).collect::<Vec<_>>().join(", ")
}

fn wrong_address(id: &str, network: &DeclaredNetwork, claim: &Claim) -> Wrong {
    let agrees =
        |entry: &DeclaredEntry| entry.address.as_ref().is_some_and(|own| is_address(&claim.value, own));
    // An address that is not known before the Service exists may be any.
    if known(network).count() < network.gateways.len() || network.gateways.iter().any(agrees) {
        return None;
    }
    let message = format!("`{}` is no declared gateway address of network `{id}`", claim.value);
    Some((message, all(network), format!("networks.{id}.gateways")))
}

fn wrong_port(id: &str, network: &DeclaredNetwork, address: &str, claim: &Claim) -> Wrong {
    let at = |entry: &&DeclaredEntry| entry.address.as_ref().is_some_and(|own| is_address(address, own));
    let mut entries = network.gateways.iter().filter(at).peekable();
    let first = *entries.peek()?;
    if entries.any(|entry| entry.port.to_string() == claim.value) {
        return None;
    }
    let message = format!(
        "gateway `{address}` of network `{id}` is entered at port `{}`, not `{}`",
        first.port, claim.value
    );
    Some((message, first.port.to_string(), format!("networks.{id}.gateways")))
}

fn wrong_member(id: &str, network: &DeclaredNetwork, claim: &Claim) -> Wrong {
    if network.clusters.iter().any(|cluster| cluster.as_str() == claim.value) {
        return None;
    }
    let ids: Vec<&str> = network.clusters.iter().map(|cluster| cluster.as_str()).collect();
    let message = format!("cluster `{}` is not declared on network `{id}`", claim.value);
    Some((message, ids.join(", "), format!("networks.{id}.clusters")))
}
