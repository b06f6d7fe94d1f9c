//! `Node`: the addresses of its pods.

use super::{Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact};

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
        Reach::Lifeline(&[Mark::Expression("has(self.spec) && has(self.spec.podCIDR)")])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.with(&["spec", "podCIDRs"], |ranges| {
            ranges.items().for_each(|range| claims.scalar(Fact::PodRange, Some(range)));
        });
        if claims.list.is_empty() {
            object.claim(&["spec", "podCIDR"], Fact::PodRange, claims);
        }
    }
}
