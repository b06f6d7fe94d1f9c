//! Addresses that cannot all be right: the manifests claim them, and what they claim is refused.

use meshwright_policies::node::{FieldPath, Step};
use serde_json::{Map, Value as Json};

use super::draft::{Document, Draft, MeshDraft};
use super::node::set;
use super::raw::Refused;
use crate::compile::Loaded;

/// Codes whose finding points at an address that is wrong by itself: an address outside the pools, a local address.
const WRONG: &[&str] = &["MW3003", "MW3012"];
/// The code of an address that two services would have. Which of them is right is clearer once the wrong ones are gone.
const SHARED: &[&str] = &["MW3002"];

/// The code of a gateway that `meshNetworks` has to announce and whose address nothing tells any more.
const UNKNOWN: &str = "MW2003";

/// Takes out the addresses that are refused. Whether any was.
pub(super) fn settle(draft: &mut Draft, loaded: &Loaded, refused: &[Refused]) -> bool {
    let mut any = false;
    let wrong = refused.iter().any(|one| WRONG.contains(&one.code));
    let shared = refused.iter().any(|one| SHARED.contains(&one.code));
    let codes = if wrong { WRONG } else { SHARED };
    if !wrong && !shared {
        return by_label(draft, loaded, refused);
    }
    for one in refused.iter().filter(|one| codes.contains(&one.code)) {
        let within = |document: &meshwright_policies::node::Node| {
            let (own, at) = (document.span, one.span);
            own.file == at.file && own.start <= at.start && at.end <= own.end
        };
        let mut found = None;
        for mesh in loaded.fleet.meshes.values() {
            let network = mesh.networks.values().find(|network| within(&network.written.document));
            let cluster = mesh.clusters.values().find(|cluster| {
                // The effective document spans several files; its own name is where it is written itself.
                cluster.written.name().span.file == one.span.file
            });
            let network = network.map(|network| (true, network.id.to_string()));
            let named = network.or_else(|| cluster.map(|cluster| (false, cluster.name.to_string())));
            found = found.or(named.map(|named| (mesh.name.to_string(), named)));
        }
        let Some((mesh, (is_network, name))) = found else { continue };
        let Some(mesh) = draft.meshes.get_mut(&mesh) else { continue };
        let document = if is_network {
            mesh.networks.get_mut(&name)
        } else {
            mesh.clusters.get_mut(&name).map(|cluster| &mut cluster.document)
        };
        if let Some(document) = document
            && let Some(value) = take(document, &one.path)
        {
            let what = if is_network { "network" } else { "cluster" };
            let below = FieldPath(one.path.0.iter().skip(1).cloned().collect()).to_string();
            if is_network && document.spec.get("gateways").and_then(Json::as_array).is_some_and(Vec::is_empty)
            {
                // Nothing is left to announce: the gateway is found by its label.
                document.spec.shift_remove("gateways");
                document.spec.insert("gatewayDiscovery".into(), "labels".into());
            }
            document.comment(&below, format!("also claimed: {value}; left out, since {}", one.why));
            if !is_network && below == EAST_WEST {
                announced_instead(mesh, &name);
            }
            draft.contradictions.push(format!("{what} `{name}`: {value} is left out: {}", one.why));
            any = true;
        }
    }
    any
}

/// Has gateways without an address found by their label. Whether there were any.
fn by_label(draft: &mut Draft, loaded: &Loaded, refused: &[Refused]) -> bool {
    let mut any = false;
    for one in refused.iter().filter(|one| one.code == UNKNOWN) {
        let clusters = loaded.fleet.clusters();
        let mut own = clusters.filter(|(_, cluster)| cluster.written.name().span.file == one.span.file);
        let Some((mesh, cluster)) = own.next() else { continue };
        let Some(mesh) = draft.meshes.get_mut(mesh.name.as_str()) else { continue };
        let Some(network) = mesh.networks.get_mut(cluster.network.as_str()) else { continue };
        if network.spec.get("gatewayDiscovery").and_then(Json::as_str) == Some("labels") {
            continue;
        }
        network.spec.shift_remove("gateways");
        network.spec.insert("gatewayDiscovery".into(), "labels".into());
        let why = format!(
            "the address of the gateway of {} is not known, so that meshNetworks cannot announce it: it is found by its \
             label",
            cluster.name
        );
        network.comment("gatewayDiscovery", &why);
        draft.contradictions.push(format!("network `{}`: {why}", cluster.network));
        any = true;
    }
    any
}

const EAST_WEST: &str = "loadBalancer.addresses.eastWest";

/// What is announced of a cluster's gateway is its address, once the one that its Service asks for is found to be wrong.
fn announced_instead(mesh: &mut MeshDraft, cluster: &str) {
    let Some(draft) = mesh.clusters.get_mut(cluster) else { return };
    let network = draft.document.spec.get("network").and_then(Json::as_str).unwrap_or_default();
    let Some(network) = mesh.networks.get_mut(network) else { return };
    let Some(Json::Array(items)) = network.spec.get_mut("gateways") else { return };
    let own = |item: &&mut Json| {
        item.get("cluster").and_then(Json::as_str) == Some(cluster) && item.get("gateway").is_none()
    };
    let Some(Json::Object(item)) = items.iter_mut().find(own) else { return };
    let Some(address) = item.shift_remove("address") else { return };
    set(&mut draft.document.spec, &["loadBalancer", "addresses", "eastWest"], address);
    if items.len() == 1 && items.iter().all(|item| item.as_object().is_some_and(|item| item.len() == 1)) {
        network.spec.shift_remove("gateways");
    }
}

/// Takes out a value below `spec`; of a list of entries, the whole entry.
fn take(document: &mut Document, path: &FieldPath) -> Option<String> {
    let steps = path.0.strip_prefix(&[Step::Key("spec".to_owned())])?;
    let first = match steps.first() {
        Some(Step::Key(key)) => key.as_str(),
        _ => return None,
    };
    if !matches!(first, "loadBalancer" | "gateways" | "eastWestGateways") {
        return None;
    }
    let taken = take_below(&mut document.spec, first, steps);
    // An address that was the only one leaves empty maps.
    if let Some(Json::Object(balancer)) = document.spec.get_mut("loadBalancer") {
        balancer.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
        if balancer.is_empty() {
            document.spec.shift_remove("loadBalancer");
        }
    }
    taken
}

fn take_below(spec: &mut Map<String, Json>, first: &str, steps: &[Step]) -> Option<String> {
    let mut value = spec.get_mut(first)?;
    let mut rest = steps.get(1..)?;
    while let [step, more @ ..] = rest {
        let last = more.is_empty();
        match (step, value) {
            (Step::Key(key), Json::Object(map)) if last => {
                return map
                    .shift_remove(key)
                    .map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            }
            (Step::Key(key), Json::Object(map)) => value = map.get_mut(key)?,
            (Step::Index(index), Json::Array(items)) if first == "gateways" => {
                let entry = (*index < items.len()).then(|| items.remove(*index))?;
                let address = entry.get("address").and_then(Json::as_str);
                return Some(address.map_or_else(|| entry.to_string(), str::to_owned));
            }
            (Step::Index(index), Json::Array(items)) => value = items.get_mut(*index)?,
            _ => return None,
        }
        rest = more;
    }
    None
}
