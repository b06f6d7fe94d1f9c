//! MW9154: services that other clusters are meant to reach stay within their cluster.

use std::collections::BTreeMap;

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Repository, Stated};

/// Services that other clusters are meant to reach stay within their cluster.
pub(super) struct ClusterLocalService;

static RULE: Rule = Rule {
    code: "MW9154",
    name: "cluster-local-service",
    severity: Severity::Error,
    title: "service that other clusters are meant to reach stays within its cluster",
    docs: include_str!("../../docs/MW9154.md"),
};

impl Policy for ClusterLocalService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let clusters: usize = declaration.networks.values().map(|network| network.clusters.len()).sum();
        if clusters > 1 {
            let domain = declaration.mesh.cluster_domain.as_str();
            fault::judge(&RULE, declaration, claims, everything(claims, domain), findings);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let spread = spread(repository);
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in &cluster.subjects {
                if cluster.is_multi_cluster() {
                    fault::told(
                        &RULE,
                        cluster,
                        subject,
                        |claims| everything(claims, "cluster.local"),
                        findings,
                    );
                }
                for claim in subject.claims.list.iter().filter(|claim| claim.fact == Fact::ClusterLocalHost) {
                    // istio/istio: `pilot/pkg/model/cluster_local.go`. A more specific setting may give a host back; what
                    // covers one host alone is certain.
                    let host = claim.value.as_str();
                    let Some(why) = spread.get(&(cluster.scope.as_str(), host)) else { continue };
                    let message =
                        format!("`{host}` keeps `{host}` within its cluster, but it is meant for others");
                    findings.push(
                        subject
                            .finding(&RULE, &claim.path, message)
                            .found(&claim.value)
                            .related(why.place(), "this counts on its endpoints in other clusters")
                            .help(format!("take `{host}` out of the hosts with `clusterLocal: true`"))
                            .cluster(&cluster.name),
                    );
                }
            }
        }
    }
}

/// Scopes and hosts whose endpoints in several clusters something there counts on, with the first that does.
fn spread(repository: &Repository) -> BTreeMap<(&str, &str), Stated<'_>> {
    let mut hosts = BTreeMap::new();
    for cluster in &repository.clusters {
        for stated in cluster.stated(|_, fact| {
            matches!(
                fact,
                Fact::FailoverRegion { .. } | Fact::SubsetCluster { .. } | Fact::SubsetNetwork { .. }
            )
        }) {
            let (Fact::FailoverRegion { host } | Fact::SubsetCluster { host } | Fact::SubsetNetwork { host }) =
                &stated.claim.fact
            else {
                continue;
            };
            // Wildcards say nothing of one service.
            if host.ends_with(".local") && !host.starts_with('*') {
                hosts.entry((cluster.scope.as_str(), host.as_str())).or_insert(stated);
            }
        }
    }
    hosts
}

fn everything<'a>(claims: &'a Claims, domain: &str) -> Vec<Fault<'a>> {
    let last = domain.rsplit('.').next().unwrap_or(domain);
    let all = |host: &str| {
        host.strip_prefix('*').is_some_and(|rest| match rest.strip_prefix('.') {
            Some(rest) => [last, domain].contains(&rest) || rest.strip_prefix("svc.") == Some(domain),
            None => rest.is_empty(),
        })
    };
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| claim.fact == Fact::ClusterLocalHost) {
        if all(&claim.value) {
            let message = format!(
                "`{}` keeps every service within its cluster: no cluster reaches another's",
                claim.value
            );
            let help = "name the hosts that are to stay, such as `*.kube-system.svc.cluster.local`";
            // Single services may be given back by `clusterLocal: false`, which some do on purpose.
            faults.push(Fault::new(claim, message, help).warning());
        }
    }
    faults
}
