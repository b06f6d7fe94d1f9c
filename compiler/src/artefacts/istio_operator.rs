//! The control plane as an `IstioOperator` object or file.

use meshwright_policies::intent::{AppliedBy, InstallMethod};
use meshwright_policies::mesh::{Cluster, Mesh, Role};
use meshwright_policies::version::Minor;
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::istio_values::{
    DEFAULT_NAMESPACE, hub, identity, image_tag, insert_unless_empty, is_hosted, lay_over, mesh_config,
};
use crate::object::Object;

/// `IstioOperator` of a control plane. The platform of a hosted mesh installs its own.
#[derive(Debug)]
pub struct IstioOperatorControlPlane;

impl Artefact for IstioOperatorControlPlane {
    fn name(&self) -> &'static str {
        "istio-operator"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        if cluster.istio.install != InstallMethod::IstioOperator || is_hosted(cluster) {
            return;
        }
        let mut spec = header(cluster, profile(cluster));
        insert_unless_empty(&mut spec, "components", components(cluster));
        insert_unless_empty(&mut spec, "meshConfig", mesh_config(mesh, cluster));
        let mut values = identity(mesh, cluster);
        lay_over(&mut values, &cluster.istio.values);
        insert_unless_empty(&mut spec, "values", values);
        let object = object(cluster, &cluster.with_revision("control-plane"), spec);
        out.protected(root(cluster), Wave::ControlPlane, object);
    }
}

/// Where `IstioOperator` objects of a cluster go: to the operator in it, or into files for `istioctl`.
#[must_use]
pub fn root(cluster: &Cluster) -> Root {
    match cluster.istio.applied_by {
        AppliedBy::Operator => Root::Mesh(cluster.name.clone()),
        AppliedBy::Istioctl => Root::Istioctl(cluster.name.clone()),
    }
}

/// An `IstioOperator` in the system namespace.
#[must_use]
pub fn object(cluster: &Cluster, name: &str, spec: Map<String, Value>) -> Object {
    Object::new("install.istio.io/v1alpha1", "IstioOperator", name)
        .namespace(cluster.system_namespace().as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(spec.into())
}

/// The fields that every `IstioOperator` of a cluster starts with. Another system namespace has to be said here and in
/// `values.global.istioNamespace` (istio/istio@1.26.0: `operator/pkg/component/component.go`).
#[must_use]
pub fn header(cluster: &Cluster, profile: Option<&str>) -> Map<String, Value> {
    let istio = &cluster.istio;
    let mut spec = Map::new();
    if let Some(profile) = profile {
        spec.insert("profile".into(), profile.into());
    }
    if istio.namespace.as_str() != DEFAULT_NAMESPACE {
        spec.insert("namespace".into(), istio.namespace.as_str().into());
    }
    if let Some(revision) = &istio.revision {
        spec.insert("revision".into(), revision.as_str().into());
    }
    if let Some(hub) = hub(cluster) {
        spec.insert("hub".into(), hub.into());
    }
    spec.insert("tag".into(), image_tag(istio).into());
    spec
}

/// A remote's profile was `external` in 1.15 and is `remote` since 1.16 (istio/istio 5d175ffa659).
fn profile(cluster: &Cluster) -> Option<&'static str> {
    match cluster.role {
        Role::Remote { .. } if cluster.istio.version.minor() < Minor(1, 16) => Some("external"),
        Role::Remote { .. } => Some("remote"),
        Role::Primary | Role::HostedWorker => cluster.istio.profile.map(|profile| profile.as_str()),
    }
}

/// The CNI agent when asked for; and no ingress gateway where a shared east-west gateway of that name stands for it.
fn components(cluster: &Cluster) -> Map<String, Value> {
    const INGRESS: &str = "istio-ingressgateway";
    let mut components = Map::new();
    if cluster.istio.cni {
        components.insert("cni".into(), json!({"enabled": true}));
    }
    if cluster.gateways.iter().any(|gateway| gateway.name.as_str() == INGRESS) {
        components.insert("ingressGateways".into(), json!([{"name": INGRESS, "enabled": false}]));
    }
    components
}
