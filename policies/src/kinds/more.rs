//! Claims of kinds that admission leaves alone: istiod's ConfigMap, whose YAML the reader has put in place of its text,
//! and the webhook that injects proxies.

use serde_json::{Map, Value};

use super::{mesh_networks, values};
use crate::claim::{At, Claims};

pub(super) fn claims(object: &Map<String, Value>) -> Claims {
    let at = At::root(object);
    let kind = at.text_of("kind").unwrap_or_default();
    let Some(metadata) = at.get("metadata") else { return Claims::default() };
    let name = metadata.text_of("name").unwrap_or_default();
    let reference = match metadata.text_of("namespace") {
        Some(namespace) => format!("{kind}/{namespace}/{name}"),
        None => format!("{kind}/{name}"),
    };
    let mut claims = Claims { object: reference, ..Claims::default() };
    match kind.as_str() {
        "ConfigMap" => config_map(&at, &mut claims),
        "MutatingWebhookConfiguration" => webhooks(&at, &mut claims),
        _ => {}
    }
    claims
}

/// `mesh` and `meshNetworks` of ConfigMap `istio[-<revision>]` (istio/istio@1.30: `pilot/pkg/bootstrap/mesh.go`).
fn config_map(at: &At<'_>, claims: &mut Claims) {
    let Some(data) = at.get("data") else { return };
    if let Some(mesh) = data.get("mesh") {
        values::mesh_config(&mesh, claims);
    }
    let Some(document) = data.get("meshNetworks") else { return };
    let Some(networks) = document.get("networks") else { return };
    mesh_networks::claims(&networks, claims);
}

/// `/inject/cluster/<cluster ID>/net/<network ID>` in the URL or path of the sidecar injector.
fn webhooks(at: &At<'_>, claims: &mut Claims) {
    let Some(webhooks) = at.get("webhooks") else { return };
    for webhook in webhooks.items() {
        let Some(config) = webhook.get("clientConfig") else { continue };
        if let Some(url) = config.get("url") {
            values::injection(&url, claims);
        }
        let Some(service) = config.get("service") else { continue };
        if let Some(path) = service.get("path") {
            values::injection(&path, claims);
        }
    }
}
