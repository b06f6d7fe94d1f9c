//! `localityLbSetting`: failover between regions, of one service in a `DestinationRule` and of all in the mesh configuration
//! (istio/istio@1.31: `pkg/config/validation/agent/validation.go`, `ValidateLocalityLbSetting`).

use crate::claim::{At, Claims, Fact, MESH_CONFIG};

/// Claims of the mesh configuration. Rules that it does not know may detect outliers.
pub(super) fn mesh_config(config: &At<'_>, claims: &mut Claims) {
    for key in ["localityLbSetting", "locality_lb_setting"] {
        if let Some(setting) = config.get(key).filter(is_on) {
            pairs(&setting, MESH_CONFIG, claims);
        }
    }
}

/// Whether it is not switched off.
pub(super) fn is_on(setting: &At<'_>) -> bool {
    setting.text_of("enabled").as_deref() != Some("false")
}

/// Claims of the regions between which `host` fails over.
pub(super) fn pairs(setting: &At<'_>, host: &str, claims: &mut Claims) {
    let Some(pairs) = setting.get("failover") else { return };
    for pair in pairs.items() {
        for key in ["from", "to"] {
            claims.scalar(Fact::FailoverRegion { host: host.to_owned() }, pair.get(key));
        }
    }
}
