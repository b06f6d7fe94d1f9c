//! Objects that a cluster carries over as they are.

use meshwright_policies::mesh::{self, Cluster, Mesh};
use serde_json::Value;

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::object::Object;
use crate::stage::{group, is_istio_api};

/// Name of the artefact, by which findings about its objects are told where they were written.
pub const NAME: &str = "manifests";

/// What `spec.manifests` names.
#[derive(Debug)]
pub struct Carried;

impl Artefact for Carried {
    fn name(&self) -> &'static str {
        NAME
    }

    fn render_cluster(&self, _mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        for document in cluster.carried.iter().flat_map(mesh::Carried::objects) {
            let Value::Object(map) = document.to_json() else { continue };
            let object = Object::from_map(map);
            out.object(Root::Mesh(cluster.name.clone()), wave(&object), object);
        }
    }
}

/// When an object is applied, by its kind: CRDs before everything that may need them, as kubectl and Helm order them.
fn wave(object: &Object) -> Wave {
    let group = group(object.api_version());
    match (group, object.kind()) {
        ("apiextensions.k8s.io", _) => Wave::Platform,
        ("", "Namespace") | ("metallb.io" | "scheduling.k8s.io" | "storage.k8s.io", _) => Wave::Namespace,
        ("install.istio.io" | "sailoperator.io", _) => Wave::ControlPlane,
        ("helm.toolkit.fluxcd.io", _) => Wave::Gateway,
        ("apps" | "batch" | "autoscaling" | "policy" | "gateway.networking.k8s.io", _) => Wave::Traffic,
        (group, _) if is_istio_api(group) => Wave::Traffic,
        // Without an agent that injects, a pod starts without its sidecar.
        ("", "Pod" | "ReplicationController") => Wave::Traffic,
        _ => Wave::Foundation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::Rendered;
    use crate::stage::Stage;

    #[test]
    fn an_object_is_in_the_part_of_its_kind() {
        use Stage::{Install, Platform, Traffic};
        for (api_version, kind, stage) in [
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition", Platform),
            ("v1", "Namespace", Install),
            ("v1", "ConfigMap", Install),
            ("v1", "Service", Install),
            ("rbac.authorization.k8s.io/v1", "ClusterRole", Install),
            ("install.istio.io/v1alpha1", "IstioOperator", Install),
            ("external-secrets.io/v1", "ExternalSecret", Install),
            ("networking.istio.io/v1", "VirtualService", Traffic),
            ("telemetry.istio.io/v1", "Telemetry", Traffic),
            ("gateway.networking.k8s.io/v1", "HTTPRoute", Traffic),
            ("apps/v1", "Deployment", Traffic),
            ("v1", "Pod", Traffic),
        ] {
            let object = Object::new(api_version, kind, "x");
            let wave = wave(&object);
            let rendered = Rendered { object, wave, protected: false, artefact: NAME };
            assert_eq!(Stage::of(&rendered), stage, "{api_version} {kind}");
        }
    }
}
