//! East-west gateways: where other networks enter, and where remote clusters reach istiod.

use meshwright_policies::mesh::{Cluster, Istio, Mesh};
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Wave};
use crate::artefacts::{helm_control_plane, istio_operator};
use crate::gateway_service::{GatewayService, NETWORK_VIEW};
use crate::helm::{Chart, deliver};
use crate::istio_values::{DEFAULT_NAMESPACE, common_global, gateways_by_chart, insert_unless_empty};

/// The gateways' Deployments and Services, by the cluster's install method.
#[derive(Debug)]
pub struct EastWestGateway;

impl Artefact for EastWestGateway {
    fn name(&self) -> &'static str {
        "east-west-gateway"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        if cluster.gateways.is_empty() {
            return;
        }
        if gateways_by_chart(&cluster.istio) {
            for chart in charts(mesh, cluster) {
                deliver(out, mesh, cluster, &chart);
            }
        } else {
            let object = istio_operator::object(cluster, "eastwest", operator_spec(mesh, cluster));
            out.protected(istio_operator::root(cluster), Wave::Gateway, object);
        }
    }
}

/// One `IstioOperator` for all gateways of the cluster, as `samples/multicluster/gen-eastwest-gateway.sh` makes it. The
/// key `istio-ingressgateway` has a hyphen: the spelling with an underscore passes validation and has no effect.
fn operator_spec(mesh: &Mesh, cluster: &Cluster) -> Map<String, Value> {
    let mut spec = istio_operator::header(cluster, Some("empty"));
    let gateways: Vec<Value> =
        GatewayService::all(mesh, cluster).map(|gateway| operator_gateway(cluster, &gateway)).collect();
    spec.insert("components".into(), json!({"ingressGateways": gateways}));
    spec.insert(
        "values".into(),
        json!({
            "gateways": {"istio-ingressgateway": {"injectionTemplate": "gateway"}},
            "global": common_global(mesh, cluster),
        }),
    );
    spec
}

fn operator_gateway(cluster: &Cluster, gateway: &GatewayService<'_>) -> Value {
    let name = gateway.gateway.name.as_str();
    let mut label = Map::new();
    label.insert("istio".into(), gateway.gateway.istio_label().into());
    label.insert("app".into(), name.into());
    label.extend(gateway.labels());
    let mut k8s = Map::new();
    if let Some(view) = gateway.network_view() {
        k8s.insert("env".into(), json!([{"name": NETWORK_VIEW, "value": view}]));
    }
    if let Some(replicas) = gateway.gateway.spec.replicas {
        k8s.insert("replicaCount".into(), replicas.into());
        k8s.insert("hpaSpec".into(), json!({"minReplicas": replicas, "maxReplicas": replicas}));
    }
    let annotations = gateway.annotations();
    if !annotations.is_empty() {
        k8s.insert("serviceAnnotations".into(), json!(annotations));
    }
    let mut service = gateway.service();
    let ports: Vec<Value> = gateway.ports().iter().map(|port| port.to_json()).collect();
    service.insert("ports".into(), ports.into());
    k8s.insert("service".into(), service.into());
    let mut component = Map::new();
    component.insert("name".into(), name.into());
    if cluster.system_namespace().as_str() != DEFAULT_NAMESPACE {
        component.insert("namespace".into(), cluster.system_namespace().as_str().into());
    }
    component.insert("enabled".into(), true.into());
    component.insert("label".into(), label.into());
    component.insert("k8s".into(), k8s.into());
    component.into()
}

/// The gateways of a cluster as releases of the `gateway` chart, in declared order; none with IstioOperator.
#[must_use]
pub fn charts(mesh: &Mesh, cluster: &Cluster) -> Vec<Chart> {
    if !gateways_by_chart(&cluster.istio) {
        return Vec::new();
    }
    let control_plane = helm_control_plane::charts(mesh, cluster);
    let istiod = control_plane.last().map(|chart| chart.release.clone());
    GatewayService::all(mesh, cluster)
        .map(|gateway| Chart {
            values: gateway_values(cluster, &gateway),
            depends_on: istiod.iter().cloned().collect(),
            protected: true,
            skip_schema: chart_refuses_its_values(&cluster.istio),
            ..helm_control_plane::istio_chart(
                cluster,
                gateway.gateway.name.as_str(),
                "gateway",
                Wave::Gateway,
            )
        })
        .collect()
}

/// `networkGateway` sets label, variable and ports at once; it also replaces `service.ports`, so it is used only where
/// the chart's four ports are exactly the wanted ones.
fn gateway_values(cluster: &Cluster, gateway: &GatewayService<'_>) -> Map<String, Value> {
    let spec = &gateway.gateway.spec;
    let mut values = Map::new();
    values.insert("name".into(), gateway.gateway.name.as_str().into());
    if let Some(revision) = &cluster.istio.revision {
        values.insert("revision".into(), revision.as_str().into());
    }
    let mut service = gateway.service();
    let annotations = gateway.annotations();
    if !annotations.is_empty() {
        service.insert("annotations".into(), json!(annotations));
    }
    match gateway.network_view() {
        Some(network) if gateway.has_chart_ports() && gateway.is_labelled() => {
            values.insert("networkGateway".into(), network.into());
        }
        view => {
            insert_unless_empty(&mut values, "labels", gateway.labels());
            if let Some(view) = view {
                values.insert("env".into(), json!({NETWORK_VIEW: view}));
            }
            let ports: Vec<Value> = gateway.ports().iter().map(|port| port.to_json()).collect();
            service.insert("ports".into(), ports.into());
        }
    }
    values.insert("service".into(), service.into());
    if let Some(replicas) = spec.replicas {
        values.insert("replicaCount".into(), replicas.into());
        values.insert("autoscaling".into(), json!({"enabled": false}));
    }
    values
}

/// In these releases the chart's schema refuses every key, with Helm 3.18.5 and later (istio/istio#57354, fixed in
/// 1.25.5, 1.26.4 and 1.27.1).
fn chart_refuses_its_values(istio: &Istio) -> bool {
    let version = &istio.version;
    match version.numbers() {
        (1, 21..=24, _) => true,
        (1, 25, patch) => patch < 5,
        (1, 26, patch) => patch < 4,
        (1, 27, patch) => patch < 1,
        _ => false,
    }
}
