//! MW4204: the east-west port is opened in a mode that routes nothing.

use crate::claim::AUTO_PASSTHROUGH;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Repository, has_placeholder};

/// MW4204: the east-west port is opened in a mode that routes nothing.
pub(super) struct NotAutoPassthrough;

static RULE: Rule = Rule {
    code: "MW4204",
    name: "not-auto-passthrough",
    severity: Severity::Error,
    title: "port 15443 for services of the mesh is not in mode AUTO_PASSTHROUGH",
    docs: include_str!("../../docs/MW4204.md"),
};

impl Policy for NotAutoPassthrough {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for (subject, path, server) in super::passthrough_of_everything::servers(cluster) {
                let number = server.at(&"port.number".into()).map(Node::to_json);
                let hosts = server
                    .get("hosts")
                    .map(|hosts| hosts.items().filter_map(Node::as_str).collect::<Vec<_>>());
                let local = hosts.unwrap_or_default().iter().any(|host| host.ends_with(".local"));
                let mode = server.at(&"tls.mode".into()).and_then(Node::as_str).unwrap_or("SIMPLE");
                let right = mode == AUTO_PASSTHROUGH || has_placeholder(mode);
                if number != Some(serde_json::json!(15443)) || !local || right {
                    continue;
                }
                let message =
                    format!("port 15443 is opened in mode `{mode}`: calls from other networks find no route");
                findings.push(
                    subject
                        .finding(&RULE, &FieldPath::parse("tls.mode").under(&path), message)
                        .found(mode)
                        .help("set `tls.mode` to `AUTO_PASSTHROUGH`: it routes by the SNI that sidecars send")
                        .cluster(&cluster.name),
                );
            }
        }
    }
}
