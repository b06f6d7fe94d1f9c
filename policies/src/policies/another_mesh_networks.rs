//! MW2102: gateways of a network are not announced as declared.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredEntry, DeclaredNetwork};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::GatewayDiscovery;
use crate::judge::{Declared, contradiction};
use crate::names::NetworkId;
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

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::MeshNetworks => missing_network(declaration, claim),
                Fact::NamedNetwork => unknown_network(declaration, claim),
                Fact::GatewayNetwork { gateway } => second_source(declaration, gateway),
                Fact::Entries { network } => wrong_entries(declaration, network, claims, claim),
                Fact::EntryAddress { network } => wrong_address(declaration, network, claim),
                Fact::EntryPort { network, address } => wrong_port(declaration, network, address, claim),
                Fact::Member { network } => wrong_member(declaration, network, claim),
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
    let is_named = |id: &NetworkId, network: &DeclaredNetwork| {
        named(id.as_str()) || network.previous.iter().any(|previous| named(previous.as_str()))
    };
    let (id, _) = announced.find(|(id, network)| !is_named(id, network))?;
    let message = format!("meshNetworks lacks the declared network `{id}`");
    Some((message, id.to_string(), format!("networks.{id}")))
}

fn unknown_network(declaration: &DeclarationSpec, claim: &Claim) -> Wrong {
    if declaration.networks_named(&claim.value).next().is_some() {
        return None;
    }
    let ids: Vec<&str> = declaration.networks.keys().map(|id| id.as_str()).collect();
    let message = format!("meshNetworks names network `{}`, which is not declared", claim.value);
    Some((message, ids.join(", "), "networks".to_owned()))
}

/// istiod adds labels and `meshNetworks` together (istio/istio@1.30: `pilot/pkg/model/network.go`).
fn second_source(declaration: &DeclarationSpec, gateway: &str) -> Wrong {
    let own = declaration.networks.get(&declaration.network)?;
    if own.discovery == GatewayDiscovery::Labels {
        return None;
    }
    let network = &declaration.network;
    let message = format!(
        "`{gateway}` carries the label of a network gateway, but `{network}` is declared to be announced by meshNetworks"
    );
    Some((message, String::new(), format!("networks.{network}.discovery")))
}

/// While its ID changes, a network's gateways may stand under each of its IDs: where two networks become one, some stand
/// under the one and some under the other. istiod enters each ID by its own list, so that both together do no harm.
fn wrong_entries(declaration: &DeclarationSpec, id: &str, claims: &Claims, claim: &Claim) -> Wrong {
    let (first, _) = declaration.networks_named(id).next()?;
    let announced =
        |(_, network): &(_, &DeclaredNetwork)| network.discovery == GatewayDiscovery::MeshNetworks;
    let mut announced = declaration.networks_named(id).filter(announced).peekable();
    if announced.peek().is_none() {
        let message =
            format!("meshNetworks has gateways of `{first}`, which are declared to be found by their label");
        return Some((message, String::new(), format!("networks.{first}.discovery")));
    }
    announced.find_map(|(known_as, network)| {
        let under_another = |other: &&Claim| match &other.fact {
            Fact::Entries { network: other } => {
                other != id && declaration.networks_named(other).any(|(meant, _)| meant == known_as)
            }
            _ => false,
        };
        let lists = || std::iter::once(claim).chain(claims.list.iter().filter(under_another));
        let claimed = |entry: &DeclaredEntry| {
            let mut pairs =
                lists().flat_map(|list| list.value.split(',')).filter_map(|pair| pair.split_once(' '));
            pairs.any(|(address, _)| entry.is_at(address))
        };
        let missing = known(network).find(|entry| !claimed(entry))?;
        let message = format!("meshNetworks lacks the gateway `{}` of network `{known_as}`", shown(missing));
        Some((message, all(network), format!("networks.{known_as}.gateways")))
    })
}

fn all(network: &DeclaredNetwork) -> String {
    known(network).map(shown).collect::<Vec<_>>().join(", ")
}

fn wrong_address(declaration: &DeclarationSpec, id: &str, claim: &Claim) -> Wrong {
    // An address that is not known before the Service exists may be any.
    let agrees = |network: &DeclaredNetwork| {
        let all = &network.gateways;
        known(network).count() < all.len() || all.iter().any(|entry| entry.is_at(&claim.value))
    };
    let mut meant = declaration.networks_named(id).peekable();
    let (id, first) = *meant.peek()?;
    if meant.any(|(_, network)| agrees(network)) {
        return None;
    }
    let message = format!("`{}` is no declared gateway address of network `{id}`", claim.value);
    Some((message, all(first), format!("networks.{id}.gateways")))
}

fn wrong_port(declaration: &DeclarationSpec, id: &str, address: &str, claim: &Claim) -> Wrong {
    let meant = declaration.networks_named(id);
    let entries = meant.flat_map(|(id, network)| network.gateways.iter().map(move |entry| (id, entry)));
    let mut ports =
        entries.flat_map(|(id, entry)| entry.ports_at(address).map(move |port| (id, port))).peekable();
    let (id, first) = *ports.peek()?;
    if ports.any(|(_, port)| port.to_string() == claim.value) {
        return None;
    }
    let message =
        format!("gateway `{address}` of network `{id}` is entered at port `{first}`, not `{}`", claim.value);
    Some((message, first.to_string(), format!("networks.{id}.gateways")))
}

fn wrong_member(declaration: &DeclarationSpec, id: &str, claim: &Claim) -> Wrong {
    let mut meant = declaration.networks_named(id).peekable();
    let (id, first) = *meant.peek()?;
    let has = |network: &DeclaredNetwork| {
        network.clusters.iter().chain(network.previous_clusters.keys()).any(|id| id.as_str() == claim.value)
    };
    if meant.any(|(_, network)| has(network)) {
        return None;
    }
    let ids: Vec<&str> = first.clusters.iter().map(|cluster| cluster.as_str()).collect();
    let message = format!("cluster `{}` is not declared on network `{id}`", claim.value);
    Some((message, ids.join(", "), format!("networks.{id}.clusters")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::judge::judge_object;

    const A: &str = "10.1.0.10";
    const B: &str = "10.2.0.10";

    fn network(cluster: &str, previous: &[&str], addresses: &[&str]) -> Value {
        let gateway = |address: &&str| json!({"cluster": cluster, "name": "istio-eastwestgateway", "address": address, "port": 15443});
        let gateways: Vec<Value> = addresses.iter().map(gateway).collect();
        json!({"clusters": [cluster], "previous": previous, "discovery": "meshNetworks", "gateways": gateways})
    }

    /// What MW2102 says of `meshNetworks` in a cluster whose own network, `west`, stays.
    fn said(networks: &Value, told: &[(&str, &[&str])]) -> Vec<String> {
        let declaration: DeclarationSpec = serde_json::from_value(json!({
            "mesh": {"name": "demo", "id": "demo", "trustDomain": "cluster.local", "clusterDomain": "cluster.local"},
            "cluster": {"name": "west", "id": "west"}, "network": "west", "controlPlane": {"role": "primary"},
            "istio": {"version": "1.30.1", "namespace": "istio-system", "install": "Helm", "dataPlane": "sidecar"},
            "networks": networks,
        }))
        .unwrap();
        let told = told.iter().map(|(id, addresses)| {
            let gateway = |address: &&str| json!({"address": address, "port": 15443});
            let gateways: Vec<Value> = addresses.iter().map(gateway).collect();
            ((*id).to_owned(), json!({"gateways": gateways}))
        });
        let release = json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "istiod", "namespace": "flux-system"},
            "spec": {"targetNamespace": "istio-system", "releaseName": "istiod", "chart": {"spec": {"chart": "istiod"}},
                "values": {"global": {"meshNetworks": Value::Object(told.collect())}}},
        });
        let findings = judge_object(&declaration, release.as_object().unwrap());
        let ours = findings.iter().filter(|finding| finding.rule.code == RULE.code);
        ours.map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn a_network_has_its_old_id_until_the_change_is_done() {
        let changing = json!({"new": network("east", &["old"], &[A])});
        let none = Vec::<String>::new();
        assert_eq!(said(&changing, &[("new", &[A])]), none);
        assert_eq!(said(&changing, &[("old", &[A])]), none);
        assert_eq!(said(&changing, &[("new", &[A]), ("old", &[A])]), none);
        let third = said(&changing, &[("third", &[A])]);
        assert!(third.contains(&"meshNetworks names network `third`, which is not declared".to_owned()));
        assert!(third.contains(&"meshNetworks lacks the declared network `new`".to_owned()));
        for id in ["new", "old"] {
            let elsewhere = said(&changing, &[(id, &[B])]);
            assert!(elsewhere.contains(&format!("`{B}` is no declared gateway address of network `new`")));
            assert!(
                elsewhere.contains(&format!("meshNetworks lacks the gateway `{A}:15443` of network `new`"))
            );
        }
        let done = json!({"new": network("east", &[], &[A])});
        assert_eq!(said(&done, &[("new", &[A])]), none);
        assert!(!said(&done, &[("old", &[A])]).is_empty());
    }

    #[test]
    fn a_gateway_has_its_old_address_until_the_change_is_done() {
        let none = Vec::<String>::new();
        let mut changing = network("east", &[], &[B]);
        changing["gateways"][0]["previous"] = json!([{"address": A, "port": 15443}]);
        let changing = json!({"east": changing});
        for addresses in [&[A][..], &[B], &[A, B]] {
            assert_eq!(said(&changing, &[("east", addresses)]), none, "{addresses:?}");
        }
        let third = said(&changing, &[("east", &["10.3.0.10"])]);
        assert!(third.contains(&"`10.3.0.10` is no declared gateway address of network `east`".to_owned()));
        assert!(third.contains(&format!("meshNetworks lacks the gateway `{B}:15443` of network `east`")));
        assert!(!said(&changing, &[("east", &[B, "10.3.0.10"])]).is_empty());
        // Each address has its port.
        let mut changing = network("east", &[], &[B]);
        changing["gateways"][0]["previous"] = json!([{"address": A, "port": 30443}]);
        let wrong = format!("gateway `{A}` of network `east` is entered at port `30443`, not `15443`");
        assert_eq!(said(&json!({"east": changing}), &[("east", &[A])]), [wrong]);
        let done = json!({"east": network("east", &[], &[B])});
        assert!(!said(&done, &[("east", &[A])]).is_empty());
    }

    #[test]
    fn a_member_has_its_old_id_until_the_change_is_done() {
        let said = |previous: Value, member: &str| {
            let mut network = network("east-2", &[], &[A]);
            network["previousClusters"] = previous;
            let network: DeclaredNetwork = serde_json::from_value(network).unwrap();
            let mut declaration: DeclarationSpec = serde_json::from_value(json!({
                "mesh": {"name": "demo", "id": "demo", "trustDomain": "cluster.local", "clusterDomain": "cluster.local"},
                "cluster": {"name": "west", "id": "west"}, "network": "west", "controlPlane": {"role": "primary"},
                "istio": {"version": "1.30.1", "namespace": "istio-system", "install": "Helm", "dataPlane": "sidecar"},
            }))
            .unwrap();
            declaration.networks =
                std::sync::Arc::new([("east".to_owned().try_into().unwrap(), network)].into());
            let fact = Fact::Member { network: "east".to_owned() };
            let path = crate::node::FieldPath::root();
            let claim = Claim { fact, value: member.to_owned(), path, part: false };
            wrong_member(&declaration, "east", &claim).map(|(message, _, _)| message)
        };
        assert_eq!(said(json!({"east-1": "east-2"}), "east-1"), None);
        assert_eq!(said(json!({"east-1": "east-2"}), "east-2"), None);
        let refused = Some("cluster `east-1` is not declared on network `east`".to_owned());
        assert_eq!(said(json!({}), "east-1"), refused);
    }

    #[test]
    fn networks_part_and_join() {
        let none = Vec::<String>::new();
        let parting = json!({"old": network("a", &[], &[A]), "new": network("b", &["old"], &[B])});
        assert_eq!(said(&parting, &[("old", &[A, B])]), none);
        assert_eq!(said(&parting, &[("old", &[A]), ("new", &[B])]), none);
        assert!(!said(&parting, &[("old", &[A])]).is_empty());
        let joining = json!({"one": network("a", &["other"], &[A, B])});
        assert_eq!(said(&joining, &[("one", &[A]), ("other", &[B])]), none);
        assert_eq!(said(&joining, &[("one", &[A, B])]), none);
        assert!(!said(&joining, &[("one", &[A])]).is_empty());
    }
}
