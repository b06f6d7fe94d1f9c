//! MW8202: manifest lies beside a kustomization that does not list it.

use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW8202: manifest lies beside a kustomization that does not list it.
pub(super) struct OrphanedManifest;

static RULE: Rule = Rule {
    code: "MW8202",
    name: "orphaned-manifest",
    severity: Severity::Warning,
    title: "manifest lies beside a kustomization that does not list it",
    docs: include_str!("../../docs/MW8202.md"),
};

impl Policy for OrphanedManifest {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in cluster.subjects.iter().filter(|subject| subject.orphaned) {
                let object = &subject.claims.object;
                let message = format!(
                    "`{object}` is applied by nobody: the `kustomization.yaml` beside it does not list it"
                );
                findings.push(
                    subject
                        .finding(&RULE, &"metadata.name".into(), message)
                        .help("add the file to `resources`, or remove it")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}
