//! What an east-west gateway's Service and pods carry, before it is spelled for one install method.

use std::collections::BTreeMap;
use std::net::IpAddr;

use meshwright_policies::address::Port;
use meshwright_policies::intent::{LoadBalancerProvider, Metallb, NetworkView, ServiceType};
use meshwright_policies::mesh::{Cluster, Gateway, GatewayPort, Mesh};
use serde_json::{Map, Value, json};

use crate::istio_values::{discovers_by_label, is_hosted};

/// Label of network membership; on a gateway's Service, the claim to be an entry of that network.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";
/// Label of a Service with the port at which peers enter; 15443 without it (istio/istio@1.15.3:
/// `pilot/pkg/serviceregistry/kube/controller/network.go`).
pub const GATEWAY_PORT_LABEL: &str = "networking.istio.io/gatewayPort";
/// Variable that limits a gateway to the endpoints of the networks it names.
pub const NETWORK_VIEW: &str = "ISTIO_META_REQUESTED_NETWORK_VIEW";
/// Annotation without which istiod does not read the node ports of a Service (istio/istio@1.26.0:
/// `pilot/pkg/serviceregistry/kube/conversion.go`).
const NODE_SELECTOR: &str = "traffic.istio.io/nodeSelector";
/// MetalLB's prefixes. The newer one is read since 0.14.9, the older one by every version up to 0.16.1
/// (metallb/metallb: release notes 0.14.9, `controller/service.go`).
const METALLB_PREFIXES: [&str; 2] = ["metallb.io", "metallb.universe.tf"];

/// One port of the Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Name.
    pub name: String,
    /// The Service's port.
    pub port: u32,
    /// The pod's port.
    pub target: u32,
    /// The pinned node port.
    pub node_port: Option<u32>,
}

impl ServicePort {
    /// As an item of `spec.ports`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut item = Map::new();
        item.insert("name".into(), self.name.as_str().into());
        item.insert("port".into(), self.port.into());
        item.insert("targetPort".into(), self.target.into());
        item.insert("protocol".into(), "TCP".into());
        if let Some(port) = self.node_port {
            item.insert("nodePort".into(), port.into());
        }
        item.into()
    }
}

/// An east-west gateway in its cluster.
#[derive(Clone, Copy, Debug)]
pub struct GatewayService<'a> {
    mesh: &'a Mesh,
    cluster: &'a Cluster,
    /// The gateway.
    pub gateway: &'a Gateway,
    first: bool,
}

impl<'a> GatewayService<'a> {
    /// The gateways of a cluster, in declared order.
    pub fn all(mesh: &'a Mesh, cluster: &'a Cluster) -> impl Iterator<Item = GatewayService<'a>> {
        let gateways = cluster.gateways.iter().enumerate();
        gateways.map(move |(index, gateway)| GatewayService { mesh, cluster, gateway, first: index == 0 })
    }

    /// Whether remote clusters reach istiod here: on the first gateway of a primary that serves some.
    #[must_use]
    pub fn exposes_istiod(&self) -> bool {
        self.first && self.mesh.serves_remotes(self.cluster)
    }

    /// The ports, with the node ports that are pinned: [`Gateway::service_ports`].
    #[must_use]
    pub fn ports(&self) -> Vec<ServicePort> {
        let node_ports = &self.gateway.spec.service.node_ports;
        let ports = self.gateway.service_ports(self.cluster.istio.install, self.exposes_istiod());
        let with_node_port = |GatewayPort { name, port, target }: GatewayPort| {
            let node_port = node_ports.get(&name).map(|port| u32::from(*port));
            ServicePort { name, port: port.into(), target: target.into(), node_port }
        };
        ports.into_iter().map(with_node_port).collect()
    }

    /// The Service's port for traffic between networks.
    #[must_use]
    pub fn tls_port(&self) -> u32 {
        self.gateway.tls_port().into()
    }

    /// Whether the Service has exactly the ports that the `gateway` chart gives to `networkGateway`.
    #[must_use]
    pub fn has_chart_ports(&self) -> bool {
        let spec = &self.gateway.spec;
        self.exposes_istiod()
            && !self.gateway.is_shared()
            && spec.extra_ports.is_empty()
            && spec.service.node_ports.is_empty()
            && self.tls_port() == u32::from(Port::MTLS)
    }

    /// Whether istiod finds this gateway by the label on its Service.
    #[must_use]
    pub fn is_labelled(&self) -> bool {
        discovers_by_label(self.mesh, self.cluster)
    }

    /// Labels by which istiod finds the gateway. None when `meshNetworks` announces it, since istiod adds both sources
    /// together (istio/istio@1.26.0: `pilot/pkg/model/network.go`).
    #[must_use]
    pub fn labels(&self) -> Map<String, Value> {
        let mut labels = Map::new();
        if self.is_labelled() {
            labels.insert(NETWORK_LABEL.into(), self.cluster.network.as_str().into());
            if self.tls_port() != u32::from(Port::MTLS) {
                labels.insert(GATEWAY_PORT_LABEL.into(), self.tls_port().to_string().into());
            }
        }
        labels
    }

    /// The networks whose endpoints the gateway forwards to; `None` for all.
    #[must_use]
    pub fn network_view(&self) -> Option<&'a str> {
        (self.gateway.spec.network_view == NetworkView::Own).then(|| self.cluster.network.as_str())
    }

    /// Annotations of the Service.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let service = &self.gateway.spec.service;
        let mut annotations = BTreeMap::new();
        match service.kind {
            ServiceType::LoadBalancer => {
                annotations.clone_from(&self.cluster.spec.load_balancer.annotations);
                annotations.extend(service.annotations.clone());
                self.pin(&mut annotations);
            }
            ServiceType::NodePort => {
                if self.is_labelled() {
                    annotations.insert(NODE_SELECTOR.to_owned(), "{}".to_owned());
                }
                annotations.extend(service.annotations.clone());
            }
            ServiceType::ClusterIP => annotations.extend(service.annotations.clone()),
        }
        annotations
    }

    /// MetalLB's annotations: the planned address and the pool that has it. Never beside `loadBalancerIP`, which MetalLB
    /// refuses.
    fn pin(&self, annotations: &mut BTreeMap<String, String>) {
        let Some(metallb) = self.metallb() else { return };
        if says_metallb(annotations, "loadBalancerIPs") {
            return;
        }
        let prefix = metallb_prefix(metallb);
        let address = self.address_ip();
        let pool = match address {
            Some(ip) => {
                metallb.pools.iter().find(|pool| pool.addresses.iter().any(|range| range.contains(ip)))
            }
            None if metallb.pools.iter().any(|pool| pool.auto_assign) => None,
            None => metallb.pools.first(),
        };
        if let Some(pool) = pool.filter(|_| !says_metallb(annotations, "address-pool")) {
            annotations.insert(format!("{prefix}/address-pool"), pool.name.to_string());
        }
        if let Some(ip) = address {
            annotations.insert(format!("{prefix}/loadBalancerIPs"), ip.to_string());
        }
    }

    /// MetalLB, where it takes the address from an annotation: also where it only writes into the status what a person
    /// brings to the nodes. Mspider's guide pins with `loadBalancerIP` instead.
    fn metallb(&self) -> Option<&'a Metallb> {
        let balancer = &self.cluster.spec.load_balancer;
        let present = match balancer.effective_provider() {
            LoadBalancerProvider::Metallb | LoadBalancerProvider::Manual => true,
            LoadBalancerProvider::Cloud | LoadBalancerProvider::None => false,
        };
        balancer.metallb.as_ref().filter(|_| present && !is_hosted(self.cluster))
    }

    fn address_ip(&self) -> Option<IpAddr> {
        self.gateway.address.as_ref().and_then(|address| address.ip())
    }

    /// `loadBalancerIP`: where whoever gives the address reads that field.
    #[must_use]
    pub fn load_balancer_ip(&self) -> Option<IpAddr> {
        let provider = self.cluster.spec.load_balancer.effective_provider();
        let by_field = match provider {
            LoadBalancerProvider::Metallb => is_hosted(self.cluster),
            LoadBalancerProvider::Cloud => true,
            LoadBalancerProvider::Manual | LoadBalancerProvider::None => false,
        };
        let balanced = self.gateway.spec.service.kind == ServiceType::LoadBalancer;
        let annotated = says_metallb(&self.annotations(), "loadBalancerIPs");
        self.address_ip().filter(|_| by_field && balanced && !annotated)
    }

    /// The fields of the Service beside its ports and annotations, under the names that the Service, IstioOperator and
    /// the `gateway` chart share.
    #[must_use]
    pub fn service(&self) -> Map<String, Value> {
        let spec = &self.gateway.spec.service;
        let balancer = &self.cluster.spec.load_balancer;
        let mut service = Map::new();
        service.insert("type".into(), spec.kind.as_str().into());
        if let Some(ip) = self.load_balancer_ip() {
            service.insert("loadBalancerIP".into(), ip.to_string().into());
        }
        if spec.kind == ServiceType::LoadBalancer {
            if let Some(class) = &balancer.class {
                service.insert("loadBalancerClass".into(), class.as_str().into());
            }
            if !balancer.source_ranges.is_empty() {
                let ranges: Vec<String> = balancer.source_ranges.iter().map(ToString::to_string).collect();
                service.insert("loadBalancerSourceRanges".into(), json!(ranges));
            }
        }
        if let Some(policy) = spec.external_traffic_policy {
            service.insert("externalTrafficPolicy".into(), policy.as_str().into());
        }
        service
    }
}

/// The prefix of annotations that this MetalLB reads. The older one where the version is not known: every version reads it.
#[must_use]
pub fn metallb_prefix(metallb: &Metallb) -> &'static str {
    let [newer, older] = METALLB_PREFIXES;
    match &metallb.version {
        Some(version) if version.at_least(0, 14, 9) => newer,
        None if metallb.install => newer,
        _ => older,
    }
}

fn says_metallb(annotations: &BTreeMap<String, String>, name: &str) -> bool {
    METALLB_PREFIXES.iter().any(|prefix| annotations.contains_key(&format!("{prefix}/{name}")))
}
