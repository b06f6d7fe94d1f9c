//! `ConfigMap`: istiod's mesh configuration and networks, and the values of the injector (istio/istio@1.31:
//! `pilot/pkg/bootstrap/mesh.go`, `pkg/kube/inject/inject.go`). Their text was read before: `crate::embedded`.

use super::{Audited, Kind, Mark, Reach, mesh_networks, rewriting, values};
use crate::claim::{At, Claims, Subject};
use crate::embedded::{INJECTOR, is_istiods};

/// `v1/ConfigMap`.
pub(super) struct ConfigMap;

impl Kind for ConfigMap {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "ConfigMap"
    }

    fn plural(&self) -> &'static str {
        "configmaps"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::InSystemNamespace("istio")])
    }

    fn audited(&self) -> Audited {
        Audited::SystemNamespaces
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default();
        rewriting::class_defaults(object, claims);
        let Some(data) = object.get("data") else { return };
        claims.subject = claims.namespace.clone().map_or(Subject::Here, Subject::Plane);
        if is_istiods(&name) {
            data.with(&["mesh"], |mesh| values::mesh_config(mesh, claims));
            data.with(&["meshNetworks"], |document| mesh_networks::document(document, claims));
        } else if name.starts_with(INJECTOR) {
            data.with(&["values"], |values| {
                values::istiod(values, claims);
                // A copy of the chart's values, of which the injector's templates read no `meshNetworks`
                // (istio/istio@1.31: `manifests/charts/istio-control/istio-discovery/files`).
                values::drop_below(claims, &values.path(), "global.meshNetworks");
            });
        }
    }
}
