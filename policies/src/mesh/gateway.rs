//! An east-west gateway of a cluster, and its Service.

use crate::address::{Address, Port};
use crate::finding::Place;
use crate::intent::{EastWestGateway, GatewayLayout, InstallMethod, ServiceType};
use crate::names::ObjectName;

/// An east-west gateway of a cluster, defaults applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Name of its Deployment and Service.
    pub name: ObjectName,
    /// Address of its Service.
    pub address: Option<Address>,
    /// What was declared.
    pub spec: EastWestGateway,
    /// Where the gateway, or the need for it, was written.
    pub place: Place,
    /// Where its address was written.
    pub address_place: Place,
}

impl Gateway {
    /// The value of its `istio` label, by which `Gateway` objects select it: `eastwestgateway`, `ingressgateway`.
    #[must_use]
    pub fn istio_label(&self) -> &str {
        let name = self.name.as_str();
        name.strip_prefix("istio-").unwrap_or(name)
    }

    /// The address that peers dial.
    #[must_use]
    pub fn dialled(&self) -> Option<&Address> {
        self.spec.public_address.as_ref().or(self.address.as_ref())
    }

    /// Whether what is dialled is another address than its Service's.
    #[must_use]
    pub fn is_translated(&self, dialled: Option<&Address>) -> bool {
        self.address.is_some() && dialled != self.address.as_ref()
    }

    /// Whether users' traffic enters here too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.spec.layout == GatewayLayout::Shared
    }

    /// The port of its Service for traffic between networks. What peers dial is the Service's own port only behind a
    /// load balancer of its own: behind a node port or another public address, something outside translates and the
    /// Service keeps 15443.
    #[must_use]
    pub fn tls_port(&self) -> Port {
        let direct =
            self.spec.service.kind == ServiceType::LoadBalancer && self.spec.public_address.is_none();
        if direct { self.spec.port } else { Port::MTLS }
    }

    /// The ports of its Service, health first: some load balancers probe the first one. A declared port that repeats
    /// one of the others would make the Service invalid; the first of a name or number counts.
    #[must_use]
    pub fn service_ports(&self, install: InstallMethod, exposes_istiod: bool) -> Vec<GatewayPort> {
        let mut ports: Vec<GatewayPort> = Vec::new();
        let mut add = |name: &str, port: Port, target: Port| {
            if !ports.iter().any(|known| known.name == name || known.port == port) {
                ports.push(GatewayPort { name: name.to_owned(), port, target });
            }
        };
        add("status-port", Port::STATUS, Port::STATUS);
        if self.is_shared() {
            // The `gateway` chart binds low ports, the one behind IstioOperator does not (istio/istio@1.15.3:
            // `manifests/charts/gateways/istio-ingress/values.yaml`).
            let by_operator = install == InstallMethod::IstioOperator;
            let (http, https) = (Port::known::<80>(), Port::known::<443>());
            let high = (Port::known::<8080>(), Port::known::<8443>());
            let (http_target, https_target) = if by_operator { high } else { (http, https) };
            add("http2", http, http_target);
            add("https", https, https_target);
        }
        for extra in &self.spec.extra_ports {
            add(extra.name.as_str(), extra.port, extra.target_port.unwrap_or(extra.port));
        }
        add("tls", self.tls_port(), Port::MTLS);
        if exposes_istiod {
            add("tls-istiod", Port::XDS, Port::XDS);
            add("tls-webhook", Port::WEBHOOK, Port::WEBHOOK);
        }
        ports
    }
}

/// A port of a gateway's Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPort {
    /// Its name in the Service.
    pub name: String,
    /// The Service's port.
    pub port: Port,
    /// The pod's port.
    pub target: Port,
}
