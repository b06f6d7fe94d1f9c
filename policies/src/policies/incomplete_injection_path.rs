//! MW5112: injection path lacks the cluster or the network.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Manifest, Repository};

/// MW5112: injection path lacks the cluster or the network.
pub(super) struct IncompleteInjectionPath;

static RULE: Rule = Rule {
    code: "MW5112",
    name: "incomplete-injection-path",
    severity: Severity::Error,
    title: "injection path lacks the cluster or the network",
    docs: include_str!("../../docs/MW5112.md"),
};

impl Policy for IncompleteInjectionPath {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let is_remote = declaration.control_plane.role != DeclaredRole::Primary;
        fault::judge(&RULE, declaration, claims, faults(claims, is_remote, true), findings);
        let system = declaration.istio.namespace.as_str();
        let plane = claims.plane.as_ref();
        let is_here = plane.and_then(|plane| plane.namespace.as_deref()).is_none_or(|own| own == system);
        if let Some(missing) = missing(claims).filter(|_| is_here) {
            fault::judge(&RULE, declaration, claims, [fault(&missing, BOTH)], findings);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, |claims| faults(claims, false, false), findings);
        for cluster in &repository.clusters {
            // Who installs an IstioOperator or a file of values by hand may say the rest in the same breath.
            let is_delivered = |subject: &&Manifest| {
                matches!(subject.kind.as_str(), "HelmRelease" | "Application" | "Istio")
                    && subject.unresolved.is_empty()
                    && !subject.unknown
            };
            for subject in cluster.subjects.iter().filter(is_delivered) {
                let Some(missing) = missing(&subject.claims) else { continue };
                let Fault { message, help, .. } = fault(&missing, BOTH);
                let finding = subject.finding(&RULE, &missing.path, message).found(&missing.value);
                findings.push(finding.help(help).cluster(&cluster.name));
            }
        }
    }
}

const BOTH: &str = "`cluster/<cluster ID>/net/<network>`";

/// The path that the chart has when nobody says one (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/values.yaml`, `istiodRemote.injectionPath`), in a cluster that dials another
/// one's istiod.
fn missing(claims: &Claims) -> Option<Claim> {
    let plane = claims.plane.as_ref()?;
    let dials = claims.list.iter().any(|claim| claim.fact == Fact::ControlPlaneAddress);
    let is_elsewhere = plane.is_remote && !plane.injects_locally && dials;
    let is_missing = is_elsewhere && plane.whole && plane.injects_by_default;
    is_missing.then(|| Claim {
        fact: Fact::InjectionPath,
        value: "/inject".to_owned(),
        path: plane.path.clone(),
        part: false,
    })
}

/// With `strict` every cluster has a network; otherwise one that names none may be on none.
fn faults(claims: &Claims, is_remote: bool, strict: bool) -> Vec<Fault<'_>> {
    let is_remote = is_remote || claims.plane.as_ref().is_some_and(|plane| plane.is_remote);
    let named = |fact: &Fact| claims.list.iter().find(|claim| claim.fact == *fact && !claim.part);
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| claim.fact == Fact::InjectionPath) {
        let has = |fact: Fact| claims.list.iter().any(|c| c.fact == fact && c.part && c.path == claim.path);
        let (cluster, network) = (has(Fact::ClusterId), has(Fact::Network));
        // A primary's own webhook says nothing of either.
        if cluster && network || !cluster && !network && !is_remote {
            continue;
        }
        let lacks = match (cluster, network) {
            (true, _) if !strict && named(&Fact::Network).is_none() => continue,
            (true, _) => "`net/<network>`",
            (false, true) => "`cluster/<cluster ID>`",
            (false, false) => BOTH,
        };
        faults.push(fault(claim, lacks));
    }
    faults
}

fn fault<'a>(claim: &'a Claim, lacks: &str) -> Fault<'a> {
    let message = format!(
        "`{}` lacks {lacks}: injected proxies take those of the istiod that injects them",
        claim.value
    );
    Fault::new(
        claim,
        message,
        "write `/inject/cluster/<cluster ID>/net/<network>` with both of this cluster's own",
    )
}
