//! MW2110: workload claims another network than its cluster.

use crate::claim::{Claims, Fact, SaidBy};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::names::NetworkId;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW2110: workload claims another network than its cluster.
pub(super) struct WorkloadOnAnotherNetwork;

static RULE: Rule = Rule {
    code: "MW2110",
    name: "workload-on-another-network",
    severity: Severity::Error,
    title: "workload claims another network than its cluster",
    docs: include_str!("../../docs/MW2110.md"),
};

impl Policy for WorkloadOnAnotherNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Fact::WorkloadNetwork { by } = &claim.fact else { continue };
            let found = &claim.value;
            let listed = |network: &NetworkId| declaration.workload_networks.contains(network);
            let excepted = declaration.workload_networks.iter().any(|network| network.as_str() == found)
                || declaration.networks_named(found).any(|(network, _)| listed(network));
            if excepted || declaration.accepts_network(found) {
                continue;
            }
            let (cluster, network) = (&declaration.cluster.name, &declaration.network);
            let message = format!(
                "{} puts the workload on network `{found}`, where cluster `{cluster}` is declared on `{network}`",
                called(*by)
            );
            let declared = Declared { value: network.to_string(), path: "network" };
            let finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            findings.push(finding.help(format!(
                "write `{network}`; if the workload really is elsewhere, name `{found}` in `spec.workloadNetworks` of \
                 cluster `{cluster}` in the intent"
            )));
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let networks = cluster.networks();
            let (Some(network), Some(first)) = (Cluster::agreed(&networks), networks.first()) else {
                continue;
            };
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::WorkloadNetwork { .. })) {
                if let Some(by) = of_pods(&stated).filter(|_| stated.claim.value != network) {
                    let found = &stated.claim.value;
                    let message = format!(
                        "{} puts the workload on network `{found}`, where {} is on `{network}`",
                        called(by),
                        cluster.called()
                    );
                    let mut finding = stated.finding(&RULE, message).found(found);
                    finding.severity = Severity::Warning;
                    findings.push(
                        finding
                            .related(first.place(), format!("`{network}` stands here"))
                            .help(format!("write `{network}`, or nothing: injection fills it in"))
                            .cluster(&cluster.name),
                    );
                }
            }
        }
    }
}

/// Entries of workloads outside of pods are often on a network of their own.
fn of_pods(stated: &Stated<'_>) -> Option<SaidBy> {
    let outside = ["WorkloadEntry", "WorkloadGroup", "ServiceEntry"].contains(&stated.subject.kind.as_str());
    match &stated.claim.fact {
        Fact::WorkloadNetwork { by } if !outside => Some(*by),
        _ => None,
    }
}

fn called(by: SaidBy) -> &'static str {
    match by {
        SaidBy::Label => "the label",
        SaidBy::Variable => "the variable",
        SaidBy::Annotation => "the annotation",
        SaidBy::ProxyConfig => "the ProxyConfig",
        SaidBy::Field => "the field",
    }
}
