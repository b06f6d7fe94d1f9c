//! What makes a gateway one between networks, as far as an object says.

use crate::claim::{Claims, Fact};

/// The value of the first claim of a fact.
pub(crate) fn value_of<'a>(claims: &'a Claims, fact: &Fact) -> Option<&'a str> {
    claims.first(fact).map(|claim| claim.value.as_str())
}

/// Whether an object makes a gateway one between networks: by its label, by its view, or by the name of Istio's guides.
pub(crate) fn is_east_west(claims: &Claims, gateway: &str) -> bool {
    let of = || gateway.to_owned();
    value_of(claims, &Fact::GatewayNetwork { gateway: of() }).is_some()
        || value_of(claims, &Fact::NetworkView { gateway: of() }).is_some()
        || value_of(claims, &Fact::GatewayLabel { gateway: of() }) == Some("eastwestgateway")
}
