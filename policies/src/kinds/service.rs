//! `Service`: an entry point of a network, and the type, address, pool and ports that it asks for; the other name of a
//! remote cluster's istiod (istio/istio: `pilot/pkg/serviceregistry/kube/controller/network.go`,
//! `pilot/pkg/serviceregistry/kube/conversion.go`; metallb/metallb: `controller/service.go`).

use super::{GATEWAY_PORT_LABEL, Kind, Mark, NETWORK_LABEL, Reach, endpoints, load_balancer};
use crate::claim::{At, Claim, Claims, Fact};
use crate::istiod;

/// Annotation without which istiod does not read the node ports of a Service.
const NODE_SELECTOR: &str = "traffic.istio.io/nodeSelector";

/// `v1/Service`.
pub(super) struct Service;

impl Kind for Service {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Service"
    }

    fn plural(&self) -> &'static str {
        "services"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[
            Mark::Label(NETWORK_LABEL),
            Mark::Label(GATEWAY_PORT_LABEL),
            Mark::Gateway,
            Mark::Expression(
                "has(self.metadata.name) && self.metadata.name.startsWith('istiod') && has(self.spec) && \
                 has(self.spec.type) && self.spec.type == 'ExternalName'",
            ),
        ])
    }

    // It takes new labels and annotations (Kubernetes: `pkg/registry/core/service/strategy.go`).
    fn subresources(&self) -> &'static [&'static str] {
        &["status"]
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(metadata) = object.get("metadata") else { return };
        let name = metadata.text_of("name").unwrap_or_default();
        if istiod::is_service(&name) && object.str_at(&["spec", "type"]) == Some("ExternalName") {
            object.with(&["spec", "externalName"], |other| endpoints::leads(&name, Some(*other), claims));
            return;
        }
        let gateway = gateway_name(&metadata);
        if let Some(labels) = metadata.get("labels") {
            self::labels(&labels, &gateway, claims);
        }
        if let Some(annotations) = metadata.get("annotations") {
            self::annotations(&annotations, &gateway, claims);
        }
        if let Some(spec) = object.get("spec") {
            self::spec(&spec, &gateway, claims);
            // The API server's default.
            let is_entry = claims.list.iter().any(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }));
            if is_entry && spec.get("type").is_none() && spec.get("ports").is_some() {
                let fact = Fact::GatewayServiceType { gateway };
                let path = spec.path().key("type");
                claims.list.push(Claim { fact, value: "ClusterIP".to_owned(), path, part: false });
            }
        }
    }
}

/// The Service that istiod makes for a `Gateway` of the Gateway API says whose it is (istio/istio:
/// `manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml`).
fn gateway_name(metadata: &At<'_>) -> String {
    let labels = metadata.get("labels");
    let owner = labels.and_then(|labels| labels.text_of("gateway.networking.k8s.io/gateway-name"));
    owner.or_else(|| metadata.text_of("name")).unwrap_or_default()
}

/// Labels of a gateway's Service.
pub(super) fn labels(at: &At<'_>, gateway: &str, claims: &mut Claims) {
    claims.scalar(Fact::GatewayNetwork { gateway: gateway.to_owned() }, at.get(NETWORK_LABEL));
    claims.scalar(Fact::GatewayPortLabel { gateway: gateway.to_owned() }, at.get(GATEWAY_PORT_LABEL));
}

/// Annotations of a gateway's Service: which nodes' addresses it has, MetalLB's under both of its prefixes, and those that
/// have a cloud's load balancer end TLS.
pub(super) fn annotations(at: &At<'_>, gateway: &str, claims: &mut Claims) {
    for key in ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"] {
        let Some(at) = at.get(key) else { continue };
        for address in at.str().unwrap_or_default().split(',').map(str::trim).filter(|a| !a.is_empty()) {
            claims.add_part(Fact::GatewayAddress { gateway: gateway.to_owned() }, &at, address);
        }
    }
    for key in ["metallb.io/address-pool", "metallb.universe.tf/address-pool"] {
        claims.scalar(Fact::GatewayPool { gateway: gateway.to_owned() }, at.get(key));
    }
    claims.scalar(Fact::GatewayNodes { gateway: gateway.to_owned() }, at.get(NODE_SELECTOR));
    load_balancer::claims(at, gateway, claims);
}

/// `spec` of a Service, or what stands for it in chart values and IstioOperator.
pub(super) fn spec(at: &At<'_>, gateway: &str, claims: &mut Claims) {
    without_ports(at, gateway, claims);
    ports(at, gateway, claims);
}

/// The same, where the ports are others than those that it lists.
pub(super) fn without_ports(at: &At<'_>, gateway: &str, claims: &mut Claims) {
    claims.scalar(Fact::GatewayServiceType { gateway: gateway.to_owned() }, at.get("type"));
    claims.scalar(Fact::GatewayAddress { gateway: gateway.to_owned() }, at.get("loadBalancerIP"));
    let policy = Fact::GatewayTrafficPolicy { gateway: gateway.to_owned() };
    claims.scalar(policy, at.get("externalTrafficPolicy"));
    if let Some(external) = at.get("externalIPs") {
        for item in external.items() {
            claims.scalar(Fact::GatewayAddress { gateway: gateway.to_owned() }, Some(item));
        }
    }
}

/// The ports of a Service.
fn ports(at: &At<'_>, gateway: &str, claims: &mut Claims) {
    let Some(ports) = at.get("ports").filter(At::is_list) else { return };
    let numbers: Vec<String> = ports.items().filter_map(|port| port.text_of("port")).collect();
    if numbers.is_empty() && ports.items().next().is_some() {
        return;
    }
    claims.add(Fact::GatewayPorts { gateway: gateway.to_owned() }, &ports, numbers.join(","));
    for port in ports.items() {
        let name = port.text_of("name").unwrap_or_default();
        let fact = Fact::GatewayPort { gateway: gateway.to_owned(), name: name.clone() };
        claims.scalar(fact, port.get("port"));
        let fact = Fact::GatewayTarget { gateway: gateway.to_owned(), name: name.clone() };
        claims.scalar(fact, port.get("targetPort"));
        claims.scalar(Fact::GatewayNodePort { gateway: gateway.to_owned(), name }, port.get("nodePort"));
    }
}
