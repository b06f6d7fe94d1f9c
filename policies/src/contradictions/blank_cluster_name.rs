//! MW1207: cluster of a multi-cluster mesh has no ID.

use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node, Value};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW1207: cluster of a multi-cluster mesh has no ID.
pub(super) struct BlankClusterName;

static RULE: Rule = Rule {
    code: "MW1207",
    name: "blank-cluster-name",
    severity: Severity::Error,
    title: "cluster of a multi-cluster mesh has no ID",
    docs: include_str!("../../docs/MW1207.md"),
};

impl Policy for BlankClusterName {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            let others = repository
                .clusters
                .iter()
                .filter(|other| other.scope == cluster.scope && other.name != cluster.name);
            let is_one_of_several =
                cluster.is_multi_cluster() || others.into_iter().any(|other| other.mesh_id().is_some());
            for subject in &cluster.subjects {
                judge(cluster, subject, is_one_of_several, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, subject: &Manifest, is_one_of_several: bool, findings: &mut Findings) {
    for at in subject.chart_values() {
        let Some(global) = at.values.get("global") else { continue };
        let path = FieldPath::parse("global.multiCluster.clusterName");
        let Some(name) = at.values.at(&path).filter(|node| is_blank(node)) else { continue };
        // Defaults of charts and profiles leave all of it blank, and a mesh of one cluster may have an ID.
        let has = |key: &str| global.get(key).is_some_and(|node| !is_blank(node));
        let meant = has("network") || has("meshID") && is_one_of_several;
        if !meant {
            continue;
        }
        let message = format!(
            "the cluster ID of {} is blank: istiod will call it `Kubernetes`, as every cluster without one",
            cluster.called()
        );
        let written = if name.span.is_written() { "" } else { " (not written)" };
        findings.push(
            subject
                .finding(&RULE, &path.under(&at.path), message)
                .found(format!("\"\"{written}"))
                .help("write the ID that the cluster's remote secrets have as their key")
                .cluster(&cluster.name),
        );
    }
}

fn is_blank(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
