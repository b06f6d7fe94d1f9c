//! MW5002: it is not clear whose istiod serves a cluster.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh, Role};
use crate::names::ClusterName;
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW5002: it is not clear whose istiod serves a cluster.
#[derive(Debug)]
pub(super) struct UnclearPrimary;

static RULE: Rule = Rule {
    code: "MW5002",
    name: "unclear-primary",
    severity: Severity::Error,
    title: "it is not clear whose istiod serves a cluster",
    docs: include_str!("../../docs/MW5002.md"),
};

impl Policy for UnclearPrimary {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            match &cluster.role {
                Role::Remote { primary } => check_remote(mesh, cluster, primary.as_ref(), findings),
                Role::Primary | Role::HostedWorker => check_other(mesh, cluster, findings),
            }
        }
    }
}

fn check_remote(mesh: &Mesh, cluster: &Cluster, primary: Option<&ClusterName>, findings: &mut Findings) {
    let is_primary =
        |name: &ClusterName| mesh.clusters.get(name).is_some_and(|other| other.role == Role::Primary);
    let message = match primary {
        Some(name) if is_primary(name) || mesh.unread.clusters.contains(name.as_str()) => return,
        Some(name) if mesh.clusters.contains_key(name) => {
            format!("cluster `{}` is served by `{name}`, which runs no istiod", cluster.name)
        }
        Some(name) => {
            format!("cluster `{}` is served by `{name}`, which is no cluster of the mesh", cluster.name)
        }
        None => format!("cluster `{}` does not say which primary serves it", cluster.name),
    };
    let primaries = || mesh.primaries().map(|primary| primary.name.as_str());
    let near = primary.and_then(|name| nearest(name.as_str(), primaries()));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let names: Vec<_> = primaries().map(|name| format!("`{name}`")).collect();
            format!("set `primary` to one of the mesh's primaries: {}", names.join(", "))
        }
    };
    let mut finding = RULE
        .at(cluster.written.place("spec.primary"), message)
        .cluster(&cluster.name)
        .related(
            mesh.written.place("spec.controlPlane.primaryRemote.primaries"),
            "the primaries are listed here",
        )
        .help(help);
    finding.found = primary.map(ToString::to_string);
    findings.push(finding);
}

fn check_other(mesh: &Mesh, cluster: &Cluster, findings: &mut Findings) {
    let Some(primary) = &cluster.spec.primary else { return };
    let why = match cluster.role {
        Role::HostedWorker => "the hosted control plane serves it",
        _ => "it runs istiod itself",
    };
    let message = format!("cluster `{}` names `{primary}` as its primary, but {why}", cluster.name);
    findings.push(
        RULE.at(cluster.written.place("spec.primary"), message)
            .cluster(&cluster.name)
            .found(primary)
            .related(mesh.written.place("spec.controlPlane"), "the control plane is declared here")
            .help("remove `primary`, or declare the mesh as `primaryRemote` without this cluster among the primaries"),
    );
}
