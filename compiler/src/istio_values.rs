//! The values by which every install method tells Istio who a cluster is: one place, so that IstioOperator, Helm and
//! Sail cannot say different things. Sources are the multi-cluster installation guides of Istio 1.15 to 1.31 and the
//! charts they use (istio/istio: `manifests/charts/istio-control/istio-discovery`, `manifests/charts/istiod-remote`).

use meshwright_policies::intent::{FreeObject, GatewayDiscovery, InstallMethod, Profile};
use meshwright_policies::mesh::{Cluster, Istio, Mesh, Role};
use meshwright_policies::names::ClusterName;
use meshwright_policies::version::Minor;
use serde_json::{Map, Value, json};

use crate::image::mirrored;

/// The namespace that the charts take for Istio's own when nobody says otherwise.
pub const DEFAULT_NAMESPACE: &str = "istio-system";
/// The DNS domain and trust domain that the charts default to.
const DEFAULT_DOMAIN: &str = "cluster.local";

/// Whether a network's gateways are found by the label on their Services.
#[must_use]
pub fn discovers_by_label(mesh: &Mesh, cluster: &Cluster) -> bool {
    let discovery = match mesh.networks.get(&cluster.network) {
        Some(network) => mesh.gateway_discovery(network),
        None => mesh.spec.gateway_discovery,
    };
    discovery == GatewayDiscovery::Labels
}

/// `global.meshNetworks` as `observer` must have it: a map without the `networks:` wrapper, which the chart adds. Gateways
/// only: membership follows from the label of each cluster's system namespace, which beats `fromRegistry` anyway
/// (istio/istio@1.15.3: `pilot/pkg/serviceregistry/kube/controller/controller.go`), and one registry name that istiod
/// refuses would void the whole document (`pkg/config/validation/agent/validation.go`).
#[must_use]
pub fn mesh_networks(mesh: &Mesh, observer: &ClusterName) -> Map<String, Value> {
    let mut networks = Map::new();
    if !mesh.is_multi_network() {
        return networks;
    }
    for network in mesh.mesh_networks() {
        let entries = network.entries.iter();
        let gateways: Vec<Value> = entries
            .filter_map(|entry| {
                let address = entry.address_for(observer)?;
                Some(json!({"address": address.to_string(), "port": u32::from(entry.port)}))
            })
            .collect();
        if !gateways.is_empty() {
            networks.insert(network.id.to_string(), json!({"gateways": gateways}));
        }
    }
    networks
}

/// The values that identify a cluster: of the istiod chart, or of `spec.values`. Nothing for a hosted worker, whose
/// control plane the platform installs.
#[must_use]
pub fn identity(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    match cluster.role {
        Role::Primary => primary_identity(mesh, cluster),
        Role::Remote { .. } => remote_identity(mesh, cluster),
        Role::HostedWorker => Map::new(),
    }
}

fn primary_identity(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut global = common_global(mesh, cluster);
    let mut pilot = Map::new();
    if mesh.serves_remotes(cluster) {
        global.insert("externalIstiod".into(), true.into());
        // The chart derives the variable from externalIstiod only since 1.23 (istio/istio b1f2bdda683).
        if cluster.istio.version.minor() < Minor(1, 23) {
            pilot.insert("env".into(), json!({"EXTERNAL_ISTIOD": "true"}));
        }
    }
    let networks = mesh_networks(mesh, &cluster.name);
    if !networks.is_empty() {
        global.insert("meshNetworks".into(), networks.into());
    }
    let mut values = Map::new();
    values.insert("global".into(), global.into());
    cni(&cluster.istio, &mut values, &mut pilot);
    insert_unless_empty(&mut values, "pilot", pilot);
    values
}

fn remote_identity(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut global = common_global(mesh, cluster);
    // The primary's configuration carries it to the remote's proxies.
    global.shift_remove("meshID");
    if let Some(address) = mesh.control_plane_address(cluster) {
        global.insert("remotePilotAddress".into(), address.to_string().into());
    }
    let mut values = Map::new();
    values.insert("istiodRemote".into(), json!({"injectionPath": injection_path(cluster)}));
    values.insert("global".into(), global.into());
    let mut pilot = Map::new();
    cni(&cluster.istio, &mut values, &mut pilot);
    insert_unless_empty(&mut values, "pilot", pilot);
    values
}

/// The path at which a primary injects for a remote cluster; it carries cluster ID and network ID.
fn injection_path(cluster: &Cluster) -> String {
    format!("/inject/cluster/{}/net/{}", cluster.id, cluster.network)
}

/// What every istiod and every gateway of a cluster is told.
#[must_use]
pub fn common_global(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut global = Map::new();
    if cluster.istio.namespace.as_str() != DEFAULT_NAMESPACE {
        global.insert("istioNamespace".into(), cluster.istio.namespace.as_str().into());
    }
    global.insert("meshID".into(), mesh.id.as_str().into());
    global.insert("multiCluster".into(), json!({"clusterName": cluster.id.as_str()}));
    global.insert("network".into(), cluster.network.as_str().into());
    if mesh.spec.cluster_domain.as_str() != DEFAULT_DOMAIN {
        global.insert("proxy".into(), json!({"clusterDomain": mesh.spec.cluster_domain.as_str()}));
    }
    global
}

/// Injection without init containers. The key moved from `istio_cni` to `pilot.cni` in 1.22 (istio/istio:
/// `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml`).
fn cni(istio: &Istio, values: &mut Map<String, Value>, pilot: &mut Map<String, Value>) {
    if !istio.cni {
        return;
    }
    // Sail's schema knows the newer key only.
    if istio.version.minor() < Minor(1, 22) && istio.install != InstallMethod::Sail {
        values.insert("istio_cni".into(), json!({"enabled": true}));
    } else {
        pilot.insert("cni".into(), json!({"enabled": true}));
    }
}

/// `meshConfig`: the declared trust domain laid over what the intent adds freely. A remote cluster has none of its own:
/// its proxies are configured by the primary's.
#[must_use]
pub fn mesh_config(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut config = Map::new();
    if cluster.role != Role::Primary {
        return config;
    }
    if mesh.spec.trust_domain.as_str() != DEFAULT_DOMAIN {
        config.insert("trustDomain".into(), mesh.spec.trust_domain.as_str().into());
    }
    let aliases: Vec<Value> =
        mesh.spec.trust_domain_aliases.iter().map(|alias| alias.as_str().into()).collect();
    if !aliases.is_empty() {
        config.insert("trustDomainAliases".into(), aliases.into());
    }
    lay_over(&mut config, &cluster.istio.mesh_config);
    config
}

/// Values of the istiod chart, and of Sail's `Istio`, which takes the same: identity, images, mesh configuration, then
/// what the intent adds freely.
#[must_use]
pub fn chart_values(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut values = identity(mesh, cluster);
    if let Some(global) = values.get_mut("global").and_then(Value::as_object_mut) {
        images(cluster, global);
    }
    insert_unless_empty(&mut values, "meshConfig", mesh_config(mesh, cluster));
    lay_over(&mut values, &cluster.istio.values);
    values
}

/// Where the charts pull their images, under `global`.
pub fn images(cluster: &Cluster, global: &mut Map<String, Value>) {
    if let Some(hub) = hub(cluster) {
        global.insert("hub".into(), hub.into());
    }
    if let Some(tag) = &cluster.istio.tag {
        global.insert("tag".into(), tag.as_str().into());
    }
}

/// Where images come from, when that has to be said: declared, or Istio's own registry (`registry.istio.io/release` since
/// 1.30, istio/istio: `manifests/profiles`) behind a declared mirror.
#[must_use]
pub fn hub(cluster: &Cluster) -> Option<String> {
    const IMAGE: &str = "/pilot";
    let default = if cluster.istio.version.minor() < Minor(1, 30) {
        "docker.io/istio"
    } else {
        "registry.istio.io/release"
    };
    let hub = cluster.istio.hub.as_deref().unwrap_or(default);
    let image = mirrored(&format!("{hub}{IMAGE}"), &cluster.spec.registry_mirrors);
    let mirrored = image.strip_suffix(IMAGE).unwrap_or(hub).to_owned();
    (cluster.istio.hub.is_some() || mirrored != default).then_some(mirrored)
}

/// The profile as the charts know it. They have files for some profiles only and fail on any other name; `default` and
/// `minimal` are what they do without one, since no chart installs gateways. `profile` is read since 1.21, `stable`
/// exists since 1.22, and OpenShift became a platform in 1.24 (istio/istio: `manifests/charts/*/files/profile-*.yaml`).
pub fn chart_profile(istio: &Istio, values: &mut Map<String, Value>) {
    let minor = istio.version.minor();
    match istio.profile {
        Some(Profile::Openshift) if minor >= Minor(1, 24) => {
            let global = values.entry("global").or_insert_with(|| json!({}));
            if let Some(global) = global.as_object_mut() {
                global.entry("platform").or_insert_with(|| "openshift".into());
            }
        }
        Some(profile @ (Profile::Demo | Profile::Preview | Profile::Openshift)) if minor >= Minor(1, 21) => {
            values.entry("profile").or_insert_with(|| profile.as_str().into());
        }
        Some(Profile::Stable) if minor >= Minor(1, 22) => {
            values.entry("profile").or_insert_with(|| "stable".into());
        }
        _ => {}
    }
}

/// Adds to `above` what only `below` has, at any depth. Lists are values, not merged.
pub fn lay_over(above: &mut Map<String, Value>, below: &FreeObject) {
    for (key, lower) in below {
        match (above.get_mut(key), lower) {
            (Some(Value::Object(upper)), Value::Object(lower)) => lay_over(upper, lower),
            (Some(_), _) => {}
            (None, _) => {
                above.insert(key.clone(), lower.clone());
            }
        }
    }
}

/// Inserts a map that says something.
pub fn insert_unless_empty(into: &mut Map<String, Value>, key: &str, map: Map<String, Value>) {
    if !map.is_empty() {
        into.insert(key.to_owned(), map.into());
    }
}

/// The version with all three numbers, `1.26.0` for `1.26`: a chart version, an image tag and Sail's `spec.version`
/// name one release, and `1.26` would be a range to Flux and Argo CD.
#[must_use]
pub fn release(istio: &Istio) -> String {
    let plain = istio.version.plain();
    if istio.version.patch().is_some() {
        return plain.to_owned();
    }
    let (numbers, suffix) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
    format!("{numbers}.0{suffix}")
}

/// The image tag for methods that need one said.
#[must_use]
pub fn image_tag(istio: &Istio) -> String {
    istio.tag.clone().unwrap_or_else(|| release(istio))
}

/// Whether the platform installs the control plane of this cluster.
#[must_use]
pub fn is_hosted(cluster: &Cluster) -> bool {
    cluster.role == Role::HostedWorker
}

/// `networking.istio.io` as this Istio serves it: `v1` since 1.22 (istio/istio@1.22.0: `crd-all.gen.yaml`).
#[must_use]
pub fn networking_api(istio: &Istio) -> &'static str {
    if istio.version.minor() < Minor(1, 22) {
        "networking.istio.io/v1beta1"
    } else {
        "networking.istio.io/v1"
    }
}

/// Whether gateways come from Istio's `gateway` chart.
#[must_use]
pub fn gateways_by_chart(istio: &Istio) -> bool {
    matches!(istio.install, InstallMethod::Helm | InstallMethod::Sail)
}
