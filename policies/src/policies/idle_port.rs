//! MW4005: a port is opened that nothing listens on.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW4005: a port is opened that nothing listens on.
#[derive(Debug)]
pub(super) struct IdlePort;

static RULE: Rule = Rule {
    code: "MW4005",
    name: "idle-port",
    severity: Severity::Warning,
    title: "a port is opened that nothing listens on",
    docs: include_str!("../../docs/MW4005.md"),
};

impl Policy for IdlePort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let serving = gateways::serving_remotes(mesh);
        for (cluster, gateway) in gateways::each(mesh) {
            for (index, port) in gateway.spec.extra_ports.iter().enumerate() {
                let why = match port.port.number() {
                    15012 | 15017 if !serving.contains(&cluster.name) => {
                        "its istiod serves no remote cluster"
                    }
                    31400 => "nothing that is rendered listens there",
                    _ => continue,
                };
                let message = format!(
                    "gateway `{}` of cluster `{}` opens port {}, but {why}",
                    gateway.name,
                    cluster.name,
                    port.port.number()
                );
                findings.push(
                    RULE.at(gateways::field(cluster, gateway, &format!("extraPorts[{index}]")), message)
                        .cluster(&cluster.name)
                        .found(port.port.number())
                        .help("remove the port, here and in the firewall"),
                );
            }
        }
    }
}
