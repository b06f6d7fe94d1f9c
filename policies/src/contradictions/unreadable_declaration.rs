//! MW8204: the webhook could not read a declaration.

use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Repository, has_placeholder};

/// MW8204: the webhook could not read a declaration.
pub(super) struct UnreadableDeclaration;

static RULE: Rule = Rule {
    code: "MW8204",
    name: "unreadable-declaration",
    severity: Severity::Error,
    title: "declaration cannot be read",
    docs: include_str!("../../docs/MW8204.md"),
};

impl Policy for UnreadableDeclaration {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for witness in &cluster.witnesses {
                let Err(error) = &witness.declaration else { continue };
                if has_placeholder(error) {
                    continue;
                }
                let name = &witness.manifest.name;
                let message = format!("declaration `{name}` cannot be read: {error}");
                let finding = witness.manifest.finding(&RULE, &FieldPath::parse("kind"), message);
                findings.push(
                    finding
                        .help("take it from `meshwright render`, which writes it from the intent")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}
