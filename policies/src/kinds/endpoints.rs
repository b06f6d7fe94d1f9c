//! `EndpointSlice` and `Endpoints`: where the Service of a remote cluster's istiod leads, made by hand or by the chart
//! (istio/istio@1.31: `manifests/charts/istio-control/istio-discovery/templates/remote-istiod-endpointslices.yaml`; before 1.28
//! `remote-istiod-endpoints.yaml`).

use super::{Audited, Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact, Subject};
use crate::istiod;

/// `discovery.k8s.io/EndpointSlice`.
pub(super) struct EndpointSlice;
/// `v1/Endpoints`.
pub(super) struct Endpoints;

/// The Service whose endpoints are in a slice.
const SERVICE: &str = "kubernetes.io/service-name";
/// Who keeps a slice.
const KEEPER: &str = "endpointslice.kubernetes.io/managed-by";
/// It copies slices from `Endpoints`, which were judged themselves (Kubernetes:
/// `staging/src/k8s.io/endpointslice`, `pkg/controller/endpointslicemirroring`).
const MIRROR: &str = "endpointslicemirroring-controller.k8s.io";

impl Kind for EndpointSlice {
    fn group(&self) -> &'static str {
        "discovery.k8s.io"
    }

    fn kind(&self) -> &'static str {
        "EndpointSlice"
    }

    fn plural(&self) -> &'static str {
        "endpointslices"
    }

    // What Kubernetes keeps itself, for every Service of the cluster, names the pods behind it.
    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression(
            "has(self.metadata.labels) && 'kubernetes.io/service-name' in self.metadata.labels && \
             self.metadata.labels['kubernetes.io/service-name'].startsWith('istiod') && \
             !('endpointslice.kubernetes.io/managed-by' in self.metadata.labels && \
             self.metadata.labels['endpointslice.kubernetes.io/managed-by'] == 'endpointslicemirroring-controller.k8s.io') && \
             has(self.endpoints) && self.endpoints.exists(e, !has(e.targetRef))",
        )])
    }

    fn audited(&self) -> Audited {
        Audited::SystemNamespaces
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let label = |key: &str| object.str_at(&["metadata", "labels", key]);
        let Some(service) = label(SERVICE).filter(|name| istiod::is_service(name)) else { return };
        if label(KEEPER) == Some(MIRROR) {
            return;
        }
        object.with(&["endpoints"], |endpoints| {
            for endpoint in endpoints.items().filter(|endpoint| endpoint.get("targetRef").is_none()) {
                let Some(addresses) = endpoint.get("addresses") else { continue };
                addresses.items().for_each(|address| leads(service, Some(address), claims));
            }
        });
    }
}

impl Kind for Endpoints {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Endpoints"
    }

    fn plural(&self) -> &'static str {
        "endpoints"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression(
            "has(self.metadata.name) && self.metadata.name.startsWith('istiod') && has(self.subsets) && \
             self.subsets.exists(s, has(s.addresses) && s.addresses.exists(a, !has(a.targetRef)))",
        )])
    }

    fn audited(&self) -> Audited {
        Audited::SystemNamespaces
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(service) = object.str_at(&["metadata", "name"]).filter(|name| istiod::is_service(name))
        else {
            return;
        };
        object.with(&["subsets"], |subsets| {
            for subset in subsets.items() {
                let Some(addresses) = subset.get("addresses") else { continue };
                for address in addresses.items().filter(|address| address.get("targetRef").is_none()) {
                    leads(service, address.get("ip"), claims);
                }
            }
        });
    }
}

/// The claim that istiod is at an address or name behind the Service. Another name of a Service within the cluster leads
/// nowhere else.
pub(super) fn leads(service: &str, target: Option<At<'_>>, claims: &mut Claims) {
    let Some(at) = target.filter(|at| !at.str().is_some_and(is_inside)) else { return };
    claims.subject = claims.namespace.clone().map_or(Subject::Here, Subject::Plane);
    claims.scalar(Fact::IstiodEndpoint { service: service.to_owned() }, Some(at));
}

fn is_inside(name: &str) -> bool {
    name.contains(".svc.") || name.ends_with(".svc")
}
