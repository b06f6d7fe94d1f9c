//! MetalLB's `L2Advertisement` and `BGPAdvertisement`: which pools' addresses are announced, and where. One that names no
//! pool announces all of them (metallb/metallb: `internal/config/config.go`).

use super::Kind;
use crate::claim::{At, Claims, Fact};

/// `metallb.io/L2Advertisement`.
pub(super) struct L2Advertisement;

/// `metallb.io/BGPAdvertisement`.
pub(super) struct BgpAdvertisement;

impl Kind for L2Advertisement {
    fn group(&self) -> &'static str {
        "metallb.io"
    }

    fn kind(&self) -> &'static str {
        "L2Advertisement"
    }

    fn plural(&self) -> &'static str {
        "l2advertisements"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        advertisement(object, claims);
    }
}

impl Kind for BgpAdvertisement {
    fn group(&self) -> &'static str {
        "metallb.io"
    }

    fn kind(&self) -> &'static str {
        "BGPAdvertisement"
    }

    fn plural(&self) -> &'static str {
        "bgpadvertisements"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        advertisement(object, claims);
    }
}

fn advertisement(object: &At<'_>, claims: &mut Claims) {
    let name = object.get("metadata").and_then(|metadata| metadata.text_of("name")).unwrap_or_default();
    let Some(spec) = object.get("spec") else { return };
    let mut list = |key: &str, fact: Fact| {
        let Some(at) = spec.get(key).filter(At::is_list) else { return };
        let items: Vec<String> = at.items().filter_map(|item| item.text()).collect();
        if !items.is_empty() {
            claims.add(fact, &at, items.join(","));
        }
    };
    list("ipAddressPools", Fact::AdvertisedPools { name: name.clone() });
    list("interfaces", Fact::AdvertisedInterfaces { name: name.clone() });
}
