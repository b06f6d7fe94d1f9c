//! MW4260: an ambient network has two gateways.

use std::collections::BTreeMap;

use crate::claim::{Claim, Fact, ListenerPart};
use crate::finding::{Findings, Rule, Severity};
use crate::kinds::EAST_WEST;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW4260: an ambient network has two gateways.
pub(super) struct SecondAmbientGateway;

static RULE: Rule = Rule {
    code: "MW4260",
    name: "second-ambient-gateway",
    severity: Severity::Warning,
    title: "a network has two ambient gateways, of which one is used",
    docs: include_str!("../../docs/MW4260.md"),
};

impl Policy for SecondAmbientGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let alone = repository.clusters.iter().filter(|cluster| !cluster.mixed).map(|cluster| vec![cluster]);
        for clusters in repository.meshes().into_iter().chain(alone) {
            judge(&clusters, findings);
        }
    }
}

/// istio/istio: `pilot/pkg/serviceregistry/ambient/multicluster.go`.
fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let mut seen: BTreeMap<&str, (&Cluster, Stated<'_>)> = BTreeMap::new();
    for cluster in clusters {
        for subject in &cluster.subjects {
            let Some(claim) = network(subject) else { continue };
            let stated = Stated { subject, claim };
            let Some((first, there)) = seen.get(claim.value.as_str()) else {
                seen.insert(&claim.value, (cluster, stated));
                continue;
            };
            let message = format!(
                "network `{}` has an ambient gateway in {} already: istiod uses one of them only",
                claim.value,
                first.called()
            );
            findings.push(
                subject
                    .finding(&RULE, &claim.path, message)
                    .found(&claim.value)
                    .related(there.place(), "the other one is here")
                    .help("keep one gateway per network, with several replicas")
                    .cluster(&cluster.name),
            );
        }
    }
}

/// The network of a `Gateway` of class `istio-east-west`.
fn network(subject: &Manifest) -> Option<&Claim> {
    let list = &subject.claims.list;
    let east_west = list.iter().any(|claim| {
        matches!(&claim.fact, Fact::Listener { listener, part: ListenerPart::Port } if listener.class == EAST_WEST)
    });
    list.iter().find(|claim| east_west && matches!(claim.fact, Fact::GatewayNetwork { .. }))
}
