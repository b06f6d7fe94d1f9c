//! MW4202: meshNetworks leads to a port that the gateway's Service does not have.

use super::gateway_without_mesh_port::is_lacking;
use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW4202: meshNetworks leads to a port that the gateway's Service does not have.
pub(super) struct EntryPortNotServed;

static RULE: Rule = Rule {
    code: "MW4202",
    name: "entry-port-not-served",
    severity: Severity::Error,
    title: "meshNetworks leads to a port that the gateway's Service does not have",
    docs: include_str!("../../docs/MW4202.md"),
};

impl Policy for EntryPortNotServed {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::EntryPort { .. })) {
                let Fact::EntryPort { network, address } = &stated.claim.fact else { continue };
                judge(repository, cluster, &stated, network, address, findings);
            }
        }
    }
}

/// The gateway with that very address, on a cluster of that network: private addresses repeat elsewhere.
fn judge(
    repository: &Repository,
    cluster: &Cluster,
    stated: &Stated<'_>,
    network: &str,
    address: &str,
    findings: &mut Findings,
) {
    for other in repository.on_network(&cluster.scope, network) {
        for subject in &other.subjects {
            let Some(ports) = ports_at(subject, address) else { continue };
            let port = &stated.claim.value;
            if ports.value.split(',').any(|found| found == port) || by_node_port(subject) {
                continue;
            }
            // The gateway is at fault, and not each of those that lead to it: MW4201.
            if is_lacking(&subject.claims.list, ports, port) {
                continue;
            }
            let message = format!(
                "network `{network}` is entered at `{address}`, port {port}, but the Service there has ports `{}`",
                ports.value
            );
            findings.push(
                stated
                    .finding(&RULE, message)
                    .found(port)
                    .related(
                        subject.place(&ports.path),
                        format!("the ports of the gateway of {}", other.called()),
                    )
                    .help("name a port of the Service that leads to 15443 of the gateway")
                    .cluster(&cluster.name),
            );
        }
    }
}

fn ports_at<'a>(subject: &'a Manifest, address: &str) -> Option<&'a Claim> {
    let gateway = subject.claims.list.iter().find_map(|claim| match &claim.fact {
        Fact::GatewayAddress { gateway } if claim.value == address => Some(gateway),
        _ => None,
    })?;
    let ports = Fact::GatewayPorts { gateway: gateway.clone() };
    subject.claims.list.iter().find(|claim| claim.fact == ports)
}

/// Peers dial the port of the node.
fn by_node_port(subject: &Manifest) -> bool {
    let paths = ["spec.type", "spec.values.service.type", "service.type"];
    paths.iter().any(|path| subject.text(path).as_deref() == Some("NodePort"))
}
