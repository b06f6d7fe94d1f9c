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
                        for Wrong { index, message, help, related, severity } in found.drain(..) {
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
                            }
                            finding.severity = severity;
                            findings.push(finding.cluster(&cluster.name));
                        }
                    }
                }
            }
        }
    }
}

/// What is wrong with one gateway of a network.
struct Wrong<'a> {
    /// Its place in the list.
    index: usize,
    message: String,
    help: String,
    /// The Service that is found.
    related: Option<Found<'a>>,
    severity: Severity,
}

/// istio/istio: `pilot/pkg/serviceregistry/kube/controller/network.go`, `pkg/config/validation/agent/validation.go`.
fn judge<'a>(repository: &'a Repository, cluster: &Cluster, network: &Node) -> Vec<Wrong<'a>> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let empty = || network.get("endpoints").into_iter().flat_map(Node::items);
    let registries: Vec<String> = empty().filter_map(|endpoint| text(endpoint, "fromRegistry")).collect();
    let mut wrong = Vec::new();
    let error =
        |index, message, help| Wrong { index, message, help, related: None, severity: Severity::Error };
    let warning =
        |index, message, help, related| Wrong { index, message, help, related, severity: Severity::Warning };
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
            wrong.push(error(index, message, help));
            continue;
        };
        if registries.is_empty() {
            let message = format!("no cluster is named in which istiod would look for `{service}`");
            let help = "add `endpoints: [{fromRegistry: <cluster ID>}]` to the network".to_owned();
            wrong.push(error(index, message, help));
            continue;
        }
        let members: Vec<&Cluster> =
            registries.iter().flat_map(|id| repository.with_cluster_id(&cluster.scope, id)).collect();
        let gateways: Vec<Found<'_>> = members
            .iter()
            .flat_map(|member| found::services(member))
            .filter(|own| is_called(own, name))
            .collect();
        let labelled = gateways.iter().find(|gateway| gateway.value(found::network).is_some());
        if let Some(gateway) = labelled {
            let message = format!(
                "`{service}` is labelled as a network gateway, and the label wins: this entry has no effect"
            );
            wrong.push(warning(index, message, "keep one of the two".to_owned(), Some(*gateway)));
        }
        // The gateways may be installed from elsewhere: only beside others one can be missed.
        let has_others = |member: &&Cluster| member.complete && !found::gateways(member).is_empty();
        if gateways.is_empty() && members.len() == registries.len() && members.iter().all(has_others) {
            let message = format!("no cluster of the network has a Service `{service}`");
            let others: Vec<&str> =
                members.iter().flat_map(|member| found::gateways(member)).map(|own| own.name).collect();
            let help = format!("write the name of the gateway's Service; there is `{}`", others.join("`, `"));
            wrong.push(warning(index, message, help, None));
        }
    }
    wrong
}

/// The Service that istiod makes for a `Gateway` has the name of its class behind it.
fn is_called(gateway: &Found<'_>, name: &str) -> bool {
    let class = name.strip_prefix(gateway.name);
    class.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && gateway.subject.kind == "Gateway"))
}
