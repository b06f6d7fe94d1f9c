//! MW2216: addresses of services are those of pods on the same network.

use ipnet::IpNet;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW2216: addresses of services are those of pods on the same network.
pub(super) struct ServicesAmongPods;

static RULE: Rule = Rule {
    code: "MW2216",
    name: "services-among-pods",
    severity: Severity::Warning,
    title: "addresses of services are those of pods on the same network",
    docs: include_str!("../../docs/MW2216.md"),
};

impl Policy for ServicesAmongPods {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            let services = ranges(cluster, &Fact::ServiceRange);
            let Some(network) = cluster.network().filter(|_| !services.is_empty()) else { continue };
            for other in repository.on_network(&cluster.scope, network) {
                let pods = ranges(other, &Fact::PodRange);
                for (range, stated) in &services {
                    let overlaps = |pods: &IpNet| pods.contains(range) || range.contains(pods);
                    let Some((pods, first)) = pods.iter().find(|(pods, _)| overlaps(pods)) else { continue };
                    let message = format!(
                        "services of {} have `{range}`, pods of {} on the same network `{network}` have `{pods}`",
                        cluster.called(),
                        other.called()
                    );
                    findings.push(
                        stated
                            .finding(&RULE, message)
                            .found(range)
                            .related(first.place(), format!("`{pods}` stands here"))
                            .help("give services addresses that no pod of the network has")
                            .cluster(&cluster.name),
                    );
                }
            }
        }
    }
}

fn ranges<'a>(cluster: &'a Cluster, wanted: &Fact) -> Vec<(IpNet, Stated<'a>)> {
    let stated = cluster.stated(|_, fact| fact == wanted);
    stated.into_iter().filter_map(|stated| Some((stated.claim.value.parse().ok()?, stated))).collect()
}
