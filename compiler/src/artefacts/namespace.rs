//! Namespaces: Istio's own with the network label, and the declared ones.

use meshwright_policies::intent::{Injection, InstallMethod, NamespaceSpec};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::version::Minor;

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::artefacts::sail::CNI_NAMESPACE;
use crate::gateway_service::NETWORK_LABEL;
use crate::istio_values::is_hosted;
use crate::object::Object;

/// `Namespace` objects.
#[derive(Debug)]
pub struct Namespace;

impl Artefact for Namespace {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let root = Root::Mesh(cluster.name.clone());
        let system = system_namespace(mesh, cluster);
        out.protected(root.clone(), Wave::Namespace, system);
        let declared = cluster.spec.namespaces.iter();
        for spec in declared.filter(|spec| spec.name != *cluster.system_namespace()) {
            out.object(root.clone(), Wave::Namespace, with_declared(base(spec.name.as_str()), cluster, spec));
        }
        let sail_cni =
            cluster.istio.install == InstallMethod::Sail && cluster.istio.cni && !is_hosted(cluster);
        if sail_cni && !cluster.spec.namespaces.iter().any(|spec| spec.name.as_str() == CNI_NAMESPACE) {
            out.object(root, Wave::Namespace, base(CNI_NAMESPACE));
        }
    }
}

fn base(name: &str) -> Object {
    Object::new("v1", "Namespace", name).label("app.kubernetes.io/managed-by", "meshwright")
}

/// The system namespace. Its network label says for all pods of the cluster which network they are on, wherever neither
/// they nor their injection say (istio/istio@1.15.3: `pilot/pkg/serviceregistry/kube/controller/network.go`); its
/// annotation names the cluster IDs whose istiod may lead this cluster, since 1.15 (istio/istio e9c0eefb851).
fn system_namespace(mesh: &Mesh, cluster: &Cluster) -> Object {
    let mut object = base(cluster.system_namespace().as_str());
    let declared = cluster.spec.namespaces.iter().find(|spec| spec.name == *cluster.system_namespace());
    if let Some(spec) = declared {
        object = with_declared(object, cluster, spec);
    }
    // A host without workloads has a network of its own, which those of the workloads are told from.
    if mesh.is_multi_network() || mesh.clusters.values().any(|cluster| mesh.only_hosts(cluster)) {
        object = object.label(NETWORK_LABEL, cluster.network.as_str());
    }
    let primary = mesh.serving(cluster).filter(|_| !is_hosted(cluster));
    match primary {
        Some(primary) if cluster.istio.version.minor() >= Minor(1, 15) => {
            object.annotation("topology.istio.io/controlPlaneClusters", primary.id.as_str())
        }
        _ => object,
    }
}

/// Adds what a declared namespace asks for. The injection label follows the control plane's revision: `istio-injection`
/// means the default revision, and beside `istio.io/rev` it would win.
fn with_declared(mut object: Object, cluster: &Cluster, spec: &NamespaceSpec) -> Object {
    object = match (spec.injection, &cluster.istio.revision) {
        (Injection::Unset, _) => object,
        (Injection::Enabled, None) => object.label("istio-injection", "enabled"),
        (Injection::Enabled, Some(revision)) => object.label("istio.io/rev", revision.as_str()),
        (Injection::Disabled, _) => object.label("istio-injection", "disabled"),
    };
    for (key, value) in &spec.labels {
        object = object.label(key, value);
    }
    for (key, value) in &spec.annotations {
        object = object.annotation(key, value);
    }
    object
}
