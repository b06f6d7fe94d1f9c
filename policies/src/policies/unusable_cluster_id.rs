//! MW1008: a cluster ID of which no remote secret can be called.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A cluster ID of which no remote secret can be called.
pub(super) struct UnusableClusterId;

static RULE: Rule = Rule {
    code: "MW1008",
    name: "unusable-cluster-id",
    severity: Severity::Error,
    title: "cluster ID cannot be part of the name of its remote secret",
    docs: include_str!("../../docs/MW1008.md"),
};

impl Policy for UnusableClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let lower = cluster.id.as_str().to_ascii_lowercase();
            let Some(reader) = mesh.readers_of(cluster).next().filter(|_| lower != cluster.id.as_str())
            else {
                continue;
            };
            let message = format!(
                "Kubernetes refuses the name `istio-remote-secret-{}`: the ID of cluster `{}` has capitals",
                cluster.id, cluster.name
            );
            let help = if lower == cluster.name.as_str() {
                "leave out `clusterID`: the cluster's name is the default".to_owned()
            } else {
                format!("set `clusterID: {lower}`, or leave it out: `{}` is the default", cluster.name)
            };
            findings.push(
                RULE.at(cluster.id_place(), message)
                    .cluster(&cluster.name)
                    .found(&cluster.id)
                    .related(reader.written.name(), format!("istiod in `{}` needs that secret", reader.name))
                    .help(help),
            );
        }
    }
}
