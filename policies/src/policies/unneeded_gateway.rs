//! MW4002: an east-west gateway that nobody needs.

use crate::finding::{Findings, Rule, Severity};
use crate::gateways;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW4002: an east-west gateway that nobody needs.
#[derive(Debug)]
pub(super) struct UnneededGateway;

static RULE: Rule = Rule {
    code: "MW4002",
    name: "unneeded-gateway",
    severity: Severity::Warning,
    title: "an east-west gateway that nobody needs",
    docs: include_str!("../../docs/MW4002.md"),
};

impl Policy for UnneededGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if mesh.is_multi_network() {
            return;
        }
        let serving = gateways::serving_remotes(mesh);
        for (cluster, gateway) in gateways::each(mesh) {
            if gateway.is_shared() || serving.contains(&cluster.name) {
                continue;
            }
            let message = format!(
                "gateway `{}` of cluster `{}` has no use: mesh `{}` has one network and the cluster serves no remote",
                gateway.name, cluster.name, mesh.name
            );
            findings.push(
                RULE.at(gateway.place.clone(), message)
                    .cluster(&cluster.name)
                    .related(cluster.written.place("spec.network"), format!("all clusters are in `{}`", cluster.network))
                    .help("remove it, or give the cluster another network if its pods are not reached from the others"),
            );
        }
    }
}
