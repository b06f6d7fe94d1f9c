//! MW1111: remote secret is called like another cluster.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1111: remote secret is called like another cluster.
pub(super) struct MisleadingSecretName;

static RULE: Rule = Rule {
    code: "MW1111",
    name: "misleading-secret-name",
    severity: Severity::Warning,
    title: "remote secret is called like another cluster",
    docs: include_str!("../../docs/MW1111.md"),
};

impl Policy for MisleadingSecretName {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    /// Where the key is a cluster's ID: what else it may be, and the annotation, is MW1206.
    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in &cluster.subjects {
                let is_known = |claims: &Claims| {
                    claims.list.iter().any(|claim| match &claim.fact {
                        Fact::RemoteName { cluster: key } => {
                            !repository.with_cluster_id(&cluster.scope, key).is_empty()
                        }
                        _ => false,
                    })
                };
                if is_known(&subject.claims) {
                    fault::told(&RULE, cluster, subject, names, findings);
                }
            }
        }
    }
}

/// Faults of the secret's own name.
fn names(claims: &Claims) -> Vec<Fault<'_>> {
    faults(claims).into_iter().filter(|fault| fault.claim.part).collect()
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::RemoteName { cluster } = &claim.fact else { continue };
        if claim.value == *cluster {
            continue;
        }
        let what = if claim.part { "the name of the secret" } else { "the annotation" };
        let message =
            format!("istiod knows this cluster as `{cluster}`, the key, but {what} says `{}`", claim.value);
        faults.push(Fault::new(claim, message, format!("write `{cluster}` here too, if the key is right")));
    }
    faults
}
