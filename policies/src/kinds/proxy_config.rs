//! `ProxyConfig`: variables of the proxies that it selects (istio/istio@1.31: `pilot/pkg/model/proxy_config.go`).

use super::{Kind, proxy};
use crate::claim::{At, Claims, Fact, SaidBy};

/// `networking.istio.io/ProxyConfig`.
pub(super) struct ProxyConfig;

impl Kind for ProxyConfig {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "ProxyConfig"
    }

    fn plural(&self) -> &'static str {
        "proxyconfigs"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.with(&["spec", "environmentVariables"], |variables| {
            proxy::variables(variables, SaidBy::ProxyConfig, "", claims);
        });
        // It may select the gateways, which see their own network rightly.
        if object.with(&["spec", "selector"], |_| ()).is_some() {
            claims.list.retain(|claim| claim.fact != Fact::ProxyView);
        }
    }
}
