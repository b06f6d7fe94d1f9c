//! MW1209: a member of an Mspider mesh is told another mesh than the mesh and its own control plane say.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW1209: a member of an Mspider mesh is told another mesh than the mesh and its own control plane say.
pub(super) struct MemberOfAnotherMesh;

static RULE: Rule = Rule {
    code: "MW1209",
    name: "member-of-another-mesh",
    severity: Severity::Warning,
    title: "parameters of a MeshCluster are for another mesh than the cluster belongs to",
    docs: include_str!("../../docs/MW1209.md"),
};

/// The parameter with the mesh ID.
const MESH_ID: &str = "global.meshID";

impl Policy for MemberOfAnotherMesh {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let meshes = LazyCell::new(|| meshes(repository));
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let entries = cluster.stated(|_, fact| *fact == Fact::MeshEntries);
            let Some(entry) = entries.first() else { continue };
            // Parameters of several files may be meant for one object.
            let is_one = entries.iter().all(|other| std::ptr::eq(other.subject, entry.subject));
            if !is_one || !entry.subject.unresolved.is_empty() || entry.subject.unknown {
                continue;
            }
            if !by_itself(cluster, entry, findings) {
                by_its_mesh(&meshes, cluster, entry, findings);
            }
        }
    }
}

/// What the cluster's own objects say of their mesh.
fn by_itself(cluster: &Cluster, entry: &Stated<'_>, findings: &mut Findings) -> bool {
    let is_mspiders = |subject: &Manifest| matches!(subject.kind.as_str(), "GlobalMesh" | "MeshCluster");
    let own = cluster.stated(|subject, fact| *fact == Fact::MeshId && !is_mspiders(subject));
    let mut meshes = entry.claim.value.split(',');
    let Some(stated) = own.iter().find(|stated| !meshes.clone().any(|mesh| mesh == stated.claim.value))
    else {
        return false;
    };
    let message = format!(
        "{} has mesh ID `{}`, but its MeshCluster is of `{}`",
        cluster.called(),
        stated.claim.value,
        entry.claim.value
    );
    let only = meshes.next().filter(|_| meshes.next().is_none());
    let help = only.map_or_else(
        || "give both the same mesh ID".to_owned(),
        |mesh| format!("set `{}` to `{mesh}`, or correct the MeshCluster", stated.claim.path),
    );
    findings.push(
        stated
            .finding(&RULE, message)
            .found(&stated.claim.value)
            .related(entry.place(), "the mesh of the parameters")
            .help(help)
            .cluster(&cluster.name),
    );
    true
}

/// Every mesh of the repository, and all of their IDs.
fn meshes(repository: &Repository) -> (Vec<&Manifest>, BTreeSet<String>) {
    let all = repository.clusters.iter().filter(|other| !other.mixed).flat_map(|other| &other.subjects);
    let meshes: Vec<&Manifest> = all.filter(|subject| subject.kind == "GlobalMesh").collect();
    let ids = meshes.iter().flat_map(|mesh| ids(mesh)).collect();
    (meshes, ids)
}

/// The only mesh that counts the cluster among its members, where the parameters are for none that the repository has.
fn by_its_mesh(
    (meshes, all): &(Vec<&Manifest>, BTreeSet<String>),
    cluster: &Cluster,
    entry: &Stated<'_>,
    findings: &mut Findings,
) {
    let members = FieldPath::parse("spec.clusters");
    let counts = |mesh: &&&Manifest| {
        let list = mesh.document.at(&members).into_iter().flat_map(Node::items);
        list.into_iter().any(|name| name.as_str() == Some(entry.subject.name.as_str()))
    };
    let counting: Vec<&&Manifest> = meshes.iter().filter(counts).collect();
    let [mesh] = counting.as_slice() else { return };
    if entry.claim.value.split(',').any(|id| all.contains(id)) {
        return;
    }
    let message = format!(
        "the parameters are for mesh `{}`, but {} is a member of `{}`",
        entry.claim.value,
        cluster.called(),
        mesh.name
    );
    findings.push(
        entry
            .finding(&RULE, message)
            .found(&entry.claim.value)
            .related(mesh.place(&members), format!("`{}` counts it among its clusters", mesh.name))
            .help(format!("set `{}` to `{}`", entry.claim.path, mesh.name))
            .cluster(&cluster.name),
    );
}

/// IDs by which parameters may call a mesh: its name, and what it is told.
fn ids(mesh: &Manifest) -> Vec<String> {
    let params = FieldPath::parse("spec.ownerConfig.controlPlaneParams").key(MESH_ID);
    let told = mesh.claims.list.iter().filter(|claim| claim.fact == Fact::MeshId);
    let mut ids: Vec<String> = told.map(|claim| claim.value.clone()).collect();
    ids.push(mesh.name.clone());
    ids.extend(mesh.document.at(&params).and_then(Node::as_str).map(str::to_owned));
    ids
}
