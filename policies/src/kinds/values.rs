//! Values of Istio's charts: of istiod (also as `spec.values` of IstioOperator and of Sail's `Istio`) and of gateways
//! (istio/istio: `manifests/charts/istio-control/istio-discovery`, `manifests/charts/gateway`).

use super::{NETWORK_VIEW, mesh_networks, service};
use crate::claim::{At, Claims, Fact};

/// Claims of istiod's values.
pub(super) fn istiod(values: &At<'_>, claims: &mut Claims) {
    if let Some(global) = values.get("global") {
        claims.scalar(Fact::MeshId, global.get("meshID"));
        claims.scalar(Fact::Network, global.get("network"));
        claims.scalar(Fact::TrustDomain, global.get("trustDomain"));
        claims.scalar(Fact::ControlPlaneAddress, global.get("remotePilotAddress"));
        if let Some(multi) = global.get("multiCluster") {
            claims.scalar(Fact::ClusterId, multi.get("clusterName"));
        }
        if let Some(networks) = global.get("meshNetworks") {
            mesh_networks::claims(&networks, claims);
        }
    }
    if let Some(remote) = values.get("istiodRemote") {
        for key in ["injectionPath", "injectionURL"] {
            if let Some(at) = remote.get(key) {
                injection(&at, claims);
            }
        }
    }
    if let Some(config) = values.get("meshConfig") {
        mesh_config(&config, claims);
    }
}

/// `/inject/cluster/<cluster ID>/net/<network ID>` (istio/istio: `pkg/kube/inject/webhook.go`).
pub(super) fn injection(at: &At<'_>, claims: &mut Claims) {
    let path = at.str().and_then(|text| text.split_once("/inject/")).map(|(_, path)| path);
    let mut parts = path.unwrap_or_default().split('/');
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        match key {
            "cluster" => claims.add_part(Fact::ClusterId, at, value),
            "net" => claims.add_part(Fact::Network, at, value),
            _ => {}
        }
    }
}

/// Claims of `meshConfig`.
pub(super) fn mesh_config(config: &At<'_>, claims: &mut Claims) {
    claims.scalar(Fact::TrustDomain, config.get("trustDomain"));
    if let Some(aliases) = config.get("trustDomainAliases") {
        for alias in aliases.items() {
            claims.scalar(Fact::TrustDomainAlias, Some(alias));
        }
    }
    let Some(defaults) = config.get("defaultConfig") else { return };
    claims.scalar(Fact::MeshId, defaults.get("meshId"));
    let Some(metadata) = defaults.get("proxyMetadata") else { return };
    claims.scalar(Fact::Network, metadata.get("ISTIO_META_NETWORK"));
    claims.scalar(Fact::ClusterId, metadata.get("ISTIO_META_CLUSTER_ID"));
    claims.scalar(Fact::MeshId, metadata.get("ISTIO_META_MESH_ID"));
}

/// Claims of the `gateway` chart's values, for a release of that name.
pub(super) fn gateway(values: &At<'_>, release: &str, claims: &mut Claims) {
    let named = values.text_of("name").filter(|name| !name.is_empty());
    let gateway = named.unwrap_or_else(|| release.to_owned());
    if let Some(network) = values.get("networkGateway") {
        claims.scalar(Fact::GatewayNetwork { gateway: gateway.clone() }, Some(network));
    }
    if let Some(labels) = values.get("labels") {
        service::labels(&labels, &gateway, claims);
        claims.scalar(Fact::GatewayLabel { gateway: gateway.clone() }, labels.get("istio"));
    }
    if let Some(env) = values.get("env") {
        claims.scalar(Fact::NetworkView { gateway: gateway.clone() }, env.get(NETWORK_VIEW));
        claims.scalar(Fact::Network, env.get("ISTIO_META_NETWORK"));
    }
    let Some(service) = values.get("service") else { return };
    if let Some(annotations) = service.get("annotations") {
        service::annotations(&annotations, &gateway, claims);
    }
    service::spec(&service, &gateway, claims);
}
