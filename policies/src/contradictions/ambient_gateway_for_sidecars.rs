//! MW4258: sidecars are sent to a gateway that speaks HBONE only.

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
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in cluster.subjects.iter().filter(|subject| is_hbone_only(subject)) {
                judge(repository, cluster, subject, findings);
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

/// istio/istio#61618, istio/istio#57878.
fn judge(repository: &Repository, cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let named = |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::RemoteNetwork { .. });
    let Some(network) = subject.claims.list.iter().find(|claim| named(&claim.fact)) else { return };
    let clusters = found::fleet(repository, &cluster.scope);
    let label = FieldPath::parse("metadata.labels").key("istio-injection");
    let sidecars = clusters.iter().flat_map(|other| &other.subjects).find(|other| {
        other.kind == "Namespace"
            && other.document.at(&label).and_then(crate::node::Node::as_str) == Some("enabled")
    });
    let classic = clusters.iter().flat_map(|other| found::gateways(other)).any(|gateway| {
        gateway.value(found::network) == Some(network.value.as_str()) && !is_hbone_only(gateway.subject)
    });
    let Some(sidecars) = sidecars.filter(|_| !classic) else { return };
    let message = format!(
        "the only gateway of network `{}` speaks HBONE, but there are sidecars, which istiod sends there with mutual TLS",
        network.value
    );
    findings.push(
        subject
            .finding(&RULE, &FieldPath::parse("spec.listeners"), message)
            .found(&network.value)
            .related(sidecars.place(&label), "sidecars are injected here")
            .help("add an east-west gateway for sidecars, with port 15443, or leave `spec.addresses` out")
            .cluster(&cluster.name),
    );
}
