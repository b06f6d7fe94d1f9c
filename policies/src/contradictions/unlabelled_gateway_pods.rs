//! MW4257: pods of a gateway are on no network.

use super::found;
use crate::chart_keys::Chart;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4257: pods of a gateway are on no network.
pub(super) struct UnlabelledGatewayPods;

static RULE: Rule = Rule {
    code: "MW4257",
    name: "unlabelled-gateway-pods",
    severity: Severity::Warning,
    title: "pods of a gateway between networks are on no network",
    docs: include_str!("../../docs/MW4257.md"),
};

impl Policy for UnlabelledGatewayPods {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let networked = !cluster.networks().is_empty();
            if networked || !found::has_control_plane(cluster) {
                continue;
            }
            for subject in &cluster.subjects {
                judge(cluster, subject, findings);
            }
        }
    }
}

/// From 1.26 the chart labels the pods itself (istio/istio#54909); before, injection does, from `global.network`.
fn judge(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    for values in subject.chart_values().iter().filter(|values| values.chart == Some(Chart::Gateway)) {
        let old = values.version.as_ref().is_some_and(|version| !version.at_least(1, 26, 0));
        let labelled =
            values.values.at(&FieldPath::parse("labels").key("topology.istio.io/network")).is_some();
        let path = FieldPath::parse("networkGateway").under(&values.path);
        let claims = &subject.claims.list;
        let gateway = claims.iter().find(|c| matches!(c.fact, Fact::GatewayNetwork { .. }) && c.path == path);
        let Some(claim) = gateway.filter(|_| old && !labelled) else { continue };
        let message = format!(
            "the Service is labelled as a gateway of `{}`, but its pods are on no network: neither this chart nor \
             `global.network` of the control plane puts them there",
            claim.value
        );
        findings.push(
            subject
                .finding(&RULE, &path, message)
                .found(&claim.value)
                .help(format!(
                    "set `global.network: {}` in the values of istiod, or `labels` here",
                    claim.value
                ))
                .cluster(&cluster.name),
        );
    }
}
