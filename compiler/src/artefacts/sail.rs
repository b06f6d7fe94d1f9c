//! The control plane by the Sail operator.

use meshwright_policies::intent::{InstallMethod, Profile};
use meshwright_policies::mesh::{Cluster, Mesh, Role};
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::istio_values::{chart_values, images, insert_unless_empty, is_hosted, release};
use crate::object::Object;

/// The namespace that Sail's guide gives to the CNI agent.
pub const CNI_NAMESPACE: &str = "istio-cni";

/// `Istio` and `IstioCNI` of the Sail operator.
#[derive(Debug)]
pub struct SailControlPlane;

impl Artefact for SailControlPlane {
    fn name(&self) -> &'static str {
        "sail"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        if cluster.istio.install != InstallMethod::Sail || is_hosted(cluster) {
            return;
        }
        let root = Root::Mesh(cluster.name.clone());
        if cluster.istio.cni {
            out.object(root.clone(), Wave::Foundation, istio_cni(cluster));
        }
        out.protected(root, Wave::ControlPlane, istio(mesh, cluster));
    }
}

/// An object of the operator. Its name is the revision: an `Istio` called `default` has none.
fn sail_object(kind: &str, name: &str) -> Object {
    Object::new("sailoperator.io/v1", kind, name).label("app.kubernetes.io/managed-by", "meshwright")
}

fn istio(mesh: &Mesh, cluster: &Cluster) -> Object {
    let mut spec = versioned(cluster, cluster.system_namespace().as_str());
    if let Some(profile) = profile(cluster) {
        spec.insert("profile".into(), profile.into());
    }
    insert_unless_empty(&mut spec, "values", chart_values(mesh, cluster));
    let name = cluster.istio.revision.as_ref().map_or("default", |revision| revision.as_str());
    sail_object("Istio", name).spec(spec.into())
}

/// The agent's object must be called `default`: a cluster has one.
fn istio_cni(cluster: &Cluster) -> Object {
    let mut spec = versioned(cluster, CNI_NAMESPACE);
    if let Some(profile) = cluster.istio.profile.and_then(primary_profile) {
        spec.insert("profile".into(), profile.into());
    }
    let mut global = Map::new();
    images(cluster, &mut global);
    if !global.is_empty() {
        spec.insert("values".into(), json!({"global": global}));
    }
    sail_object("IstioCNI", "default").spec(spec.into())
}

fn versioned(cluster: &Cluster, namespace: &str) -> Map<String, Value> {
    let mut spec = Map::new();
    spec.insert("version".into(), format!("v{}", release(&cluster.istio)).into());
    spec.insert("namespace".into(), namespace.into());
    spec
}

/// The operator tells a remote by the profile alone (sail-operator: `pkg/revision/remote.go`).
fn profile(cluster: &Cluster) -> Option<&'static str> {
    match cluster.role {
        Role::Remote { .. } => Some("remote"),
        Role::Primary | Role::HostedWorker => cluster.istio.profile.and_then(primary_profile),
    }
}

/// Sail has no `minimal`: it never installs gateways, which is all that profile leaves out.
fn primary_profile(profile: Profile) -> Option<&'static str> {
    (profile != Profile::Minimal).then(|| profile.as_str())
}
