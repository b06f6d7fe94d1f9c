//! MW1002: two clusters of one mesh with one cluster ID.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::names::ClusterId;
use crate::policy::Policy;

/// Two clusters of one mesh with one cluster ID.
pub(super) struct SharedClusterId;

static RULE: Rule = Rule {
    code: "MW1002",
    name: "shared-cluster-id",
    severity: Severity::Error,
    title: "two clusters of one mesh have one cluster ID",
    docs: include_str!("../../docs/MW1002.md"),
};

impl Policy for SharedClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut owners: BTreeMap<&ClusterId, &Cluster> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            let Some(owner) = owners.get(&cluster.id) else {
                owners.insert(&cluster.id, cluster);
                continue;
            };
            // The one that was named after itself is right; the other one was given a name that is taken.
            let renamed_owner = owner.id.as_str() != owner.name.as_str();
            let (wrong, right) = if renamed_owner && cluster.id.as_str() == cluster.name.as_str() {
                (*owner, cluster)
            } else {
                (cluster, *owner)
            };
            let message = format!(
                "clusters `{}` and `{}` of mesh `{}` both have the cluster ID `{}`",
                right.name, wrong.name, mesh.name, wrong.id
            );
            let finding = RULE
                .at(wrong.id_place(), message)
                .cluster(&wrong.name)
                .found(&wrong.id)
                .related(right.id_place(), format!("cluster `{}`", right.name))
                .help(format!("leave out `clusterID` of `{}`: its name is the default", wrong.name));
            findings.push(finding);
        }
    }
}
