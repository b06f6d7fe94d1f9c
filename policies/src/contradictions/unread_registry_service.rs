//! MW4259: meshNetworks names a gateway's Service that istiod does not take.

use super::found::{self, Found};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::node::Node;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, has_placeholder};

/// MW4259: meshNetworks names a gateway's Service that istiod does not take.
pub(super) struct UnreadRegistryService;

static RULE: Rule = Rule {
    code: "MW4259",
    name: "unread-registry-service",
    severity: Severity::Error,
    title: "meshNetworks names a gateway's Service that istiod does not take",
    docs: include_str!("../../docs/MW4259.md"),
};

impl Policy for UnreadRegistryService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                for (path, map, wrapped) in subject.mesh_networks() {
                    let (path, map) = match (wrapped, map.get("networks")) {
                        (true, Some(inner)) => (path.key("networks"), inner),
                        (true, None) => continue,
                        (false, _) => (path, map),
                    };
                    for network in map.entries() {
                        let mut found = judge(repository, cluster, &network.node);
                        for (index, message, help, related) in found.drain(..) {
                            let at = path
                                .clone()
                                .key(&network.key)
                                .key("gateways")
                                .index(index)
                                .key("registryServiceName");
                            let mut finding: Finding = subject.finding(&RULE, &at, message).help(help);
                            if let Some(gateway) = related
                                && let Some(claim) = gateway.claim(found::network)
                            {
                                finding = finding.related(
                                    gateway.subject.place(&claim.path),
                                    "the Service is labelled here",
                                );
                                finding.severity = Severity::Warning;
                            }
                            findings.push(finding.cluster(&cluster.name));
                        }
                    }
                }
            }
        }
    }
}

/// Index of the gateway, message, help, the Service that is found.
type Wrong<'a> = (usize, String, String, Option<Found<'a>>);

/// istio/istio: `pilot/pkg/serviceregistry/kube/controller/network.go`, `pkg/config/validation/agent/validation.go`.
fn judge<'a>(repository: &'a Repository, cluster: &Cluster, network: &Node) -> Vec<Wrong<'a>> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let empty = || network.get("endpoints").into_iter().flat_map(Node::items);
    let registries: Vec<String> = empty().filter_map(|endpoint| text(endpoint, "fromRegistry")).collect();
    let mut wrong = Vec::new();
    for (index, gateway) in network.get("gateways").into_iter().flat_map(Node::items).enumerate() {
        let Some(service) = text(gateway, "registryServiceName").filter(|name| !has_placeholder(name)) else {
            continue;
        };
        let mut parts = service.split('.');
        let (Some(name), Some(_), Some("svc"), Some(_)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            let message =
                format!("`{service}` is not the full name of a Service: istiod refuses all of meshNetworks");
            let help = format!(
                "write `{}.istio-system.svc.cluster.local`",
                service.split('.').next().unwrap_or_default()
            );
            wrong.push((index, message, help, None));
            continue;
        };
        if registries.is_empty() {
            let message = format!("no cluster is named in which istiod would look for `{service}`");
            let help = "add `endpoints: [{fromRegistry: <cluster ID>}]` to the network".to_owned();
            wrong.push((index, message, help, None));
            continue;
        }
        let members = registries.iter().flat_map(|id| repository.with_cluster_id(&cluster.scope, id));
        let gateways = members.flat_map(found::services);
        let labelled = gateways
            .filter(|gateway| gateway.name == name)
            .find(|gateway| gateway.value(found::network).is_some());
        if let Some(gateway) = labelled {
            let message = format!(
                "`{service}` is labelled as a network gateway, and the label wins: this entry has no effect"
            );
            wrong.push((index, message, "keep one of the two".to_owned(), Some(gateway)));
        }
    }
    wrong
}
