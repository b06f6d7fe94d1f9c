//! MW5112: injection path lacks the cluster or the network.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

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

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let is_remote = declaration.control_plane.role != DeclaredRole::Primary;
        fault::judge(&RULE, declaration, claims, faults(claims, is_remote, true), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, |claims| faults(claims, false, false), findings);
    }
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
            (false, false) => "`cluster/<cluster ID>/net/<network>`",
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
