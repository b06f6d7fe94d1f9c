//! MW8203: patch drops items of a list of a custom resource.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW8203: patch drops items of a list of a custom resource.
pub(super) struct OverlayLosesItems;

static RULE: Rule = Rule {
    code: "MW8203",
    name: "overlay-loses-items",
    severity: Severity::Warning,
    title: "patch drops items of a list of a custom resource",
    docs: include_str!("../../docs/MW8203.md"),
};

impl Policy for OverlayLosesItems {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                for (path, item, span) in &subject.lost {
                    let message = format!(
                        "the patch of {} replaces `{path}` whole: `{item}` is lost",
                        cluster.called()
                    );
                    let base = Place { span: *span, path: path.clone() };
                    findings.push(
                        subject
                            .finding(&RULE, path, message)
                            .found(item)
                            .related(base, format!("`{item}` is here in what is patched"))
                            .help("repeat the item in the patch: lists of custom resources are not merged")
                            .cluster(&cluster.name),
                    );
                }
            }
        }
    }
}
