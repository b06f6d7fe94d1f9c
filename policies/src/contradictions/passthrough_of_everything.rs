//! MW4205: AUTO_PASSTHROUGH for every host.

use crate::claim::AUTO_PASSTHROUGH;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4205: AUTO_PASSTHROUGH for every host.
pub(super) struct PassthroughOfEverything;

static RULE: Rule = Rule {
    code: "MW4205",
    name: "passthrough-of-everything",
    severity: Severity::Warning,
    title: "AUTO_PASSTHROUGH lets in calls to every host",
    docs: include_str!("../../docs/MW4205.md"),
};

impl Policy for PassthroughOfEverything {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for (subject, path, server) in servers(cluster) {
                if !lets_in(server) {
                    continue;
                }
                let Some(hosts) = server.get("hosts") else { continue };
                let all = hosts.items().position(|host| matches!(host.as_str(), Some("*" | "*/*" | "./*")));
                let Some(index) = all else { continue };
                findings.push(
                    subject
                        .finding(
                            &RULE,
                            &path.key("hosts").index(index),
                            "other networks may reach every host that this cluster knows, not only services of the mesh",
                        )
                        .help("name `*.local`")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

/// Every server of every Istio `Gateway`.
pub(super) fn servers(cluster: &Cluster) -> Vec<(&Manifest, FieldPath, &Node)> {
    let istio = |subject: &&Manifest| {
        subject.kind == "Gateway"
            && subject.text("apiVersion").is_some_and(|version| version.starts_with("networking.istio.io/"))
    };
    let mut found = Vec::new();
    for subject in cluster.subjects.iter().filter(istio) {
        found.extend(servers_of(subject).into_iter().map(|(path, server)| (subject, path, server)));
    }
    found
}

/// The servers of one.
pub(super) fn servers_of(gateway: &Manifest) -> Vec<(FieldPath, &Node)> {
    let list = FieldPath::parse("spec.servers");
    let servers = gateway.document.at(&list).into_iter().flat_map(Node::items);
    servers.enumerate().map(|(index, server)| (list.clone().index(index), server)).collect()
}

/// Whether a server lets other networks in.
pub(super) fn lets_in(server: &Node) -> bool {
    server.at(&"tls.mode".into()).and_then(Node::as_str) == Some(AUTO_PASSTHROUGH)
}
