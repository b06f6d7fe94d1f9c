//! MW1203: two clusters are given one cluster ID.

use std::collections::BTreeMap;

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW1203: two clusters are given one cluster ID.
pub(super) struct RepeatedClusterId;

static RULE: Rule = Rule {
    code: "MW1203",
    name: "repeated-cluster-id",
    severity: Severity::Error,
    title: "two clusters are given one cluster ID",
    docs: include_str!("../../docs/MW1203.md"),
};

impl Policy for RepeatedClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut meshes = BTreeMap::new();
        for (number, mesh) in repository.meshes().into_iter().enumerate() {
            meshes.extend(mesh.into_iter().map(|cluster| ((&cluster.scope, &cluster.name), number)));
        }
        let mesh_of = |cluster: &Cluster| meshes.get(&(&cluster.scope, &cluster.name)).copied();
        for (id, clusters) in repository.by_cluster_id() {
            let mut before: Vec<&Cluster> = Vec::new();
            for b in clusters.into_iter().filter(|cluster| cluster.is_comparable()) {
                // Variants of one cluster for two environments share everything but an address.
                let one_fleet = |a: &Cluster| {
                    a.fleet && b.fleet || mesh_of(a).is_some_and(|mesh| mesh_of(b) == Some(mesh))
                };
                let same = |a: &&&Cluster| a.name != b.name && one_mesh(a, b) && one_fleet(a);
                match before.iter().find(same) {
                    Some(a) => report(a, b, id, findings),
                    None => before.push(b),
                }
            }
        }
        for mesh in repository.meshes() {
            without_id(&mesh, findings);
        }
    }
}

/// Clusters of one mesh whose istiods are told no ID: each calls its own `Kubernetes` (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`).
fn without_id(mesh: &[&Cluster], findings: &mut Findings) {
    let says = |fact: &Fact| match fact {
        Fact::ClusterId => true,
        Fact::IstiodVariable { name } => name == "CLUSTER_ID",
        _ => false,
    };
    let nameless = mesh.iter().filter(|cluster| cluster.stated(|_, fact| says(fact)).is_empty());
    let mut nameless = nameless.filter_map(|cluster| Some((*cluster, found::whole_istiod(cluster)?)));
    let Some((first, there)) = nameless.next() else { return };
    for (cluster, place) in nameless {
        let message = format!(
            "{} is given no cluster ID, like {}: istiod calls both `Kubernetes`, and reads one of two such clusters only",
            cluster.called(),
            first.called()
        );
        findings.push(
            RULE.at(place, message)
                .related(there.clone(), format!("{} is given none here", first.called()))
                .help("give each cluster an ID of its own: `global.multiCluster.clusterName`")
                .cluster(&cluster.name),
        );
    }
}

fn one_mesh(a: &Cluster, b: &Cluster) -> bool {
    match (a.mesh_id(), b.mesh_id()) {
        (Some(a), Some(b)) => a == b,
        _ => a.fleet && b.fleet,
    }
}

fn report(a: &Cluster, b: &Cluster, id: &str, findings: &mut Findings) {
    let (stated, first) = (b.identities(&Fact::ClusterId), a.identities(&Fact::ClusterId));
    let (Some(stated), Some(first)) = (stated.first(), first.first()) else { return };
    let message =
        format!("cluster ID `{id}` is given to {}, but it is the one of {}", b.called(), a.called());
    let finding = stated.finding(&RULE, message).found(id);
    findings.push(
        finding
            .related(first.place(), format!("{} has it too", a.called()))
            .help("give each cluster its own ID, in its values, injection path and remote secrets alike")
            .cluster(&b.name),
    );
}
