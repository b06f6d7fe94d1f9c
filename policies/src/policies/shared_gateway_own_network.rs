//! MW4001: users' traffic enters by a gateway that sees one network only.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::intent::NetworkView;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW4001: users' traffic enters by a gateway that sees one network only.
#[derive(Debug)]
pub(super) struct SharedGatewayOwnNetwork;

static RULE: Rule = Rule {
    code: "MW4001",
    name: "shared-gateway-own-network",
    severity: Severity::Warning,
    title: "users' traffic enters by a gateway that sees one network only",
    docs: include_str!("../../docs/MW4001.md"),
};

impl Policy for SharedGatewayOwnNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.is_multi_network() {
            return;
        }
        for (cluster, gateway) in gateways::each(mesh) {
            if gateway.is_shared() && gateway.spec.network_view == NetworkView::Own {
                // No cluster in the message: what all clusters share is said once.
                let message = format!(
                    "users' traffic through gateway `{}` cannot fail over to another network",
                    gateway.name
                );
                findings.push(
                    cluster
                        .finding(&RULE, gateways::field(cluster, gateway, "networkView"), message)
                        .found("own")
                        .related(gateways::field(cluster, gateway, "layout"), "it carries users' traffic too")
                        .help("set `networkView: all`, or leave users' traffic to a gateway of its own"),
                );
            }
        }
    }
}
