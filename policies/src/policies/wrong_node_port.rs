//! MW4003: a pinned NodePort cannot be had.

use std::collections::BTreeMap;

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::gateways;
use crate::intent::ServiceType;
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::names::ClusterName;
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW4003: a pinned NodePort cannot be had.
#[derive(Debug)]
pub(super) struct WrongNodePort;

static RULE: Rule = Rule {
    code: "MW4003",
    name: "wrong-node-port",
    severity: Severity::Error,
    title: "a pinned NodePort cannot be had",
    docs: include_str!("../../docs/MW4003.md"),
};

impl Policy for WrongNodePort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let serving = gateways::serving_remotes(mesh);
        let mut pins = BTreeMap::new();
        for (cluster, gateway) in gateways::each(mesh) {
            check_names(cluster, gateway, serving.contains(&cluster.name), findings);
            check_numbers(cluster, gateway, &mut pins, findings);
            check_earlier(cluster, gateway, serving.contains(&cluster.name), findings);
        }
    }
}

/// Names of ports in what is said of the gateway before a change.
fn check_earlier(cluster: &Cluster, gateway: &Gateway, exposes_istiod: bool, findings: &mut Findings) {
    let all = cluster.spec.previous.iter().flat_map(|previous| &previous.gateways).enumerate();
    for (index, before) in all {
        if !cluster.before(&gateway.name).any(|own| std::ptr::eq(own, before)) {
            continue;
        }
        let then = Gateway { spec: before.laid_over(&gateway.spec), ..gateway.clone() };
        for port in before.service.node_ports.keys() {
            if let Some(finding) = unknown_name(&then, port, exposes_istiod, || {
                let path = FieldPath::parse("spec.previous.gateways").index(index);
                cluster.written.place(path.key("service").key("nodePorts").key(port))
            }) {
                findings.push(finding.cluster(&cluster.name));
            }
        }
    }
}

/// A pinned port that the gateway does not have.
fn unknown_name(
    gateway: &Gateway,
    port: &str,
    exposes_istiod: bool,
    place: impl FnOnce() -> Place,
) -> Option<Finding> {
    let own = gateways::own_ports(gateway, exposes_istiod);
    let names = || {
        let extra = gateway.spec.extra_ports.iter().map(|port| port.name.as_str());
        own.iter().map(|port| port.name).chain(extra)
    };
    if names().any(|name| name == port) {
        return None;
    }
    let message =
        format!("gateway `{}` pins the NodePort of `{port}`, a port that it does not have", gateway.name);
    let help = match nearest(port, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "its ports are {}",
            names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    };
    Some(RULE.at(place(), message).found(port).help(help))
}

/// Pins seen so far, by cluster and number: the gateway and the place.
type Pins<'a> = BTreeMap<(&'a ClusterName, u16), (&'a Gateway, Place)>;

fn place(cluster: &Cluster, gateway: &Gateway, port: &str) -> Place {
    let pins = FieldPath::parse("service.nodePorts").under(&gateway.place.path);
    cluster.written.place(pins.key(port))
}

fn check_names(cluster: &Cluster, gateway: &Gateway, exposes_istiod: bool, findings: &mut Findings) {
    let service = &gateway.spec.service;
    if service.kind == ServiceType::ClusterIP
        && let Some(port) = service.node_ports.keys().next()
    {
        let message = format!(
            "gateway `{}` pins NodePorts, which a Service of type ClusterIP does not have",
            gateway.name
        );
        findings.push(
            RULE.at(place(cluster, gateway, port), message)
                .cluster(&cluster.name)
                .declared(
                    "ClusterIP",
                    gateways::field(cluster, gateway, "service.type"),
                    "the type is declared here",
                )
                .help("remove `nodePorts`, or set `type: NodePort`"),
        );
        return;
    }
    for port in service.node_ports.keys() {
        let finding = unknown_name(gateway, port, exposes_istiod, || place(cluster, gateway, port));
        findings.extend(finding.map(|finding| finding.cluster(&cluster.name)));
    }
}

fn check_numbers<'a>(
    cluster: &'a Cluster,
    gateway: &'a Gateway,
    pins: &mut Pins<'a>,
    findings: &mut Findings,
) {
    for (port, number) in &gateway.spec.service.node_ports {
        let here = place(cluster, gateway, port);
        let number = number.number();
        if !(30000..=32767).contains(&number) {
            let message = format!("NodePort {number} of gateway `{}` is outside 30000-32767", gateway.name);
            findings.push(
                RULE.at(here, message)
                    .cluster(&cluster.name)
                    .found(number)
                    .help(format!("pin a port of that range, such as {}", 30000 + number % 1000)),
            );
        } else if let Some((first, first_place)) = pins.get(&(&cluster.name, number)) {
            let message = format!("NodePort {number} is pinned twice in cluster `{}`", cluster.name);
            findings.push(
                RULE.at(here, message)
                    .cluster(&cluster.name)
                    .found(number)
                    .related(first_place.clone(), format!("gateway `{}` has it", first.name))
                    .help("pin another port; a NodePort belongs to one Service of the cluster"),
            );
        } else {
            pins.insert((&cluster.name, number), (gateway, here));
        }
    }
}
