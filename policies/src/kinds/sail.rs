//! The Sail operator's kinds: istiod's and ztunnel's values, typed (istio-ecosystem/sail-operator: `api/v1`). Its `IstioCNI`
//! asserts nothing about a mesh.

use super::{Kind, proxy, values};
use crate::claim::{At, Claims, Fact};

/// `sailoperator.io/Istio`.
pub(super) struct Istio;
/// `sailoperator.io/IstioRevision`: what the operator makes of an `Istio`, or a person by hand.
pub(super) struct IstioRevision;
/// `sailoperator.io/ZTunnel`.
pub(super) struct ZTunnel;

impl Kind for Istio {
    fn group(&self) -> &'static str {
        "sailoperator.io"
    }

    fn kind(&self) -> &'static str {
        "Istio"
    }

    fn plural(&self) -> &'static str {
        "istios"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        istio(object, claims);
    }
}

impl Kind for IstioRevision {
    fn group(&self) -> &'static str {
        "sailoperator.io"
    }

    fn kind(&self) -> &'static str {
        "IstioRevision"
    }

    fn plural(&self) -> &'static str {
        "istiorevisions"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        istio(object, claims);
    }
}

impl Kind for ZTunnel {
    fn group(&self) -> &'static str {
        "sailoperator.io"
    }

    fn kind(&self) -> &'static str {
        "ZTunnel"
    }

    fn plural(&self) -> &'static str {
        "ztunnels"
    }

    /// The chart's top level is below `ztunnel`, `global` and `meshConfig` are beside it (`api/v1/values_types_extra.go`).
    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let Some(values) = spec.get("values") else { return };
        let either = |own: &[&str], shared: &[&str], fact: Fact, claims: &mut Claims| {
            let set = values.text_at(own).is_some_and(|text| !text.is_empty());
            values.claim(if set { own } else { shared }, fact, claims);
        };
        either(&["ztunnel", "network"], &["global", "network"], Fact::Network, claims);
        either(
            &["ztunnel", "multiCluster", "clusterName"],
            &["global", "multiCluster", "clusterName"],
            Fact::ClusterId,
            claims,
        );
        for (name, fact) in [
            ("NETWORK", Fact::Network),
            ("CLUSTER_ID", Fact::ClusterId),
            (proxy::CLUSTER_ID, Fact::ClusterId),
        ] {
            values.claim(&["ztunnel", "env", name], fact, claims);
        }
        values.with(&["meshConfig"], |config| values::mesh_config(config, claims));
    }
}

fn istio(object: &At<'_>, claims: &mut Claims) {
    let Some(spec) = object.get("spec") else { return };
    let mut plane = spec.with(&["values"], |values| {
        values::istiod(values, claims);
        values::plane(values, false)
    });
    let plane = plane.get_or_insert_default();
    if plane.path.0.is_empty() {
        plane.path = spec.path();
    }
    let text = |key: &str| spec.text_of(key).filter(|text| !text.is_empty());
    plane.named_namespace = text("namespace").or(plane.named_namespace.take());
    plane.namespace.clone_from(&plane.named_namespace);
    plane.version = text("version");
    plane.whole = true;
    // The operator tells a remote cluster by the profile of the values alone (`pkg/revision/remote.go`).
    claims.scalar(Fact::Profile, spec.get("profile"));
    plane.is_remote |= text("profile").as_deref() == Some("remote");
    claims.plane = Some(plane.clone());
}
