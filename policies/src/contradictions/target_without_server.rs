//! MW4253: a gateway's Service leads other networks to a port that no Gateway opens.

use super::found::{self, Found};
use super::passthrough_of_everything::{lets_in, servers};
use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4253: a gateway's Service leads other networks to a port that no Gateway opens.
pub(super) struct TargetWithoutServer;

static RULE: Rule = Rule {
    code: "MW4253",
    name: "target-without-server",
    severity: Severity::Error,
    title: "gateway's Service leads other networks to a port that no Gateway opens",
    docs: include_str!("../../docs/MW4253.md"),
};

impl Policy for TargetWithoutServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            for gateway in found::gateways(cluster) {
                judge(cluster, &gateway, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, gateway: &Found<'_>, findings: &mut Findings) {
    let Some(label) = istio_label(gateway) else { return };
    let Some(target) = target(gateway) else { return };
    let mut opened: Vec<(&Manifest, FieldPath, String)> = Vec::new();
    for (subject, path, server) in servers(cluster) {
        let selected = subject.text("spec.selector.istio");
        if lets_in(server) && selected.as_deref() == Some(label.as_str()) {
            let path = FieldPath::parse("port.number").under(&path);
            let Some(number) = subject.document.at(&path).map(Node::to_json) else { return };
            opened.push((subject, path, number.to_string()));
        }
    }
    let Some((subject, path, number)) = opened.first() else { return };
    if opened.iter().any(|(_, _, number)| *number == target.value) {
        return;
    }
    let message = format!(
        "port {} of `{}` leads to {} of its pods, but `{}` lets other networks in at {number}",
        entered_at(gateway),
        gateway.name,
        target.value,
        subject.name
    );
    findings.push(
        gateway
            .subject
            .finding(&RULE, &target.path, message)
            .found(&target.value)
            .related(subject.place(path), "other networks are let in here")
            .help(format!(
                "set the Service's `targetPort` to {number}, or the server's port to {}",
                target.value
            ))
            .cluster(&cluster.name),
    );
}

/// The port that peers dial.
fn entered_at<'a>(gateway: &Found<'a>) -> &'a str {
    gateway.value(found::port_label).unwrap_or("15443")
}

/// The pods' port behind it, when it is a number.
fn target<'a>(gateway: &Found<'a>) -> Option<&'a Claim> {
    let wanted = entered_at(gateway);
    let list = &gateway.subject.claims.list;
    let name = list.iter().find_map(|claim| match &claim.fact {
        Fact::GatewayPort { gateway: of, name } if of == gateway.name && claim.value == wanted => Some(name),
        _ => None,
    })?;
    let fact = Fact::GatewayTarget { gateway: gateway.name.to_owned(), name: name.clone() };
    list.iter().find(|claim| claim.fact == fact && claim.value.parse::<u16>().is_ok())
}

/// The `istio` label of the pods that the Service selects.
fn istio_label(gateway: &Found<'_>) -> Option<String> {
    let said = gateway.value(found::label).map(str::to_owned);
    match gateway.subject.kind.as_str() {
        "Service" => gateway.subject.text("spec.selector.istio"),
        "IstioOperator" => said,
        // The gateway chart's default (istio/istio: `manifests/charts/gateway/templates/_helpers.tpl`).
        "HelmRelease" | "Application" | "" => {
            said.or_else(|| Some(gateway.name.strip_prefix("istio-").unwrap_or(gateway.name).to_owned()))
        }
        _ => None,
    }
}
