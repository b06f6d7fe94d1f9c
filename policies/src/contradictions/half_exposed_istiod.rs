//! MW4255: istiod is handed out to other clusters by half, or to nobody.

use std::collections::BTreeSet;

use super::found;
use super::passthrough_of_everything::servers;
use crate::claim::{Fact, RoutePart};
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4255: istiod is handed out to other clusters by half, or to nobody.
pub(super) struct HalfExposedIstiod;

static RULE: Rule = Rule {
    code: "MW4255",
    name: "half-exposed-istiod",
    severity: Severity::Warning,
    title: "istiod is handed out to other clusters by half, or where no cluster needs it",
    docs: include_str!("../../docs/MW4255.md"),
};

impl Policy for HalfExposedIstiod {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        // Whose remote a cluster is, it does not say: its address may be any.
        let remotes = repository.clusters.iter().filter(|cluster| found::is_remote(cluster));
        let served: BTreeSet<&String> = remotes.map(|cluster| &cluster.scope).collect();
        let idle: BTreeSet<(&str, &str)> = repository
            .meshes()
            .iter()
            .filter(|mesh| {
                nobody_needs_it(mesh) && !mesh.iter().any(|cluster| served.contains(&cluster.scope))
            })
            .flatten()
            .map(|cluster| (cluster.scope.as_str(), cluster.name.as_str()))
            .collect();
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            judge(cluster, idle.contains(&(cluster.scope.as_str(), cluster.name.as_str())), findings);
            // Machines need no webhook, and so one port only.
            if served.contains(&cluster.scope) {
                services(cluster, findings);
            }
        }
    }
}

/// A server that passes istiod's port through.
type Server<'a> = (&'a Manifest, FieldPath, &'static str);

fn judge(cluster: &Cluster, idle: bool, findings: &mut Findings) {
    let exposed: Vec<Server<'_>> = servers(cluster)
        .into_iter()
        .filter_map(|(subject, path, server)| {
            let number = server.at(&"port.number".into())?.to_json().to_string();
            let port = ["15012", "15017"].into_iter().find(|port| number == *port)?;
            let mode = server.at(&"tls.mode".into()).and_then(Node::as_str)?;
            (mode == "PASSTHROUGH").then_some((subject, FieldPath::parse("port.number").under(&path), port))
        })
        .collect();
    let Some((first, path, _)) = exposed.first() else { return };
    if idle {
        let message = "istiod is open to other networks, but no cluster of the mesh is served by another's";
        let finding = first.finding(&RULE, path, message).help("delete this Gateway and its VirtualService");
        findings.push(finding.cluster(&cluster.name));
        return;
    }
    for (subject, path, port) in &exposed {
        if !routed(cluster, subject, port) {
            let message = format!(
                "port {port} is opened for istiod, but no VirtualService of this Gateway leads there"
            );
            let target = if *port == "15012" { "15012" } else { "443" };
            findings.push(
                subject
                    .finding(&RULE, path, message)
                    .found(port)
                    .help(format!("add a route from port {port} to port {target} of istiod's Service"))
                    .cluster(&cluster.name),
            );
        }
    }
}

/// Services of gateways at which both ports are opened, that have one of them. The webhook may be at 443, too.
fn services(cluster: &Cluster, findings: &mut Findings) {
    let servers = servers(cluster);
    let opens = |gateway: &Manifest, port: u64| {
        servers.iter().any(|(subject, _, server)| {
            std::ptr::eq(*subject, gateway)
                && server.at(&"port.number".into()).is_some_and(|number| number.to_json() == port)
                && server.at(&"tls.mode".into()).and_then(Node::as_str) == Some("PASSTHROUGH")
        })
    };
    let both = servers.iter().map(|(subject, ..)| *subject).find(|g| opens(g, 15012) && opens(g, 15017));
    let Some(gateway) = both else { return };
    let Some(selected) = gateway.text("spec.selector.istio") else { return };
    for service in found::services(cluster) {
        if service.value(found::label) != Some(&selected) {
            continue;
        }
        let Some(claim) = service.claim(|gateway| Fact::GatewayPorts { gateway }) else { continue };
        let has = |wanted: &[&str]| claim.value.split(',').any(|port| wanted.contains(&port));
        let (has, lacks) = match (has(&["15012"]), has(&["15017", "443"])) {
            (true, false) => ("15012", "15017"),
            (false, true) => ("15017", "15012"),
            _ => continue,
        };
        let message = format!(
            "the Service `{}` has port {has} for istiod, and lacks {lacks}, which its Gateway opens: remote clusters need both",
            service.name
        );
        findings.push(
            service
                .subject
                .finding(&RULE, &claim.path, message)
                .found(&claim.value)
                .related(gateway.place(&"spec.servers".into()), "both are opened here")
                .help(format!("add port {lacks} to the Service"))
                .cluster(&cluster.name),
        );
    }
}

/// Whether a VirtualService of the gateway matches the port; without any for istiod it is applied from elsewhere.
fn routed(cluster: &Cluster, gateway: &Manifest, port: &str) -> bool {
    let routes = |subject: &Manifest, port: Option<&str>| {
        subject.claims.list.iter().any(|claim| match &claim.fact {
            Fact::IstiodRoute { port: matched, part: RoutePart::Host } => {
                port.is_none_or(|port| matched == port || matched.is_empty())
            }
            _ => false,
        })
    };
    let bound = |subject: &&Manifest| {
        subject.kind == "VirtualService"
            && subject.document.at(&"spec.gateways".into()).is_some_and(|gateways| {
                gateways
                    .items()
                    .filter_map(Node::as_str)
                    .any(|name| name.rsplit('/').next() == Some(&gateway.name))
            })
    };
    let mut all = cluster.subjects.iter().filter(bound).peekable();
    all.peek().is_none() || all.any(|subject| routes(subject, Some(port)) || !subject.unresolved.is_empty())
}

/// Whether every cluster of a mesh runs an istiod of its own.
fn nobody_needs_it(mesh: &[&Cluster]) -> bool {
    mesh.iter().all(|cluster| {
        cluster.complete
            && found::has_control_plane(cluster)
            && !found::is_remote(cluster)
            && !cluster.subjects.iter().any(is_of_a_machine)
    })
}

/// Virtual machines reach istiod the same way.
fn is_of_a_machine(subject: &Manifest) -> bool {
    matches!(subject.kind.as_str(), "WorkloadGroup" | "WorkloadEntry")
}
