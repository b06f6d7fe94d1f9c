//! MW4150: a gateway's Service is reached otherwise than declared, or not at all.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredGateway};
use crate::east_west::{is_east_west, value_of};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::ServiceType;
use crate::judge::{Declared, contradiction};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::Repository;

/// A gateway's Service is reached otherwise than declared, or not at all.
pub(super) struct AnotherService;

static RULE: Rule = Rule {
    code: "MW4150",
    name: "another-service",
    severity: Severity::Error,
    title: "Service of a gateway between networks never gets an address that peers look for",
    docs: include_str!("../../docs/MW4150.md"),
};

impl Policy for AnotherService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let mut contradicted = false;
        for claim in &claims.list {
            if let Some((message, value, path)) = differs(declaration, claim) {
                contradicted = true;
                let declared = Declared { value, path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
        if !contradicted {
            let mut faults = faults(claims, |gateway| declaration.gateway(gateway).is_some());
            // What is declared to be reached by something outside needs no address of its own.
            faults.retain(|(gateway, _)| {
                declaration.gateway(gateway).is_some_and(|(_, declared)| {
                    declared.service_type != ServiceType::ClusterIP && !is_announced(declaration)
                })
            });
            fault::judge(&RULE, declaration, claims, faults.into_iter().map(|(_, fault)| fault), findings);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        // Behind the label alone istiod looks for an address; `meshNetworks` names one itself.
        let labelled = |claims: &Claims, gateway: &str| {
            is_east_west(claims, gateway)
                && value_of(claims, &Fact::GatewayNetwork { gateway: gateway.to_owned() }).is_some()
        };
        fault::compare(
            &RULE,
            repository,
            |claims| {
                let found = faults(claims, |gateway| labelled(claims, gateway));
                found.into_iter().map(|(_, fault)| fault).collect()
            },
            findings,
        );
    }
}

/// Whether `meshNetworks` names the addresses of this cluster's network.
fn is_announced(declaration: &DeclarationSpec) -> bool {
    let network = declaration.networks.get(&declaration.network);
    network.is_some_and(|network| network.discovery == crate::intent::GatewayDiscovery::MeshNetworks)
}

/// Message, declared value, declared path.
fn differs(declaration: &DeclarationSpec, claim: &Claim) -> Option<(String, String, String)> {
    let found = &claim.value;
    let declared = |gateway: &str| -> Option<(String, &DeclaredGateway)> {
        declaration.gateway(gateway).map(|(index, declared)| (format!("gateways[{index}]"), declared))
    };
    match &claim.fact {
        Fact::GatewayServiceType { gateway } => {
            let (path, own) = declared(gateway)?;
            let right = own.service_type.as_str();
            let message = || format!("Service of gateway `{gateway}` is of type `{found}`, not `{right}`");
            (found != right).then(|| (message(), right.to_owned(), path))
        }
        Fact::GatewayNodePort { gateway, name } => {
            let (path, own) = declared(gateway)?;
            let (index, port) = own.ports.iter().enumerate().find(|(_, port)| port.name.as_str() == name)?;
            let right = port.node_port?.to_string();
            let message =
                || format!("port `{name}` of gateway `{gateway}` is at node port `{found}`, not `{right}`");
            (*found != right).then(|| (message(), right.clone(), format!("{path}.ports[{index}].nodePort")))
        }
        _ => None,
    }
}

/// Faults of the Services of gateways, by gateway (istio/istio: `pilot/pkg/serviceregistry/kube/conversion.go`,
/// `pilot/pkg/serviceregistry/kube/controller/util.go`).
fn faults(claims: &Claims, concerns: impl Fn(&str) -> bool) -> Vec<(&str, Fault<'_>)> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        match &claim.fact {
            Fact::GatewayServiceType { gateway } if concerns(gateway) => {
                let has = |fact: &Fact| value_of(claims, fact).is_some();
                let nodes = || has(&Fact::GatewayNodes { gateway: gateway.clone() });
                let outside = || claims.list.iter().any(|other| by_hand(other, gateway));
                let (message, help) = match claim.value.as_str() {
                    "NodePort" if !nodes() && !outside() => (
                        format!("istiod reads no node port of `{gateway}`: peers find no gateway there"),
                        "add the annotation `traffic.istio.io/nodeSelector: '{}'`, or a selector of the nodes that run it",
                    ),
                    "ClusterIP" if !outside() => (
                        format!(
                            "`{gateway}` has no address outside its cluster: peers find no gateway there"
                        ),
                        "make it a LoadBalancer, or give it `externalIPs`",
                    ),
                    _ => continue,
                };
                faults.push((gateway.as_str(), Fault::new(claim, message, help)));
            }
            Fact::GatewayNodes { gateway } if concerns(gateway) && !is_selector(&claim.value) => {
                let message =
                    format!("`{}` is no JSON object: istiod reads no node of `{gateway}`", claim.value);
                let help =
                    "write labels of nodes as JSON, such as `{\"node-role\": \"gateway\"}`, or `{}` for all";
                faults.push((gateway.as_str(), Fault::new(claim, message, help)));
            }
            _ => {}
        }
    }
    faults
}

/// An address that somebody routes to the nodes.
fn by_hand(claim: &Claim, gateway: &str) -> bool {
    let external = |step: &Step| matches!(step, Step::Key(key) if key == "externalIPs");
    matches!(&claim.fact, Fact::GatewayAddress { gateway: own } if own == gateway)
        && claim.path.0.iter().any(external)
}

fn is_selector(text: &str) -> bool {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else { return false };
    map.values().all(serde_json::Value::is_string)
}
