//! MW1110: cluster ID is set where the chart overrides it.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1110: cluster ID is set where the chart overrides it.
pub(super) struct ShadowedClusterId;

static RULE: Rule = Rule {
    code: "MW1110",
    name: "shadowed-cluster-id",
    severity: Severity::Error,
    title: "cluster ID is set where the chart overrides it",
    docs: include_str!("../../docs/MW1110.md"),
};

impl Policy for ShadowedClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let variable = Fact::IstiodVariable { name: "CLUSTER_ID".to_owned() };
    // In values only: a variable of the Deployment itself, or one that IstioOperator merges into it, is the one that counts.
    let in_values =
        |path: &crate::node::FieldPath| path.0.last() == Some(&Step::Key("CLUSTER_ID".to_owned()));
    let written = claims.list.iter().find(|claim| claim.fact == variable && in_values(&claim.path));
    let name = Step::Key("clusterName".to_owned());
    let named =
        claims.list.iter().find(|claim| claim.fact == Fact::ClusterId && claim.path.0.last() == Some(&name));
    let Some(written) = written else { return Vec::new() };
    let id = &written.value;
    let help =
        format!("set `global.multiCluster.clusterName` to the cluster's ID and remove `{}`", written.path);
    match named {
        Some(named) if named.value == *id => Vec::new(),
        Some(named) => {
            let message = format!(
                "`CLUSTER_ID` is `{id}` here, but the chart sets it again, to `clusterName`, and that is `{}`",
                named.value
            );
            vec![Fault::new(written, message, help).against(named)]
        }
        None if claims.plane.as_ref().is_some_and(|plane| plane.whole) => {
            let message = format!(
                "`CLUSTER_ID` is `{id}` here, but the chart sets it again, to `clusterName`, and without one to `Kubernetes`"
            );
            vec![Fault::new(written, message, help)]
        }
        None => Vec::new(),
    }
}
