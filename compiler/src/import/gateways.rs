//! East-west gateways of a cluster, whichever way they are installed.

use meshwright_policies::address::Address;
use meshwright_policies::claim::Fact;
use meshwright_policies::kinds::{NETWORK_LABEL, NETWORK_VIEW};
use meshwright_policies::node::Node;
use meshwright_policies::repository::{Cluster, Manifest};
use serde_json::{Map, Value as Json, json};

use super::node::{text, texts};
use super::plane::{chart, values_path};

/// A gateway of the manifests.
#[derive(Clone, Debug)]
pub(super) struct Gateway<'a> {
    pub(super) subject: &'a Manifest,
    pub(super) name: String,
    /// The address that its Service asks for.
    pub(super) address: Option<String>,
    /// An item of `eastWestGateways`, but for the address.
    pub(super) item: Map<String, Json>,
    /// Whether its Service has the network label.
    pub(super) labelled: bool,
    /// Ports at which peers can enter, when its document lists them.
    served: Vec<u64>,
    /// Settings of the load balancer that the intent has once per cluster.
    pub(super) balancer: Map<String, Json>,
}

/// The parts of a gateway, wherever its install method keeps them.
struct Parts<'a> {
    name: String,
    service: Option<&'a Node>,
    annotations: Option<&'a Node>,
    labels: Option<&'a Node>,
    view: Option<String>,
    /// The chart value that sets label, view and ports at once.
    network_gateway: Option<String>,
    replicas: Option<u64>,
}

const MTLS: u64 = 15443;
/// Where an istiod that is exposed answers.
const XDS: u64 = 15012;
/// Ports of a gateway's Service that the intent does not name: health, and istiod where it is exposed.
const OWN_PORTS: [u64; 4] = [15021, MTLS, XDS, 15017];

/// Whether an object is a Service that claims to be an entry of a network.
fn is_labelled(subject: &Manifest) -> bool {
    subject.kind == "Service"
        && subject
            .document
            .at(&"metadata.labels".into())
            .is_some_and(|labels| labels.get(NETWORK_LABEL).is_some())
}

/// Gateways between networks.
pub(super) fn find(cluster: &Cluster) -> Vec<Gateway<'_>> {
    let mut found: Vec<((bool, bool), Gateway<'_>)> = Vec::new();
    for subject in &cluster.subjects {
        for parts in parts(subject) {
            let fresh = !found.iter().any(|(_, known)| known.name == parts.name);
            if fresh && is_east_west(&parts) {
                let exposes = ports(parts.service).iter().any(|port| port.number == XDS);
                let first = (!exposes, parts.name != "istio-eastwestgateway");
                found.push((first, gateway(subject, parts)));
            }
        }
    }
    // The first is the one that remotes reach istiod at, and that the cluster's planned address is for.
    found.sort_by_key(|(first, _)| *first);
    found.into_iter().map(|(_, gateway)| gateway).collect()
}

fn parts(subject: &Manifest) -> Vec<Parts<'_>> {
    let document = &subject.document;
    match subject.kind.as_str() {
        "IstioOperator" => {
            let list = document.at(&"spec.components.ingressGateways".into());
            list.into_iter().flat_map(Node::items).filter_map(of_operator).collect()
        }
        "Service" if is_labelled(subject) => vec![Parts {
            name: subject.name.clone(),
            service: document.get("spec"),
            annotations: document.at(&"metadata.annotations".into()),
            labels: document.at(&"metadata.labels".into()),
            view: None,
            network_gateway: None,
            replicas: None,
        }],
        "HelmRelease" | "Application" if chart(subject).as_deref() == Some("gateway") => {
            let release = match subject.kind.as_str() {
                "HelmRelease" => text(document, "spec.releaseName"),
                _ => text(document, "spec.source.helm.releaseName"),
            };
            let values = document.at(&values_path(subject));
            values
                .map(|values| of_chart(values, release.as_deref().unwrap_or(&subject.name)))
                .into_iter()
                .collect()
        }
        "" if document.get("global").is_none() && document.get("meshConfig").is_none() => {
            vec![of_chart(document, &subject.name)]
        }
        _ => Vec::new(),
    }
}

fn of_operator(item: &Node) -> Option<Parts<'_>> {
    if text(item, "enabled").as_deref() == Some("false") {
        return None;
    }
    let k8s = item.get("k8s");
    let env = k8s.and_then(|k8s| k8s.get("env")).into_iter().flat_map(Node::items);
    let view = env
        .filter(|one| text(one, "name").as_deref() == Some(NETWORK_VIEW))
        .find_map(|one| text(one, "value"));
    Some(Parts {
        name: text(item, "name")?,
        service: k8s.and_then(|k8s| k8s.get("service")),
        annotations: k8s.and_then(|k8s| k8s.get("serviceAnnotations")),
        labels: item.get("label"),
        view,
        network_gateway: None,
        replicas: k8s.and_then(|k8s| text(k8s, "replicaCount")).and_then(|text| text.parse().ok()),
    })
}

fn of_chart<'a>(values: &'a Node, release: &str) -> Parts<'a> {
    let service = values.get("service");
    let view = values.get("env").and_then(|env| env.get(NETWORK_VIEW)).and_then(Node::scalar);
    let fixed = text(values, "autoscaling.enabled").as_deref() == Some("false");
    Parts {
        name: text(values, "name").unwrap_or_else(|| release.to_owned()),
        service,
        annotations: service.and_then(|service| service.get("annotations")),
        labels: values.get("labels"),
        view,
        network_gateway: text(values, "networkGateway"),
        replicas: text(values, "replicaCount").filter(|_| fixed).and_then(|text| text.parse().ok()),
    }
}

/// A port of a Service: name, number, pod's port, node port.
struct Port {
    name: String,
    number: u64,
    target: u64,
    node: Option<u64>,
}

fn ports(service: Option<&Node>) -> Vec<Port> {
    let list = service.and_then(|service| service.get("ports")).into_iter().flat_map(Node::items);
    list.filter_map(|item| {
        let number = |key: &str| text(item, key).and_then(|text| text.parse().ok());
        let port: u64 = number("port")?;
        Some(Port {
            name: text(item, "name").unwrap_or_default(),
            number: port,
            target: number("targetPort").unwrap_or(port),
            node: number("nodePort"),
        })
    })
    .collect()
}

fn is_east_west(parts: &Parts<'_>) -> bool {
    parts.network_gateway.is_some()
        || parts.view.is_some()
        || parts.labels.is_some_and(|labels| labels.get(NETWORK_LABEL).is_some())
        || ports(parts.service).iter().any(is_mtls)
}

fn is_mtls(port: &Port) -> bool {
    port.target == MTLS || port.number == MTLS
}

fn gateway<'a>(subject: &'a Manifest, parts: Parts<'a>) -> Gateway<'a> {
    let shared = parts.name == "istio-ingressgateway";
    let ports = ports(parts.service);
    let kind = parts.service.and_then(|service| text(service, "type"));
    let kind = kind.filter(|kind| matches!(kind.as_str(), "NodePort" | "ClusterIP"));
    let mtls = ports.iter().find(|port| is_mtls(port));
    let node_port = mtls.and_then(|port| port.node);
    let mut item = Map::new();
    if !shared && parts.name != "istio-eastwestgateway" {
        item.insert("name".into(), parts.name.as_str().into());
    }
    if shared {
        item.insert("layout".into(), "shared".into());
    }
    let dialled = match kind.as_deref() {
        Some("NodePort") => node_port,
        Some(_) => None,
        None => mtls.map(|port| port.number),
    };
    if let Some(port) = dialled.filter(|port| *port != MTLS) {
        item.insert("port".into(), port.into());
    }
    if let Some(replicas) = parts.replicas {
        item.insert("replicas".into(), replicas.into());
    }
    let service = service(&parts, kind, &ports, mtls);
    if !service.is_empty() {
        item.insert("service".into(), service.into());
    }
    let extra: Vec<Json> =
        ports.iter().filter(|port| is_extra(port, shared)).filter_map(extra_port).collect();
    if !extra.is_empty() {
        item.insert("extraPorts".into(), extra.into());
    }
    // A Service says nothing of how the proxy runs.
    if parts.view.is_none() && parts.network_gateway.is_none() && subject.kind != "Service" {
        item.insert("networkView".into(), "all".into());
    }
    let labelled = parts.labels.is_some_and(|labels| labels.get(NETWORK_LABEL).is_some());
    Gateway {
        subject,
        address: address(&parts, subject),
        labelled: labelled || parts.network_gateway.is_some(),
        served: ports.iter().flat_map(|port| [Some(port.number), port.node]).flatten().collect(),
        balancer: balancer(&parts),
        name: parts.name,
        item,
    }
}

impl Gateway<'_> {
    /// Whether its Service is known not to have a port.
    pub(super) fn lacks(&self, port: u64) -> bool {
        !self.served.is_empty() && !self.served.contains(&port)
    }
}

fn service(
    parts: &Parts<'_>,
    kind: Option<String>,
    ports: &[Port],
    mtls: Option<&Port>,
) -> Map<String, Json> {
    let mut service = Map::new();
    let has_type = kind.is_some();
    if let Some(kind) = kind {
        service.insert("type".into(), kind.into());
    }
    let annotations: Map<String, Json> = texts(parts.annotations)
        .into_iter()
        .filter(|(key, _)| {
            !["metallb.io/", "metallb.universe.tf/", "traffic.istio.io/nodeSelector"]
                .iter()
                .any(|own| key.starts_with(own))
        })
        .collect();
    if !annotations.is_empty() {
        service.insert("annotations".into(), annotations.into());
    }
    if let Some(policy) = parts.service.and_then(|service| text(service, "externalTrafficPolicy")) {
        service.insert("externalTrafficPolicy".into(), policy.into());
    }
    let mut pinned = Map::new();
    for port in ports.iter().filter(|_| has_type || parts.service.is_some()) {
        let Some(node) = port.node else { continue };
        let name = match port.number {
            _ if mtls.is_some_and(|mtls| mtls.number == port.number) => "tls",
            15021 => "status-port",
            80 => "http2",
            443 => "https",
            XDS => "tls-istiod",
            15017 => "tls-webhook",
            _ => &port.name,
        };
        pinned.insert(name.to_owned(), node.into());
    }
    if !pinned.is_empty() {
        service.insert("nodePorts".into(), pinned.into());
    }
    service
}

fn is_extra(port: &Port, shared: bool) -> bool {
    let users = shared && matches!(port.number, 80 | 443);
    !(users || OWN_PORTS.contains(&port.number) || port.target == MTLS)
}

fn extra_port(port: &Port) -> Option<Json> {
    if port.name.is_empty() {
        return None;
    }
    let mut item = json!({"name": port.name, "port": port.number});
    if port.target != port.number
        && let Some(map) = item.as_object_mut()
    {
        map.insert("targetPort".into(), port.target.into());
    }
    Some(item)
}

/// `loadBalancerSourceRanges` and `loadBalancerClass`.
fn balancer(parts: &Parts<'_>) -> Map<String, Json> {
    let mut balancer = Map::new();
    let Some(service) = parts.service else { return balancer };
    let ranges = service.get("loadBalancerSourceRanges").into_iter().flat_map(Node::items);
    let ranges: Vec<Json> = ranges.filter_map(Node::scalar).map(Json::from).collect();
    if !ranges.is_empty() {
        balancer.insert("sourceRanges".into(), ranges.into());
    }
    if let Some(class) = text(service, "loadBalancerClass") {
        balancer.insert("class".into(), class.into());
    }
    balancer
}

fn address(parts: &Parts<'_>, subject: &Manifest) -> Option<String> {
    let own = |fact: &Fact| matches!(fact, Fact::GatewayAddress { gateway } if *gateway == parts.name);
    let claims = subject.claims.list.iter().filter(|claim| own(&claim.fact));
    claims.map(|claim| claim.value.clone()).find(|value| value.parse::<Address>().is_ok())
}
