//! Mspider's `GlobalMesh`: parameters of the hosted control plane, as a flat map of strings or its nested twin.

use super::layers::Layers;
use super::{Kind, values};
use crate::claim::{At, Claims, Fact, Subject};

/// `discovery.mspider.io/GlobalMesh`.
pub(super) struct GlobalMesh;

/// Prefix of flat parameters that become chart values.
const VALUES: &str = "istio.custom_params.values.";

impl Kind for GlobalMesh {
    fn group(&self) -> &'static str {
        "discovery.mspider.io"
    }

    fn kind(&self) -> &'static str {
        "GlobalMesh"
    }

    fn plural(&self) -> &'static str {
        "globalmeshes"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let name = object.text_at(&["metadata", "name"]);
        claims.subject = Subject::Mesh(name.unwrap_or_default());
        object.with(&["spec", "ownerConfig"], |owner| {
            owner.with(&["controlPlaneParams"], |params| flat(params, claims));
            let nested = ["controlPlaneParamsStruct", "istio", "custom_params", "values"];
            owner.with(&nested, |values| values::istiod(values, claims));
        });
    }
}

/// Flat parameters are chart values by their path, as `helm --set` has them.
fn flat(params: &At<'_>, claims: &mut Claims) {
    let mut layers = Layers::default();
    for (key, at) in params.entries() {
        if let Some(key) = key.strip_prefix(VALUES) {
            layers.set(key, &at);
        }
    }
    let before = claims.list.len();
    layers.read(claims, values::istiod);
    // The map of networks is spread over all parameters.
    for claim in claims.list.iter_mut().skip(before).filter(|claim| claim.fact == Fact::MeshNetworks) {
        claim.path = params.path();
    }
}
