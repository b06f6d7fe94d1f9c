//! Values of Istio's charts: of istiod (also as `spec.values` of IstioOperator and of Sail's `Istio`), of gateways and of
//! ztunnel (istio/istio: `manifests/charts/istio-control/istio-discovery`, `manifests/charts/gateway`,
//! `manifests/charts/ztunnel`).

use super::{NETWORK_VIEW, locality, mesh_networks, proxy, rewriting, scope, service};
use crate::chart_keys::Chart;
use crate::claim::{At, Claims, Fact, ISTIOD_VARIABLES, Plane, SaidBy};
use crate::node::Step;

/// Keys that only istiod's values have. Many charts have a `global`, and some a `network` in it.
const ISTIOD: &[&[&str]] = &[
    &["global", "multiCluster"],
    &["global", "meshID"],
    &["global", "meshNetworks"],
    &["global", "istioNamespace"],
    &["global", "remotePilotAddress"],
    &["istiodRemote"],
    &["meshConfig"],
];

/// Keys that only values of the gateway chart have.
const GATEWAY: &[&[&str]] = &[&["networkGateway"], &["env", NETWORK_VIEW]];

/// Keys that only values of the ztunnel chart have: its network and its cluster are at the top level.
const ZTUNNEL: &[&[&str]] = &[&["multiCluster", "clusterName"]];

/// Which of Istio's charts values are for, by keys that no other chart has.
#[must_use]
pub(super) fn chart_of(values: &At<'_>) -> Option<Chart> {
    let has = |keys: &[&[&str]]| keys.iter().any(|key| values.with(key, |_| ()).is_some());
    if has(ISTIOD) {
        Some(Chart::Istiod)
    } else if has(GATEWAY) {
        Some(Chart::Gateway)
    } else if has(ZTUNNEL) {
        Some(Chart::Ztunnel)
    } else {
        None
    }
}

/// The chart of that name; in a registry it is the last part of a path.
pub(super) fn chart_named(name: &str) -> Option<Chart> {
    Chart::named(name.rsplit('/').next().unwrap_or(name))
}

/// Whether values below this key make a chart that is called like one of Istio's, such as the directory `./charts/istiod`, a
/// wrapper. Istio's own charts have no such map, but for the keys `base` and `cni` of some releases.
pub(crate) fn is_subchart(key: &str) -> bool {
    Chart::named(key).is_some_and(|chart| !matches!(chart, Chart::Base | Chart::Cni))
}

/// Claims of a chart's values, for a release of that name. The values of a wrapper chart hold those of each dependency
/// below its name (helm.sh, "Subcharts and Global Values"); its `global` is theirs too.
pub(super) fn of_chart(chart: &str, values: &At<'_>, release: &str, claims: &mut Claims) {
    let is_wrapper =
        chart.contains('/') && values.entries().any(|(key, below)| is_subchart(key) && below.is_map());
    let named = chart_named(chart).filter(|_| !is_wrapper);
    if let Some(chart) = named.or_else(|| chart_of(values)) {
        of(chart, values, release, claims);
        return;
    }
    for (key, values) in values.entries() {
        if let Some(chart) = chart_named(key).or_else(|| chart_of(&values)) {
            of(chart, &values, key, claims);
        }
    }
}

/// Claims of the values of one of Istio's charts.
pub(super) fn of(chart: Chart, values: &At<'_>, release: &str, claims: &mut Claims) {
    match chart {
        Chart::Base => istiod(values, claims),
        Chart::Istiod | Chart::IstiodRemote | Chart::Operator => {
            istiod(values, claims);
            rewriting::injection_templates(values, claims);
            claims.plane = Some(plane(values, chart == Chart::IstiodRemote));
        }
        Chart::Gateway => gateway(values, release, claims),
        Chart::Ztunnel => ztunnel(values, claims),
        Chart::Cni | Chart::IstioIngress => {}
    }
}

/// Claims of istiod's values.
pub(super) fn istiod(values: &At<'_>, claims: &mut Claims) {
    if let Some(global) = values.get("global") {
        self::global(&global, claims);
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
    // What is below `pilot` is laid over the top (`templates/zzy_descope_legacy.yaml`); before 1.24 there is only that.
    let pilot = values.get("pilot");
    let over = pilot.as_ref().and_then(|pilot| pilot.get("env"));
    for name in ISTIOD_VARIABLES {
        let fact = || Fact::IstiodVariable { name: (*name).to_owned() };
        let own = over.as_ref().and_then(|env| env.get(name));
        match own {
            Some(at) => claims.scalar(fact(), Some(at)),
            None => {
                values.with(&["env", name], |at| claims.scalar(fact(), Some(*at)));
            }
        }
    }
    claims.scalar(Fact::Profile, values.get("profile"));
}

/// Claims of `global`, which charts share.
fn global(global: &At<'_>, claims: &mut Claims) {
    claims.scalar(Fact::MeshId, global.get("meshID"));
    claims.scalar(Fact::Network, global.get("network"));
    claims.scalar(Fact::TrustDomain, global.get("trustDomain"));
    claims.scalar(Fact::ControlPlaneAddress, global.get("remotePilotAddress"));
    claims.scalar(Fact::ExternalIstiod, global.get("externalIstiod"));
    global.claim(&["multiCluster", "clusterName"], Fact::ClusterId, claims);
    if let Some(networks) = global.get("meshNetworks") {
        mesh_networks::claims(&networks, claims);
    }
}

/// The control plane that istiod's values install.
pub(super) fn plane(values: &At<'_>, is_remote: bool) -> Plane {
    let profile = values.text_of("profile");
    let enabled = values.text_at(&["istiodRemote", "enabled"]).is_some_and(|text| text == "true");
    let text = |keys: &[&str]| values.text_at(keys).filter(|text| !text.is_empty());
    let remote = |key: &str| text(&["istiodRemote", key]);
    Plane {
        path: values.path(),
        namespace: text(&["global", "istioNamespace"]),
        named_namespace: text(&["global", "istioNamespace"]),
        release_namespace: None,
        revision: text(&["revision"]),
        version: None,
        is_remote: is_remote || enabled || profile.as_deref() == Some("remote"),
        whole: true,
        injects_locally: remote("enabledLocalInjectorIstiod").as_deref() == Some("true"),
        injects_by_default: remote("injectionPath").or_else(|| remote("injectionURL")).is_none(),
    }
}

/// `/inject/cluster/<cluster ID>/net/<network ID>` (istio/istio@1.31: `pkg/kube/inject/webhook.go`), `:ENV:` with `=`
/// in older URLs, `--slash--` for a slash in a value.
pub(super) fn injection(at: &At<'_>, claims: &mut Claims) {
    let Some(text) = at.str() else { return };
    let Some(path) = injection_path(text) else { return };
    claims.add(Fact::InjectionPath, at, text);
    let path = path.trim_start_matches('/');
    if path.starts_with(":ENV:") {
        for pair in path.split(":ENV:").skip(1) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            injected(key, value, at, claims);
        }
        return;
    }
    let mut parts = path.trim_end_matches('/').split('/');
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        injected(key, &value.replace("--slash--", "/"), at, claims);
    }
}

/// What follows `/inject` as a step of a path; other programs inject at `/inject-sidecar`.
fn injection_path(text: &str) -> Option<&str> {
    let (_, path) = text.split_once("/inject")?;
    (path.is_empty() || path.starts_with(['/', ':', '?'])).then_some(path)
}

/// Whether an injection path says a cluster or a network, as none but Istio's does.
pub(super) fn names_cluster(at: &At<'_>) -> bool {
    let path = at.str().and_then(injection_path).unwrap_or_default();
    [":ENV:", "/cluster/", "/net/"].iter().any(|mark| path.contains(mark))
}

fn injected(key: &str, value: &str, at: &At<'_>, claims: &mut Claims) {
    if value.is_empty() {
        return;
    }
    match key {
        "cluster" => claims.add_part(Fact::ClusterId, at, value),
        "net" => claims.add_part(Fact::Network, at, value),
        _ => {}
    }
}

/// Claims of `meshConfig`.
pub(super) fn mesh_config(config: &At<'_>, claims: &mut Claims) {
    scope::mesh_config(config, claims);
    locality::mesh_config(config, claims);
    claims.scalar(Fact::TrustDomain, config.get("trustDomain"));
    if let Some(aliases) = config.get("trustDomainAliases") {
        for alias in aliases.items() {
            claims.scalar(Fact::TrustDomainAlias, Some(alias));
        }
    }
    let Some(defaults) = config.get("defaultConfig") else { return };
    claims.scalar(Fact::MeshId, defaults.get("meshId"));
    claims.scalar(Fact::DiscoveryAddress, defaults.get("discoveryAddress"));
    let Some(metadata) = defaults.get("proxyMetadata") else { return };
    claims.scalar(Fact::Network, metadata.get(proxy::NETWORK));
    claims.scalar(Fact::ClusterId, metadata.get(proxy::CLUSTER_ID));
    claims.scalar(Fact::MeshId, metadata.get(proxy::MESH_ID));
    claims.scalar(Fact::ProxyView, metadata.get(NETWORK_VIEW));
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
        claims.scalar(Fact::Network, env.get(proxy::NETWORK));
        for name in [proxy::CLUSTER_ID, proxy::MESH_ID, proxy::TRUST_DOMAIN] {
            if let Some(fact) = proxy::fact(name, SaidBy::Variable, &gateway) {
                claims.scalar(fact, env.get(name));
            }
        }
    }
    let Some(service) = values.get("service") else { return };
    if let Some(annotations) = service.get("annotations") {
        service::annotations(&annotations, &gateway, claims);
    }
    // With `networkGateway` the chart writes ports of its own and reads none (istio/istio@1.12 to 1.31:
    // `manifests/charts/gateway/templates/service.yaml`).
    if values.text_of("networkGateway").is_some_and(|network| !network.is_empty()) {
        service::without_ports(&service, &gateway, claims);
    } else {
        service::spec(&service, &gateway, claims);
    }
}

/// Claims of ztunnel's values: the top level comes before `global` (istio/istio@1.31:
/// `manifests/charts/ztunnel/templates/daemonset.yaml`).
pub(super) fn ztunnel(values: &At<'_>, claims: &mut Claims) {
    let either = |own: &[&str], shared: &[&str], fact: Fact, claims: &mut Claims| {
        let set = values.text_at(own).is_some_and(|text| !text.is_empty());
        values.claim(if set { own } else { shared }, fact, claims);
    };
    either(&["network"], &["global", "network"], Fact::Network, claims);
    let name = ["multiCluster", "clusterName"];
    either(&name, &["global", "multiCluster", "clusterName"], Fact::ClusterId, claims);
    values.claim(&["env", "NETWORK"], Fact::Network, claims);
    values.claim(&["env", "CLUSTER_ID"], Fact::ClusterId, claims);
    values.claim(&["env", proxy::CLUSTER_ID], Fact::ClusterId, claims);
    if let Some(config) = values.get("meshConfig") {
        mesh_config(&config, claims);
    }
}

/// Drops what another source of values replaces: Flux's `valuesFrom` with a `targetPath` comes last.
pub(super) fn drop_below(claims: &mut Claims, values: &crate::node::FieldPath, target: &str) {
    let steps = target.split('.').map(|key| Step::Key(key.to_owned()));
    let prefix: Vec<Step> = values.0.iter().cloned().chain(steps).collect();
    claims.list.retain(|claim| !claim.path.0.starts_with(&prefix));
}
