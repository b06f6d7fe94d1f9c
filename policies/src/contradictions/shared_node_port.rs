//! MW4262: two Services pin one node port.

use std::collections::BTreeMap;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW4262: two Services pin one node port.
pub(super) struct SharedNodePort;

static RULE: Rule = Rule {
    code: "MW4262",
    name: "shared-node-port",
    severity: Severity::Error,
    title: "two Services of a cluster pin one node port",
    docs: include_str!("../../docs/MW4262.md"),
};

impl Policy for SharedNodePort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| cluster.named && !cluster.mixed) {
            judge(cluster, findings);
        }
    }
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, Stated<'_>> = BTreeMap::new();
    for stated in cluster.stated(|_, fact| matches!(fact, Fact::GatewayNodePort { .. })) {
        let Some(first) = seen.get(stated.claim.value.as_str()) else {
            seen.insert(&stated.claim.value, stated);
            continue;
        };
        let (Some(a), Some(b)) = (gateway(first), gateway(&stated)) else { continue };
        // One Service may have a port for TCP and one for UDP at the same number.
        let same = a == b
            && (first.subject.namespace == stated.subject.namespace || first.subject.kind != "Service");
        if same || is_udp(first) != is_udp(&stated) {
            continue;
        }
        let message = format!(
            "`{b}` pins node port {}, as does `{a}`: the API server refuses the second",
            stated.claim.value
        );
        findings.push(
            stated
                .finding(&RULE, message)
                .found(&stated.claim.value)
                .related(first.place(), format!("`{a}` pins it here"))
                .help("pin another one between 30000 and 32767")
                .cluster(&cluster.name),
        );
    }
}

fn gateway<'a>(stated: &Stated<'a>) -> Option<&'a str> {
    match &stated.claim.fact {
        Fact::GatewayNodePort { gateway, .. } => Some(gateway),
        _ => None,
    }
}

fn is_udp(stated: &Stated<'_>) -> bool {
    let mut path = stated.claim.path.clone();
    path.0.pop();
    let protocol = stated.subject.document.at(&path.key("protocol")).and_then(crate::node::Node::as_str);
    protocol == Some("UDP")
}
