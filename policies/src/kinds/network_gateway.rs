//! The Gateway API's `Gateway`, where it lets other networks in. istiod has two readers of it, one for sidecars and one for
//! ambient mode (istio/istio: `pilot/pkg/serviceregistry/kube/controller/network.go`, `handleGatewayResource`;
//! `pilot/pkg/serviceregistry/ambient/networks.go`).

use super::{GATEWAY_PORT_LABEL, Kind, Mark, NETWORK_LABEL, Reach};
use crate::claim::{At, Claims, Fact, Listener, ListenerPart};

/// `gateway.networking.k8s.io/Gateway`.
pub(super) struct NetworkGateway;

/// The class of gateways between networks in ambient mode.
pub(crate) const EAST_WEST: &str = "istio-east-west";
/// The class that stands for a gateway somewhere else; nothing is deployed for it.
pub(crate) const REMOTE: &str = "istio-remote";
/// Type of the Service that istiod makes; a load balancer unless it says another.
const SERVICE_TYPE: &str = "networking.istio.io/service-type";

impl Kind for NetworkGateway {
    fn group(&self) -> &'static str {
        "gateway.networking.k8s.io"
    }

    fn kind(&self) -> &'static str {
        "Gateway"
    }

    fn plural(&self) -> &'static str {
        "gateways"
    }

    fn reach(&self) -> Reach {
        Reach::Marked(&[
            Mark::Label(NETWORK_LABEL),
            Mark::Gateway,
            Mark::Expression(
                "has(self.spec) && has(self.spec.gatewayClassName) && \
                 self.spec.gatewayClassName in ['istio-east-west', 'istio-remote']",
            ),
            Mark::Expression(
                "has(self.spec) && has(self.spec.infrastructure) && has(self.spec.infrastructure.labels) && \
                 'topology.istio.io/network' in self.spec.infrastructure.labels",
            ),
        ])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let (Some(metadata), Some(spec)) = (object.get("metadata"), object.get("spec")) else { return };
        let gateway = metadata.text_of("name").unwrap_or_default();
        let class = spec.text_of("gatewayClassName").unwrap_or_default();
        let labels = metadata.get("labels");
        let network = labels.as_ref().and_then(|labels| labels.get(NETWORK_LABEL));
        let annotations = metadata.get("annotations");
        let kind = annotations.as_ref().and_then(|annotations| annotations.get(SERVICE_TYPE));
        if class == REMOTE {
            remote(&spec, &gateway, network, claims);
        } else {
            claims.scalar(Fact::GatewayServiceType { gateway: gateway.clone() }, kind);
            addresses(&spec, |address| {
                claims.scalar(Fact::GatewayAddress { gateway: gateway.clone() }, Some(address));
            });
            // Nobody outside reaches the Service of a waypoint unless it asks for more.
            let inside = class.contains("waypoint")
                && kind.and_then(|kind| kind.text()).is_none_or(|kind| kind == "ClusterIP")
                && spec.get("addresses").is_none();
            if !inside {
                claims.scalar(Fact::GatewayNetwork { gateway: gateway.clone() }, network);
                let port = labels.as_ref().and_then(|labels| labels.get(GATEWAY_PORT_LABEL));
                claims.scalar(Fact::GatewayPortLabel { gateway: gateway.clone() }, port);
                infrastructure(&spec, &gateway, claims);
            }
        }
        if network.is_some() || class == EAST_WEST {
            listeners(&spec, &gateway, &class, claims);
        }
    }
}

/// Labels for the Service and pods, in the place of the object's own.
fn infrastructure(spec: &At<'_>, gateway: &str, claims: &mut Claims) {
    let Some(infrastructure) = spec.get("infrastructure") else { return };
    let Some(labels) = infrastructure.get("labels") else { return };
    claims.scalar(Fact::GatewayNetwork { gateway: gateway.to_owned() }, labels.get(NETWORK_LABEL));
}

fn remote(spec: &At<'_>, gateway: &str, network: Option<At<'_>>, claims: &mut Claims) {
    claims.scalar(Fact::RemoteNetwork { gateway: gateway.to_owned() }, network);
    let Some(network) = network.and_then(|network| network.text()) else { return };
    addresses(spec, |address| {
        let fact = Fact::RemoteAddress { gateway: gateway.to_owned(), network: network.clone() };
        claims.scalar(fact, Some(address));
    });
}

/// Addresses that istiod reads: IP addresses, which is the default type, and host names.
fn addresses(spec: &At<'_>, mut add: impl FnMut(At<'_>)) {
    let Some(addresses) = spec.get("addresses") else { return };
    for address in addresses.items() {
        let kind = address.text_of("type").unwrap_or_else(|| "IPAddress".to_owned());
        if matches!(kind.as_str(), "IPAddress" | "Hostname")
            && let Some(value) = address.get("value")
        {
            add(value);
        }
    }
}

fn listeners(spec: &At<'_>, gateway: &str, class: &str, claims: &mut Claims) {
    let Some(listeners) = spec.get("listeners") else { return };
    for at in listeners.items() {
        let tls = at.get("tls");
        let mode = tls.as_ref().and_then(|tls| tls.get("mode"));
        // The API server's default.
        let default = || tls.as_ref().map(|_| "Terminate".to_owned()).unwrap_or_default();
        let listener = Listener {
            gateway: gateway.to_owned(),
            class: class.to_owned(),
            port: at.text_of("port").unwrap_or_default(),
            protocol: at.text_of("protocol").unwrap_or_default(),
            mode: mode.and_then(|mode| mode.text()).unwrap_or_else(default),
        };
        let fact = |part: ListenerPart| Fact::Listener { listener: listener.clone(), part };
        claims.scalar(fact(ListenerPart::Port), at.get("port"));
        claims.scalar(fact(ListenerPart::Protocol), at.get("protocol"));
        claims.scalar(fact(ListenerPart::Mode), mode);
    }
}
