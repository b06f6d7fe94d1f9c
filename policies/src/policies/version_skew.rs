//! MW6004: two Istio versions of a mesh are too far apart.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::mesh::{Cluster, Mesh, Role};
use crate::policy::Policy;

/// MW6004: two Istio versions of a mesh are too far apart.
#[derive(Debug)]
pub(super) struct VersionSkew;

static RULE: Rule = Rule {
    code: "MW6004",
    name: "version-skew",
    severity: Severity::Error,
    title: "two Istio versions of a mesh are too far apart",
    docs: include_str!("../../docs/MW6004.md"),
};

impl Policy for VersionSkew {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(newest) = mesh.clusters.values().max_by_key(|cluster| cluster.istio.version.minor()) else {
            return;
        };
        for cluster in mesh.clusters.values() {
            let (old, new) = (cluster.istio.version.minor(), newest.istio.version.minor());
            if old.0 != new.0 || new.1 - old.1 > 1 {
                let message = format!(
                    "Istio {} and {} are more than one minor apart in mesh `{}`",
                    cluster.istio.version, newest.istio.version, mesh.name
                );
                let help = format!("upgrade to {}.{} first", old.0, old.1 + 1);
                if cluster.shares(&place(cluster)) && !newest.shares(&place(newest)) {
                    // The cluster that goes its own way, not what all others share.
                    let label = format!("cluster `{}` has what all share", cluster.name);
                    findings.push(
                        RULE.at(place(newest), message)
                            .cluster(&newest.name)
                            .found(&newest.istio.version)
                            .declared(&cluster.istio.version, place(cluster), label)
                            .help(help),
                    );
                    check_remote(mesh, cluster, findings);
                    continue;
                }
                findings.push(
                    cluster
                        .finding(&RULE, place(cluster), message)
                        .found(&cluster.istio.version)
                        .declared(
                            &newest.istio.version,
                            place(newest),
                            format!("cluster `{}` has it", newest.name),
                        )
                        .help(help),
                );
            }
            check_remote(mesh, cluster, findings);
        }
    }
}

fn place(cluster: &Cluster) -> Place {
    cluster.written.place("spec.istio.version")
}

fn check_remote(mesh: &Mesh, cluster: &Cluster, findings: &mut Findings) {
    let Role::Remote { primary: Some(primary) } = &cluster.role else { return };
    let Some(primary) = mesh.clusters.get(primary) else { return };
    if cluster.istio.version.minor() <= primary.istio.version.minor() {
        return;
    }
    let message = format!(
        "remote cluster `{}` has Istio {}, which is ahead of {} in its primary `{}`",
        cluster.name, cluster.istio.version, primary.istio.version, primary.name
    );
    findings.push(
        RULE.at(place(cluster), message)
            .cluster(&cluster.name)
            .found(&cluster.istio.version)
            .declared(&primary.istio.version, place(primary), "the primary's version is declared here")
            .help(format!("upgrade cluster `{}` first", primary.name)),
    );
}
