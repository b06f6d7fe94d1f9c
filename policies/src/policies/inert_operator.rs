//! MW6110: IstioOperator that no operator reads.

use crate::claim::Claims;
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::support::has_in_cluster_operator;

/// MW6110: IstioOperator that no operator reads.
pub(super) struct InertOperator;

static RULE: Rule = Rule {
    code: "MW6110",
    name: "inert-operator",
    severity: Severity::Warning,
    title: "IstioOperator that no operator reads",
    docs: include_str!("../../docs/MW6110.md"),
};

impl Policy for InertOperator {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let version = &declaration.istio.version;
        if !claims.object.starts_with("IstioOperator/") || has_in_cluster_operator(version) {
            return;
        }
        let place = |path: &str| Place { span: Span::NONE, path: FieldPath::parse(path) };
        let message = format!(
            "an IstioOperator in a cluster has no effect with Istio {version}: there is no operator any more"
        );
        findings.push(
            RULE.at(place("kind"), message)
                .related(place("spec.istio.version"), format!("Istio {version} is declared here"))
                .help("install by the charts or the Sail operator; `istioctl install -f` reads the same text as a file")
                .cluster(&declaration.cluster.name)
                .object(claims.object.clone()),
        );
    }
}
