//! MW2210: shared mesh configuration hides meshNetworks.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::Node;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};
use crate::version::Version;

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

fn judge(cluster: &Cluster, stated: &Stated<'_>, findings: &mut Findings) {
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
    let own = others.find_map(|subject| Some((subject, networks(subject)?)));
    if own.as_ref().is_some_and(|(_, (_, hidden))| *hidden == shown) {
        return;
    }
    let finding = if let Some(version) = version(stated).filter(|version| !version.at_least(1, 25, 0)) {
        let message = format!(
            "istiod {version} reads no networks from ConfigMap `{name}`, which `SHARED_MESH_CONFIG` names: this `meshNetworks` has no effect"
        );
        let finding = shared
            .finding(&RULE, &path, message)
            .help("set them as `global.meshNetworks` of the control plane: releases before 1.25 share the rest only");
        match own {
            Some((own, (at, _))) => finding.related(own.place(&at), "these are used"),
            None => finding,
        }
    } else {
        let Some((own, (at, _))) = own else { return };
        let message =
            format!("`meshNetworks` of ConfigMap `{name}` hides those of the control plane, which differ");
        shared
            .finding(&RULE, &path, message)
            .related(own.place(&at), "these have no effect")
            .help("remove `meshNetworks` from the shared ConfigMap, or keep them there only")
    };
    findings.push(finding.related(stated.place(), format!("`{name}` is named here")).cluster(&cluster.name));
}

/// The release of the istiod that is told to read it.
fn version(stated: &Stated<'_>) -> Option<Version> {
    let plane = stated.subject.claims.plane.as_ref()?;
    plane.version.as_ref()?.parse().ok()
}

/// The networks themselves: a ConfigMap has them below `networks:`.
fn inner(node: &Node, wrapped: bool) -> &Node {
    node.get("networks").filter(|_| wrapped).unwrap_or(node)
}
