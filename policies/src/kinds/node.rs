//! `Node`: the addresses of its pods, and their locality
//! (istio/istio: `pilot/pkg/serviceregistry/kube/controller/controller.go`, `pilot/pkg/serviceregistry/ambient/nodes.go`).

use super::{Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact};

/// Label with the region.
pub(crate) const REGION: &str = "topology.kubernetes.io/region";
/// Label with the zone.
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";

/// `v1/Node`.
pub(super) struct Node;

impl Kind for Node {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Node"
    }

    fn plural(&self) -> &'static str {
        "nodes"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[
            Mark::Expression("has(self.spec) && has(self.spec.podCIDR)"),
            Mark::Label(REGION),
            Mark::Label(ZONE),
            Mark::Label(SUBZONE),
        ])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.with(&["spec", "podCIDRs"], |ranges| {
            ranges.items().for_each(|range| claims.scalar(Fact::PodRange, Some(range)));
        });
        if claims.list.is_empty() {
            object.claim(&["spec", "podCIDR"], Fact::PodRange, claims);
        }
        let node = || object.text_at(&["metadata", "name"]).unwrap_or_default();
        object.with(&["metadata", "labels"], |labels| {
            claims.scalar(Fact::NodeRegion { node: node() }, labels.get(REGION));
            claims.scalar(Fact::NodeZone { node: node() }, labels.get(ZONE));
            claims.scalar(Fact::NodeSubzone { node: node() }, labels.get(SUBZONE));
        });
    }
}
