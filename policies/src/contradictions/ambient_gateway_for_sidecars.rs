//! MW4258: sidecars are sent to a gateway that speaks HBONE only.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use super::found;
use crate::claim::{Claims, Fact, ListenerPart};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4258: sidecars are sent to a gateway that speaks HBONE only.
pub(super) struct AmbientGatewayForSidecars;

static RULE: Rule = Rule {
    code: "MW4258",
    name: "ambient-gateway-for-sidecars",
    severity: Severity::Warning,
    title: "sidecars are sent to a gateway that speaks HBONE only",
    docs: include_str!("../../docs/MW4258.md"),
};

impl Policy for AmbientGatewayForSidecars {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    // Declared meshes are of sidecars. Of a gateway here, whose Service istiod makes, MW4152 tells.
    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        if !claims.list.iter().any(|claim| matches!(claim.fact, Fact::RemoteAddress { .. })) {
            return;
        }
        let hbone = claims.list.iter().find_map(|claim| match &claim.fact {
            Fact::Listener { listener, part: ListenerPart::Protocol } if listener.protocol == "HBONE" => {
                Some((claim, listener))
            }
            _ => None,
        });
        let Some((claim, listener)) = hbone else { return };
        let message = format!(
            "sidecars dial `{}` at {} with mutual TLS, as any gateway of its network, but it speaks HBONE there",
            listener.gateway, listener.port
        );
        let fault = Fault::new(claim, message, "take the listener out: the declared mesh has sidecars only");
        fault::judge(&RULE, declaration, claims, [fault], findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let fleets = LazyCell::new(|| sidecars(repository));
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in cluster.subjects.iter().filter(|subject| is_hbone_only(subject)) {
                if let Some(sidecars) = fleets.get(cluster.scope.as_str()) {
                    judge(sidecars, cluster, subject, findings);
                }
            }
        }
    }
}

/// A labelled `Gateway` of the Gateway API with addresses that all of its listeners serve by HBONE.
fn is_hbone_only(subject: &Manifest) -> bool {
    let list = &subject.claims.list;
    let mut protocols = list
        .iter()
        .filter(|claim| matches!(claim.fact, Fact::Listener { part: ListenerPart::Protocol, .. }))
        .peekable();
    let addressed = list
        .iter()
        .any(|claim| matches!(claim.fact, Fact::GatewayAddress { .. } | Fact::RemoteAddress { .. }));
    addressed && protocols.peek().is_some() && protocols.all(|claim| claim.value == "HBONE")
}

/// A fleet with sidecars.
struct Sidecars<'a> {
    /// The first namespace that injects them.
    first: &'a Manifest,
    /// Networks with a gateway that they can reach.
    networks: BTreeSet<&'a str>,
}

fn label() -> FieldPath {
    FieldPath::parse("metadata.labels").key("istio-injection")
}

/// The fleets with sidecars, by their scope.
fn sidecars(repository: &Repository) -> BTreeMap<&str, Sidecars<'_>> {
    let fleets = found::fleets(repository).into_iter();
    fleets.filter_map(|(scope, fleet)| Some((scope, Sidecars::of(&fleet)?))).collect()
}

impl<'a> Sidecars<'a> {
    fn of(fleet: &[&'a Cluster]) -> Option<Sidecars<'a>> {
        let label = label();
        let injects = |subject: &&Manifest| {
            subject.kind == "Namespace"
                && subject.document.at(&label).and_then(crate::node::Node::as_str) == Some("enabled")
        };
        let first = fleet.iter().flat_map(|cluster| &cluster.subjects).find(injects)?;
        let gateways = fleet.iter().flat_map(|cluster| found::gateways(cluster));
        let classic = gateways.filter(|gateway| !is_hbone_only(gateway.subject));
        let networks = classic.filter_map(|gateway| gateway.value(found::network)).collect();
        Some(Sidecars { first, networks })
    }
}

/// istio/istio#61618, istio/istio#57878.
fn judge(sidecars: &Sidecars<'_>, cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let named = |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::RemoteNetwork { .. });
    let Some(network) = subject.claims.list.iter().find(|claim| named(&claim.fact)) else { return };
    if sidecars.networks.contains(network.value.as_str()) {
        return;
    }
    let message = format!(
        "the only gateway of network `{}` speaks HBONE, but there are sidecars, which istiod sends there with mutual TLS",
        network.value
    );
    findings.push(
        subject
            .finding(&RULE, &FieldPath::parse("spec.listeners"), message)
            .found(&network.value)
            .related(sidecars.first.place(&label()), "sidecars are injected here")
            .help("add an east-west gateway for sidecars, with port 15443, or leave `spec.addresses` out")
            .cluster(&cluster.name),
    );
}
