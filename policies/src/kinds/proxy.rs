//! What single proxies are told: variables, annotations, `ProxyConfig` (istio/istio@1.31: `pkg/bootstrap/config.go`,
//! `pilot/pkg/model/proxy_config.go`).

use super::NETWORK_VIEW;
use crate::claim::{At, Claims, Fact, SaidBy};

/// Variable with the network that a proxy takes for its own.
pub(super) const NETWORK: &str = "ISTIO_META_NETWORK";
/// Variable with the cluster ID that a proxy gives itself.
pub(super) const CLUSTER_ID: &str = "ISTIO_META_CLUSTER_ID";
/// Variable with the mesh ID.
pub(super) const MESH_ID: &str = "ISTIO_META_MESH_ID";
/// Variable with the trust domain.
pub(super) const TRUST_DOMAIN: &str = "TRUST_DOMAIN";

/// The fact that a variable of a proxy states; without a workload, of many proxies.
pub(super) fn fact(name: &str, by: SaidBy, workload: &str) -> Option<Fact> {
    Some(match name {
        NETWORK => Fact::WorkloadNetwork { by },
        CLUSTER_ID => Fact::WorkloadClusterId { by },
        MESH_ID => Fact::WorkloadMeshId { by },
        TRUST_DOMAIN => Fact::WorkloadTrustDomain,
        NETWORK_VIEW if workload.is_empty() => Fact::ProxyView,
        NETWORK_VIEW => Fact::NetworkView { gateway: workload.to_owned() },
        _ => return None,
    })
}

/// A map of variables: `proxyMetadata` or `environmentVariables`.
pub(super) fn variables(map: &At<'_>, by: SaidBy, workload: &str, claims: &mut Claims) {
    for (name, at) in map.entries() {
        if let Some(fact) = fact(name, by, workload) {
            claims.scalar(fact, Some(at));
        }
    }
}

/// The document of the annotation `proxy.istio.io/config`.
pub(super) fn annotation(config: &At<'_>, workload: &str, claims: &mut Claims) {
    claims.scalar(Fact::WorkloadMeshId { by: SaidBy::Annotation }, config.get("meshId"));
    claims.scalar(Fact::DiscoveryAddress, config.get("discoveryAddress"));
    if let Some(metadata) = config.get("proxyMetadata") {
        variables(&metadata, SaidBy::Annotation, workload, claims);
    }
}
