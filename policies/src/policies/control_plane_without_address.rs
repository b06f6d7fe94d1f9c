//! MW3001: a control plane that serves other clusters has no address.

use std::collections::BTreeMap;

use crate::address_plan::hosting_cluster;
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh, Role};
use crate::names::ClusterName;
use crate::policy::Policy;

/// A control plane that serves other clusters has no address.
pub(super) struct ControlPlaneWithoutAddress;

static RULE: Rule = Rule {
    code: "MW3001",
    name: "control-plane-without-address",
    severity: Severity::Error,
    title: "control plane that serves other clusters has no address",
    docs: include_str!("../../docs/MW3001.md"),
};

impl Policy for ControlPlaneWithoutAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if let Some(host) = hosting_cluster(mesh)
            && host.spec.load_balancer.addresses.control_plane.is_none()
            && let Some(served) = mesh.clusters.values().find(|cluster| cluster.name != host.name)
        {
            findings.push(without_address(host, served, "hosted istiod", "controlPlane"));
        }
        let mut first_remote: BTreeMap<&ClusterName, &Cluster> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            if let Role::Remote { primary: Some(primary) } = &cluster.role {
                first_remote.entry(primary).or_insert(cluster);
            }
        }
        for (primary, remote) in first_remote {
            let Some(primary) = mesh.clusters.get(primary) else { continue };
            let through_gateway = primary.gateways.first().is_some_and(|gateway| gateway.dialled().is_some());
            if primary.spec.load_balancer.addresses.control_plane.is_none() && !through_gateway {
                findings.push(without_address(primary, remote, "istiod", "eastWest"));
            }
        }
    }
}

fn without_address(owner: &Cluster, served: &Cluster, what: &str, field: &str) -> Finding {
    let message = format!(
        "the {what} of cluster `{}` serves other clusters such as `{}`, but no address is declared where they reach it",
        owner.name, served.name
    );
    RULE.at(owner.written.place("spec.loadBalancer.addresses"), message)
        .cluster(&owner.name)
        .related(served.written.name(), format!("`{}` is served by it", served.name))
        .help(format!("declare `loadBalancer.addresses.{field}` of `{}`", owner.name))
}
