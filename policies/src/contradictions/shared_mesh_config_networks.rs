//! MW2210: shared mesh configuration hides meshNetworks.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::Node;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW2210: shared mesh configuration hides meshNetworks.
pub(super) struct SharedMeshConfigNetworks;

static RULE: Rule = Rule {
    code: "MW2210",
    name: "shared-mesh-config-networks",
    severity: Severity::Error,
    title: "shared mesh configuration hides meshNetworks",
    docs: include_str!("../../docs/MW2210.md"),
};

impl Policy for SharedMeshConfigNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let variable = Fact::IstiodVariable { name: "SHARED_MESH_CONFIG".to_owned() };
            for stated in cluster.stated(|_, fact| *fact == variable) {
                judge(cluster, &stated, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, stated: &crate::repository::Stated<'_>, findings: &mut Findings) {
    let name = &stated.claim.value;
    let is_shared = |subject: &Manifest| subject.kind == "ConfigMap" && subject.name == *name;
    let networks = |subject: &'_ Manifest| {
        let mut found = subject.mesh_networks().into_iter();
        found.next().map(|(path, node, wrapped)| (path, inner(node, wrapped).to_json()))
    };
    let Some(shared) = cluster.subjects.iter().find(|subject| is_shared(subject)) else { return };
    let Some((path, shown)) = networks(shared) else { return };
    let mut others = cluster
        .subjects
        .iter()
        .filter(|subject| !is_shared(subject) && subject.plane == stated.subject.plane);
    let Some((own, (at, hidden))) = others.find_map(|subject| Some((subject, networks(subject)?))) else {
        return;
    };
    if shown == hidden {
        return;
    }
    let message =
        format!("`meshNetworks` of ConfigMap `{name}` hides those of the control plane, which differ");
    findings.push(
        shared
            .finding(&RULE, &path, message)
            .related(own.place(&at), "these have no effect")
            .related(stated.place(), format!("`{name}` is named here"))
            .help("remove `meshNetworks` from the shared ConfigMap, or keep them there only")
            .cluster(&cluster.name),
    );
}

/// The networks themselves: a ConfigMap has them below `networks:`.
fn inner(node: &Node, wrapped: bool) -> &Node {
    node.get("networks").filter(|_| wrapped).unwrap_or(node)
}
