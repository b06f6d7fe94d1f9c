//! `Namespace`: the network and the leading control planes of a cluster, at its system namespace
//! (istio/istio: `pilot/pkg/serviceregistry/kube/controller/network.go`, `multicluster.go`).

use super::{Kind, Mark, NETWORK_LABEL, Reach};
use crate::claim::{At, Claims, Fact};

/// `v1/Namespace`.
pub(super) struct Namespace;

const LEADING: &str = "topology.istio.io/controlPlaneClusters";

impl Kind for Namespace {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Namespace"
    }

    fn plural(&self) -> &'static str {
        "namespaces"
    }

    fn reach(&self) -> Reach {
        Reach::SystemNamespace(&[Mark::Label(NETWORK_LABEL), Mark::Annotation(LEADING)])
    }

    // Both take new labels and annotations (Kubernetes: `pkg/registry/core/namespace/strategy.go`).
    fn subresources(&self) -> &'static [&'static str] {
        &["status", "finalize"]
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(metadata) = object.get("metadata") else { return };
        let namespace = metadata.text_of("name").unwrap_or_default();
        if let Some(labels) = metadata.get("labels") {
            let fact = Fact::NamespaceNetwork { namespace: namespace.clone() };
            claims.scalar(fact, labels.get(NETWORK_LABEL));
        }
        if let Some(annotations) = metadata.get("annotations") {
            claims.scalar(Fact::LeadingClusters { namespace }, annotations.get(LEADING));
        }
    }
}
