//! MW3256: a gateway asks MetalLB for an address of a pool that its cluster does not have.

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, has_placeholder};

/// MW3256: a gateway asks MetalLB for an address of a pool that its cluster does not have.
pub(super) struct UnknownPool;

static RULE: Rule = Rule {
    code: "MW3256",
    name: "unknown-pool",
    severity: Severity::Error,
    title: "gateway asks MetalLB for a pool that its cluster does not have",
    docs: include_str!("../../docs/MW3256.md"),
};

impl Policy for UnknownPool {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            judge(cluster, findings);
        }
    }
}

/// Only where the cluster's pools are in the repository can one be missed.
fn judge(cluster: &Cluster, findings: &mut Findings) {
    let pools: Vec<_> = cluster.subjects.iter().filter(|subject| subject.kind == "IPAddressPool").collect();
    let Some(first) = pools.first() else { return };
    if pools.iter().any(|pool| has_placeholder(&pool.name)) {
        return;
    }
    for service in found::services(cluster) {
        let Some(claim) = service.claim(|gateway| Fact::GatewayPool { gateway }) else { continue };
        if pools.iter().any(|pool| pool.name == claim.value) {
            continue;
        }
        let names: Vec<String> = pools.iter().map(|pool| format!("`{}`", pool.name)).collect();
        let message = format!(
            "`{}` asks for an address of pool `{}`, which {} does not have: MetalLB gives it none",
            service.name,
            claim.value,
            cluster.called()
        );
        findings.push(
            service
                .subject
                .finding(&RULE, &claim.path, message)
                .found(&claim.value)
                .related(first.place(&"metadata.name".into()), format!("its pools are {}", names.join(", ")))
                .help("name a pool of the cluster, or add this one")
                .cluster(&cluster.name),
        );
    }
}
