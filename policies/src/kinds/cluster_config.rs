//! Files by which clusters are made, which give addresses to pods and services: kubeadm's `ClusterConfiguration`
//! (kubernetes/kubernetes: `cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go`) and kind's `Cluster`
//! (kubernetes-sigs/kind: `pkg/apis/config/v1alpha4/types.go`).

use super::Kind;
use crate::claim::{At, Claims, Fact};

/// `kubeadm.k8s.io/ClusterConfiguration`.
pub(super) struct ClusterConfiguration;
/// `kind.x-k8s.io/Cluster`.
pub(super) struct KindCluster;

impl Kind for ClusterConfiguration {
    fn group(&self) -> &'static str {
        "kubeadm.k8s.io"
    }

    fn kind(&self) -> &'static str {
        "ClusterConfiguration"
    }

    fn plural(&self) -> &'static str {
        "clusterconfigurations"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        ranges(object, claims);
    }
}

impl Kind for KindCluster {
    fn group(&self) -> &'static str {
        "kind.x-k8s.io"
    }

    fn kind(&self) -> &'static str {
        "Cluster"
    }

    fn plural(&self) -> &'static str {
        "clusters"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        ranges(object, claims);
    }
}

/// Both kinds have the same two fields: with two families of addresses, two ranges joined by a comma.
fn ranges(object: &At<'_>, claims: &mut Claims) {
    for (key, fact) in [("podSubnet", Fact::PodRange), ("serviceSubnet", Fact::ServiceRange)] {
        object.with(&["networking", key], |at| {
            let text = at.text().unwrap_or_default();
            let ranges: Vec<&str> =
                text.split(',').map(str::trim).filter(|range| !range.is_empty()).collect();
            match ranges.as_slice() {
                [only] => claims.add(fact, at, *only),
                several => several.iter().for_each(|range| claims.add_part(fact.clone(), at, *range)),
            }
        });
    }
}
