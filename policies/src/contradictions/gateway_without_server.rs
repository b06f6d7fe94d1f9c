//! MW4261: a gateway between networks lets nobody in.

use super::found::{self, Found};
use super::passthrough_of_everything::{self, servers};
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW4261: a gateway between networks lets nobody in.
pub(super) struct GatewayWithoutServer;

static RULE: Rule = Rule {
    code: "MW4261",
    name: "gateway-without-server",
    severity: Severity::Warning,
    title: "gateway between networks lets nobody in, as those of other clusters do",
    docs: include_str!("../../docs/MW4261.md"),
};

impl Policy for GatewayWithoutServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            judge(&mesh, findings);
        }
    }
}

/// Istio's guide applies the object by hand: only beside a primary that has it is it missed.
fn judge(mesh: &[&Cluster], findings: &mut Findings) {
    let is_primary = |cluster: &&&Cluster| found::has_control_plane(cluster) && !found::is_remote(cluster);
    let opened = mesh.iter().filter(is_primary).find_map(|cluster| {
        let (subject, path, _) =
            servers(cluster).into_iter().find(|(_, _, server)| passthrough_of_everything::lets_in(server))?;
        Some((*cluster, subject, path))
    });
    let Some((other, subject, path)) = opened else { return };
    for cluster in mesh.iter().filter(is_primary).filter(|cluster| cluster.fleet && cluster.complete) {
        let gateways = found::gateways(cluster);
        let Some(gateway) = gateways.iter().find(|gateway| is_for_sidecars(gateway)) else { continue };
        if lets_in(cluster) {
            continue;
        }
        let message = format!(
            "no Gateway in mode AUTO_PASSTHROUGH is applied to {}: nothing listens on port 15443 of `{}`",
            cluster.called(),
            gateway.name
        );
        let place =
            gateway.claim(found::network).or(gateway.claim(found::view)).or(gateway.claim(found::label));
        let at = place.map_or_else(|| FieldPath::parse("metadata.name"), |claim| claim.path.clone());
        findings.push(
            gateway
                .subject
                .finding(&RULE, &at, message)
                .related(subject.place(&path), format!("{} has one", other.called()))
                .help("apply `cross-network-gateway` to this cluster too")
                .cluster(&cluster.name),
        );
    }
}

fn lets_in(cluster: &Cluster) -> bool {
    servers(cluster).into_iter().any(|(_, _, server)| passthrough_of_everything::lets_in(server))
}

/// Gateways of the Gateway API have listeners of their own.
fn is_for_sidecars(gateway: &Found<'_>) -> bool {
    gateway.subject.kind != "Gateway"
}
