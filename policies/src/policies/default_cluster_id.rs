//! MW1007: a cluster ID left at Istio's default in a mesh of several clusters.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A cluster ID left at Istio's default in a mesh of several clusters.
pub(super) struct DefaultClusterId;

static RULE: Rule = Rule {
    code: "MW1007",
    name: "default-cluster-id",
    severity: Severity::Warning,
    title: "a cluster of several keeps Istio's default cluster ID",
    docs: include_str!("../../docs/MW1007.md"),
};

/// istio/istio@1.30: `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`, env `CLUSTER_ID`.
const DEFAULT: &str = "Kubernetes";

impl Policy for DefaultClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if mesh.clusters.len() < 2 {
            return;
        }
        // Compared without case: `kubernetes` is a second ID that people take for the first (istio/istio#23828).
        for cluster in mesh.clusters.values().filter(|c| c.id.as_str().eq_ignore_ascii_case(DEFAULT)) {
            let message = format!(
                "cluster `{}` has the cluster ID `{}`, which any istiod that was told nothing takes too",
                cluster.name, cluster.id
            );
            findings.push(
                RULE.at(cluster.id_place(), message).cluster(&cluster.name).found(&cluster.id).help(format!(
                    "leave out `clusterID`: the cluster's name, `{}`, is the default",
                    cluster.name
                )),
            );
        }
    }
}
