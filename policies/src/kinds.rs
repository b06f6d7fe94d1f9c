//! The registry of kinds: object -> claims. One file per kind, one line here.

mod advertisement;
mod certificate;
mod certificates;
mod cluster_config;
mod config_map;
mod destination_rule;
mod endpoints;
mod gateway;
mod global_mesh;
mod helm;
mod injector_webhook;
mod ip_address_pool;
mod istio_operator;
mod kustomization;
mod layers;
mod load_balancer;
mod locality;
mod mesh_cluster;
mod mesh_networks;
mod namespace;
mod network_gateway;
mod node;
mod peer_authentication;
mod proxy;
mod proxy_config;
mod reach;
mod rewriting;
mod sail;
mod scope;
mod secret;
mod service;
mod values;
mod virtual_service;
mod workload;
mod workload_entry;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::chart_keys::Chart;
use crate::claim::{At, Claims};
use crate::embedded;

pub use reach::{Audited, Mark, Reach};

/// A kind of Kubernetes object that asserts something about the mesh.
pub trait Kind: Sync {
    /// API group; empty for the core group.
    fn group(&self) -> &'static str;

    /// Kind.
    fn kind(&self) -> &'static str;

    /// The plural by which admission rules name it.
    fn plural(&self) -> &'static str;

    /// How requests about its objects reach admission.
    fn reach(&self) -> Reach {
        Reach::Every
    }

    /// Where its objects are looked for that are there already.
    fn audited(&self) -> Audited {
        Audited::Everywhere
    }

    /// Subresources by which what an object asserts can be changed. The status of a custom resource cannot: only its
    /// `status` is taken (Kubernetes: `k8s.io/apiextensions-apiserver/pkg/registry/customresource/status_strategy.go`).
    fn subresources(&self) -> &'static [&'static str] {
        &[]
    }

    /// What an object of this kind asserts. Texts that are documents were read before: [`crate::embedded`]. Never fails:
    /// what is malformed asserts nothing, and its own API server refuses it.
    fn claims(&self, object: &At<'_>, claims: &mut Claims);
}

/// Every kind that admission judges, by group and kind.
pub const KINDS: &[&dyn Kind] = &[
    &config_map::ConfigMap,
    &endpoints::Endpoints,
    &namespace::Namespace,
    &node::Node,
    &workload::Pod,
    &secret::Secret,
    &service::Service,
    &workload::DaemonSet,
    &workload::Deployment,
    &workload::StatefulSet,
    &helm::Application,
    &certificate::Certificate,
    &endpoints::EndpointSlice,
    &global_mesh::GlobalMesh,
    &mesh_cluster::MeshCluster,
    &network_gateway::NetworkGateway,
    &helm::HelmRelease,
    &istio_operator::IstioOperator,
    &kustomization::Kustomization,
    &advertisement::BgpAdvertisement,
    &ip_address_pool::IpAddressPool,
    &advertisement::L2Advertisement,
    &destination_rule::DestinationRule,
    &rewriting::EnvoyFilter,
    &gateway::Gateway,
    &proxy_config::ProxyConfig,
    &workload_entry::ServiceEntry,
    &virtual_service::VirtualService,
    &workload_entry::WorkloadEntry,
    &workload_entry::WorkloadGroup,
    &sail::Istio,
    &sail::IstioRevision,
    &sail::ZTunnel,
    &peer_authentication::PeerAuthentication,
];

/// Kinds that are judged in files and, by an audit, in running clusters: no API server asks a webhook about them.
pub const KINDS_UNASKED: &[&dyn Kind] = &[&injector_webhook::InjectorWebhook];

/// Kinds that are read in files only, by group and kind: no cluster holds them, or what they make is judged itself.
pub const KINDS_IN_FILES: &[&dyn Kind] =
    &[&helm::ApplicationSet, &cluster_config::KindCluster, &cluster_config::ClusterConfiguration];

/// Every kind whose objects an audit judges in a running cluster.
pub fn audited() -> impl Iterator<Item = &'static dyn Kind> {
    KINDS.iter().chain(KINDS_UNASKED).copied()
}

/// The kind of an `apiVersion` and `kind`.
#[must_use]
pub fn kind_of(api_version: &str, kind: &str) -> Option<&'static dyn Kind> {
    kind_in(api_version.split_once('/').map_or("", |(group, _)| group), kind)
}

/// The kind of a group.
#[must_use]
pub(crate) fn kind_in(group: &str, kind: &str) -> Option<&'static dyn Kind> {
    BY_NAME.get(&(kind, group)).copied()
}

/// Every kind, by kind and group: all objects are looked up here.
static BY_NAME: LazyLock<BTreeMap<(&str, &str), &dyn Kind>> = LazyLock::new(|| {
    let all = audited().chain(KINDS_IN_FILES.iter().copied());
    all.map(|kind| ((kind.kind(), kind.group()), kind)).collect()
});

/// `Kind/namespace/name`, or `Kind/name` for what says no namespace.
pub(crate) fn reference(object: &At<'_>) -> String {
    let kind = object.str_at(&["kind"]).unwrap_or_default();
    let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
    match object.str_at(&["metadata", "namespace"]) {
        Some(namespace) => [kind, "/", namespace, "/", name].concat(),
        None => [kind, "/", name].concat(),
    }
}

/// What an object asserts; nothing but its name for a kind that is in no registry.
#[must_use]
pub fn claims_of(object: &Map<String, Value>) -> Claims {
    claims_at(&At::root(&embedded::expand(object)))
}

/// What an object asserts whose documents were read ([`crate::embedded`]).
#[must_use]
pub fn claims_at(object: &At<'_>) -> Claims {
    let text = |key: &str| object.str_at(&[key]).unwrap_or_default();
    let namespace = object.str_at(&["metadata", "namespace"]).map(str::to_owned);
    let mut claims = Claims { object: reference(object), namespace, ..Claims::default() };
    if let Some(kind) = kind_of(text("apiVersion"), text("kind")) {
        kind.claims(object, &mut claims);
    }
    claims
}

/// What a file of chart values asserts when it is installed as `release`.
#[must_use]
pub fn claims_of_values(values: &Map<String, Value>, chart: Chart, release: &str) -> Claims {
    let mut claims = Claims::default();
    values::of(chart, &At::root(values), release, &mut claims);
    claims
}

/// Values of Istio's charts in a file without a `kind`: the chart, the key below which a wrapper chart holds them (none for
/// the file itself). Nothing when no key says so.
#[must_use]
pub fn charts_in(values: &Map<String, Value>) -> Vec<(Option<String>, Chart)> {
    let root = At::root(values);
    if let Some(chart) = values::chart_of(&root) {
        return vec![(None, chart)];
    }
    let below =
        root.entries().filter_map(|(key, values)| Some((Some(key.to_owned()), values::chart_of(&values)?)));
    below.collect()
}

pub(crate) use injector_webhook::WEBHOOK as INJECTOR_WEBHOOK;
pub(crate) use kustomization::cluster_directory;
pub(crate) use network_gateway::{EAST_WEST, REMOTE};
pub(crate) use node::{REGION as NODE_REGION, ZONE as NODE_ZONE};
pub(crate) use scope::cluster_local_hosts;
pub(crate) use values::is_subchart;

/// Label of network membership.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";
/// Label of a Service with the port at which peers enter.
pub const GATEWAY_PORT_LABEL: &str = "networking.istio.io/gatewayPort";
/// Variable that limits a gateway to the endpoints of the networks it names.
pub const NETWORK_VIEW: &str = "ISTIO_META_REQUESTED_NETWORK_VIEW";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Subject;
    use serde_json::json;

    #[test]
    fn the_registry_is_in_order_and_has_no_kind_twice() {
        let keys: Vec<_> = KINDS.iter().map(|kind| (kind.group(), kind.kind())).collect();
        assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
    }

    /// Core and workload kinds are what a cluster lives by: a webhook that does not answer must not stop them.
    #[test]
    fn what_a_cluster_lives_by_is_never_asked_about_without_a_mark() {
        for kind in KINDS {
            let lives_by = matches!(
                kind.group(),
                "" | "apps" | "batch" | "discovery.k8s.io" | "admissionregistration.k8s.io"
            );
            let open = matches!(kind.reach(), Reach::Lifeline(_) | Reach::SystemNamespace(_));
            // Others may be open too.
            assert!(
                open || !lives_by,
                "{}/{}: say in its `reach` by which marks it is asked about",
                kind.group(),
                kind.kind()
            );
            if let Reach::Marked(marks) | Reach::Lifeline(marks) = kind.reach() {
                assert!(!marks.is_empty(), "{}/{}", kind.group(), kind.kind());
            }
        }
    }

    fn subject(object: serde_json::Value) -> Subject {
        let Value::Object(object) = object else { unreachable!() };
        claims_of(&object).subject
    }

    #[test]
    fn objects_about_other_clusters_are_told_from_objects_about_this_one() {
        let release =
            |spec| json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "spec": spec});
        assert_eq!(subject(release(json!({"values": {}}))), Subject::Here);
        let remote = json!({"values": {}, "kubeConfig": {"secretRef": {"name": "west"}}});
        assert_eq!(subject(release(remote)), Subject::Elsewhere);
        let application = |to| {
            let spec = json!({"source": {"helm": {"valuesObject": {}}}, "destination": to});
            subject(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": spec}))
        };
        assert_eq!(application(json!({"server": "https://kubernetes.default.svc"})), Subject::Here);
        assert_eq!(application(json!({"name": "in-cluster"})), Subject::Here);
        assert_eq!(application(json!({"name": "west"})), Subject::Cluster("west".into()));
        assert_eq!(application(json!({"server": "https://10.2.0.10:6443"})), Subject::Elsewhere);
        let mspider = |kind| {
            let api = "discovery.mspider.io/v3alpha1";
            subject(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, "spec": {}}))
        };
        assert_eq!(mspider("MeshCluster"), Subject::Cluster("x".into()));
        assert_eq!(mspider("GlobalMesh"), Subject::Mesh("x".into()));
    }

    #[test]
    fn hostile_objects_assert_nothing_and_end() {
        for kind in KINDS {
            for spec in [
                json!(null),
                json!([[{}]]),
                json!({"values": [], "servers": {"a": 1}, "components": "x", "meshedParams": [1, {}]}),
                json!({"values": {"global": {"meshNetworks": null, "multiCluster": 3}}, "ports": [{}, 1]}),
            ] {
                let group =
                    if kind.group().is_empty() { String::new() } else { format!("{}/", kind.group()) };
                let object = json!({
                    "apiVersion": format!("{group}v1"), "kind": kind.kind(), "metadata": 7, "spec": spec,
                });
                let Value::Object(object) = object else { unreachable!() };
                assert_eq!(claims_of(&object).list, [], "{object:?}");
            }
        }
    }
}
