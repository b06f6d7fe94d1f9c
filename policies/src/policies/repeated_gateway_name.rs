//! MW4004: two gateways or two of their ports share a name or number.

use std::collections::BTreeMap;

use crate::finding::{Findings, Place, Rule, Severity};
use crate::gateways;
use crate::mesh::{Cluster, Gateway, Mesh};
use crate::names::ObjectName;
use crate::policy::Policy;

/// MW4004: two gateways or two of their ports share a name or number.
#[derive(Debug)]
pub(super) struct RepeatedGatewayName;

static RULE: Rule = Rule {
    code: "MW4004",
    name: "repeated-gateway-name",
    severity: Severity::Error,
    title: "two gateways or two of their ports share a name or number",
    docs: include_str!("../../docs/MW4004.md"),
};

impl Policy for RepeatedGatewayName {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let serving = gateways::serving_remotes(mesh);
        for cluster in mesh.clusters.values() {
            let mut names: BTreeMap<&ObjectName, &Gateway> = BTreeMap::new();
            for gateway in &cluster.gateways {
                if let Some(first) = names.insert(&gateway.name, gateway) {
                    let message =
                        format!("two gateways of cluster `{}` are called `{}`", cluster.name, gateway.name);
                    findings.push(
                        RULE.at(gateways::field(cluster, gateway, "name"), message)
                            .cluster(&cluster.name)
                            .found(&gateway.name)
                            .related(first.place.clone(), "the first is here")
                            .help(format!("set `name` of one of them, such as `{}-2`", gateway.name)),
                    );
                }
                check_ports(cluster, gateway, serving.contains(&cluster.name), findings);
            }
        }
    }
}

fn check_ports(cluster: &Cluster, gateway: &Gateway, exposes_istiod: bool, findings: &mut Findings) {
    // Name and number with where they are declared; `None`: the gateway has them anyway.
    let mut seen: Vec<(&str, u16, Option<Place>)> = gateways::own_ports(gateway, exposes_istiod)
        .iter()
        .map(|port| (port.name, port.port.number(), None))
        .collect();
    for (index, port) in gateway.spec.extra_ports.iter().enumerate() {
        let place = gateways::field(cluster, gateway, &format!("extraPorts[{index}]"));
        let (name, number) = (port.name.as_str(), port.port.number());
        if let Some((other, other_number, declared)) =
            seen.iter().find(|seen| seen.0 == name || seen.1 == number)
        {
            let message = format!(
                "port `{name}` {number} of gateway `{}` repeats its port `{other}` {other_number}",
                gateway.name
            );
            let finding = RULE.at(place.clone(), message).cluster(&cluster.name).found(number);
            findings.push(match declared {
                Some(first) => finding
                    .related(first.clone(), "the first is here")
                    .help("give it another name and number"),
                None => finding.help(format!("remove it; every such gateway has `{other}` {other_number}")),
            });
        }
        seen.push((name, number, Some(place)));
    }
}
