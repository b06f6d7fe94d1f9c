//! Workloads outside of pods: `WorkloadEntry`, `WorkloadGroup`, endpoints of a `ServiceEntry` (istio/istio@1.31:
//! `pilot/pkg/serviceregistry/serviceentry/conversion.go`: the field comes before the label).

use super::{Kind, Mark, NETWORK_LABEL, Reach};
use crate::claim::{At, Claims, Fact, SaidBy};
use crate::embedded::PROXY_CONFIG;

/// `networking.istio.io/WorkloadEntry`.
pub(super) struct WorkloadEntry;
/// `networking.istio.io/WorkloadGroup`: the template of entries that register themselves.
pub(super) struct WorkloadGroup;
/// `networking.istio.io/ServiceEntry`.
pub(super) struct ServiceEntry;

const FIELD: Fact = Fact::WorkloadNetwork { by: SaidBy::Field };
const LABEL: Fact = Fact::WorkloadNetwork { by: SaidBy::Label };

impl Kind for WorkloadEntry {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "WorkloadEntry"
    }

    fn plural(&self) -> &'static str {
        "workloadentries"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.claim(&["metadata", "labels", NETWORK_LABEL], LABEL, claims);
        object.with(&["spec"], |spec| entry(spec, claims));
    }
}

impl Kind for WorkloadGroup {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "WorkloadGroup"
    }

    fn plural(&self) -> &'static str {
        "workloadgroups"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.claim(&["spec", "metadata", "labels", NETWORK_LABEL], LABEL, claims);
        // What `istioctl x workload entry configure` tells machines; the variables of cluster, mesh and network it writes itself
        // (istio/istio@1.31: `istioctl/pkg/workload/workload.go`, `createMeshConfig`). They may dial a gateway.
        let mesh_id = || Fact::WorkloadMeshId { by: SaidBy::Annotation };
        object.claim(&["metadata", "annotations", PROXY_CONFIG, "meshId"], mesh_id(), claims);
        object.claim(&["spec", "metadata", "annotations", PROXY_CONFIG, "meshId"], mesh_id(), claims);
        object.with(&["spec", "template"], |template| entry(template, claims));
    }
}

impl Kind for ServiceEntry {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "ServiceEntry"
    }

    fn plural(&self) -> &'static str {
        "serviceentries"
    }

    fn reach(&self) -> Reach {
        Reach::Marked(&[Mark::Expression(
            "has(self.spec) && has(self.spec.endpoints) && self.spec.endpoints.exists(e, has(e.network) || has(e.labels))",
        )])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.with(&["spec", "endpoints"], |list| list.items().for_each(|at| entry(&at, claims)));
    }
}

fn entry(entry: &At<'_>, claims: &mut Claims) {
    claims.scalar(FIELD, entry.get("network"));
    entry.claim(&["labels", NETWORK_LABEL], LABEL, claims);
}
