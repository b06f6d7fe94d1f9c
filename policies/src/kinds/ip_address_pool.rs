//! MetalLB's `IPAddressPool`: where addresses of load balancers come from.

use super::Kind;
use crate::claim::{At, Claims, Fact};

/// `metallb.io/IPAddressPool`.
pub(super) struct IpAddressPool;

impl Kind for IpAddressPool {
    fn group(&self) -> &'static str {
        "metallb.io"
    }

    fn kind(&self) -> &'static str {
        "IPAddressPool"
    }

    fn plural(&self) -> &'static str {
        "ipaddresspools"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(metadata) = object.get("metadata") else { return };
        let name = metadata.text_of("name").unwrap_or_default();
        let Some(spec) = object.get("spec") else { return };
        claims.scalar(Fact::PoolAutoAssign { name: name.clone() }, spec.get("autoAssign"));
        let Some(addresses) = spec.get("addresses").filter(At::is_list) else { return };
        let all: Vec<String> = addresses.items().filter_map(|range| At::text(&range)).collect();
        claims.add(Fact::Pool { name: name.clone() }, &addresses, all.join(","));
        for range in addresses.items() {
            claims.scalar(Fact::PoolRange { name: name.clone() }, Some(range));
        }
    }
}
