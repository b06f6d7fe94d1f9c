//! East-west gateways as their cluster runs them; where they are entered is the network's.

use std::collections::BTreeMap;

use meshwright_policies::mesh::Gateway;
use meshwright_policies::names::ObjectName;

use super::Impact::{Changes as Other, Destroys, Disrupts};
use super::keys::keys;
use super::{Changes, Fleets, In};

/// Said where networks are entered.
const KNOWN: &[&str] = &["address", "publicAddress", "port"];

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for (was, is) in fleets.kept() {
        let (before, after) = (by_name(was), by_name(is));
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            let text = format!("east-west gateway `{name}` is no longer rendered");
            changes.cluster(is, Destroys, "east-west-gateway-removed", text);
        }
        for (name, new) in after {
            let Some(old) = before.get(name) else {
                let text = format!("east-west gateway `{name}` is new");
                changes.cluster(is, Other, "east-west-gateway-added", text);
                continue;
            };
            if let Some(keys) = keys(&old.spec, &new.spec, KNOWN) {
                let text = format!("settings of gateway `{name}` change: {keys}");
                changes.cluster(is, Disrupts, "east-west-gateway", text);
            }
        }
    }
}

fn by_name<'a>(of: In<'a>) -> BTreeMap<&'a ObjectName, &'a Gateway> {
    of.1.gateways.iter().map(|gateway| (&gateway.name, gateway)).collect()
}
