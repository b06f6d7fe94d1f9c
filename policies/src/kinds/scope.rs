//! What clusters see of each other: hosts that stay within their cluster, and namespaces that istiod sees
//! (istio/istio: `pilot/pkg/model/cluster_local.go`).

use serde_json::{Map, Value};

use crate::claim::{At, Claims, Fact};

/// Claims of `meshConfig`.
pub(super) fn mesh_config(config: &At<'_>, claims: &mut Claims) {
    if let Some(settings) = config.get("serviceSettings") {
        for setting in settings.items() {
            let local = setting.get("settings").and_then(|settings| settings.text_of("clusterLocal"));
            if local.as_deref() != Some("true") {
                continue;
            }
            let Some(hosts) = setting.get("hosts") else { continue };
            hosts.items().for_each(|host| claims.scalar(Fact::ClusterLocalHost, Some(host)));
        }
    }
    if let Some(selectors) = config.get("discoverySelectors") {
        for selector in selectors.items() {
            claims.add(Fact::DiscoverySelector, &selector, selector.to_json().to_string());
        }
    }
}

/// Hosts that a `meshConfig` keeps within its cluster.
pub(crate) fn cluster_local_hosts(config: &Map<String, Value>) -> Vec<String> {
    let mut claims = Claims::default();
    mesh_config(&At::root(config), &mut claims);
    let local = claims.list.into_iter().filter(|claim| claim.fact == Fact::ClusterLocalHost);
    local.map(|claim| claim.value).collect()
}
