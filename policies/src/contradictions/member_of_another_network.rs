//! MW2206: meshNetworks counts a cluster to another network than the cluster says.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW2206: meshNetworks counts a cluster to another network than the cluster says.
pub(super) struct MemberOfAnotherNetwork;

static RULE: Rule = Rule {
    code: "MW2206",
    name: "member-of-another-network",
    severity: Severity::Error,
    title: "meshNetworks counts a cluster to another network than the cluster says",
    docs: include_str!("../../docs/MW2206.md"),
};

impl Policy for MemberOfAnotherNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::Member { .. })) {
                let Fact::Member { network } = &stated.claim.fact else { continue };
                for other in repository.with_cluster_id(&cluster.scope, &stated.claim.value) {
                    judge(cluster, &stated, network, other, findings);
                }
            }
        }
    }
}

fn judge(cluster: &Cluster, stated: &Stated<'_>, network: &str, other: &Cluster, findings: &mut Findings) {
    let own = other.networks();
    let (Some(agreed), Some(first)) = (Cluster::agreed(&own), own.first()) else { return };
    if agreed == network {
        return;
    }
    let id = &stated.claim.value;
    // Labels come before `meshNetworks` (istio/istio@1.30: `pilot/pkg/serviceregistry/kube/controller/controller.go`).
    let shadowed = matches!(first.claim.fact, Fact::NamespaceNetwork { .. });
    let effect = if shadowed { "which wins, so this has no effect" } else { "so it is on both at once" };
    let message = format!(
        "`meshNetworks` counts cluster `{id}` to network `{network}`, but {} gives `{agreed}`, {effect}",
        first.source()
    );
    let mut finding = stated
        .finding(&RULE, message)
        .found(network)
        .related(first.place(), format!("`{agreed}` is given here"))
        .help(format!("move `fromRegistry: {id}` to network `{agreed}`, or correct the cluster's network"))
        .cluster(&cluster.name);
    if shadowed {
        finding.severity = Severity::Warning;
    }
    findings.push(finding);
}
