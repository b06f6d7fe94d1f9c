//! MW6201: an IstioOperator is applied to a cluster whose Istio has no operator.

use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;
use crate::support::has_in_cluster_operator;
use crate::version::Version;

/// MW6201: an IstioOperator is applied to a cluster whose Istio has no operator.
pub(super) struct OperatorIsGone;

static RULE: Rule = Rule {
    code: "MW6201",
    name: "operator-is-gone",
    severity: Severity::Error,
    title: "IstioOperator is applied to a cluster whose Istio has no operator",
    docs: include_str!("../../docs/MW6201.md"),
};

impl Policy for OperatorIsGone {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            // A file for `istioctl install -f` is right in every release: only what is applied is judged.
            let applied =
                |subject: &&crate::repository::Manifest| subject.kind == "IstioOperator" && subject.applied;
            for subject in cluster.subjects.iter().filter(applied) {
                let Some(tag) = subject.text("spec.tag") else { continue };
                let Ok(version) = tag.parse::<Version>() else { continue };
                if has_in_cluster_operator(&version) {
                    continue;
                }
                let message = format!(
                    "nothing acts on this IstioOperator: Istio {version} has no operator in the cluster"
                );
                findings.push(
                    subject
                        .finding(&RULE, &"spec.tag".into(), message)
                        .found(&tag)
                        .help("install it by Helm, by the Sail operator, or with `istioctl install -f` outside the delivery")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}
