//! MW5001: the control plane runs in a cluster that the mesh does not have.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::ControlPlane;
use crate::mesh::Mesh;
use crate::names::ClusterName;
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::suggest::did_you_mean;

/// MW5001: the control plane runs in a cluster that the mesh does not have.
#[derive(Debug)]
pub(super) struct UnknownControlPlaneCluster;

static RULE: Rule = Rule {
    code: "MW5001",
    name: "unknown-control-plane-cluster",
    severity: Severity::Error,
    title: "the control plane runs in a cluster that the mesh does not have",
    docs: include_str!("../../docs/MW5001.md"),
};

impl Policy for UnknownControlPlaneCluster {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let place = |path: FieldPath| mesh.written.place(path);
        match &mesh.spec.control_plane {
            ControlPlane::MultiPrimary(_) => {}
            ControlPlane::Hosted(hosted) => {
                check(
                    mesh,
                    &hosted.cluster,
                    place(FieldPath::parse("spec.controlPlane.hosted.cluster")),
                    findings,
                );
            }
            ControlPlane::PrimaryRemote(shape) => {
                let list = FieldPath::parse("spec.controlPlane.primaryRemote.primaries");
                if shape.primaries.is_empty() {
                    let message = format!("mesh `{}` has no primary: nobody runs istiod", mesh.name);
                    let names: Vec<_> = mesh.clusters.keys().map(|name| format!("`{name}`")).collect();
                    let help =
                        format!("list the clusters that run istiod; the mesh has {}", names.join(", "));
                    findings.push(RULE.at(place(list.clone()), message).help(help));
                }
                for (index, primary) in shape.primaries.iter().enumerate() {
                    check(mesh, primary, place(list.clone().index(index)), findings);
                }
            }
        }
    }
}

fn check(mesh: &Mesh, name: &ClusterName, place: Place, findings: &mut Findings) {
    if mesh.clusters.contains_key(name) || mesh.unread.clusters.contains(name.as_str()) {
        return;
    }
    let message = format!("the control plane runs in `{name}`, which is no cluster of mesh `{}`", mesh.name);
    let known = mesh.clusters.keys().map(ClusterName::as_str);
    let help =
        did_you_mean(name.as_str(), known, || format!("declare cluster `{name}` with `mesh: {}`", mesh.name));
    findings.push(RULE.at(place, message).found(name).help(help));
}
