//! Sail's `Istio`: istiod's values, typed (istio-ecosystem/sail-operator: `api/v1/istio_types.go`).

use super::{Kind, values};
use crate::claim::{At, Claims};

/// `sailoperator.io/Istio`.
pub(super) struct Istio;

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
        let Some(spec) = object.get("spec") else { return };
        if let Some(values) = spec.get("values") {
            values::istiod(&values, claims);
        }
    }
}
