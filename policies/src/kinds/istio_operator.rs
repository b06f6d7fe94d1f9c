//! `IstioOperator`: a control plane, gateways, or both (istio/istio: `operator/pkg/apis/types.go`).

use super::{Kind, NETWORK_VIEW, service, values};
use crate::claim::{At, Claims, Fact};

/// `install.istio.io/IstioOperator`.
pub(super) struct IstioOperator;

impl Kind for IstioOperator {
    fn group(&self) -> &'static str {
        "install.istio.io"
    }

    fn kind(&self) -> &'static str {
        "IstioOperator"
    }

    fn plural(&self) -> &'static str {
        "istiooperators"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        if let Some(values) = spec.get("values") {
            values::istiod(&values, claims);
        }
        if let Some(config) = spec.get("meshConfig") {
            values::mesh_config(&config, claims);
        }
        let Some(components) = spec.get("components") else { return };
        for key in ["ingressGateways", "egressGateways"] {
            let Some(gateways) = components.get(key) else { continue };
            gateways.items().for_each(|item| gateway(&item, claims));
        }
    }
}

/// A gateway that is switched off asserts nothing.
fn gateway(at: &At<'_>, claims: &mut Claims) {
    let Some(name) = at.text_of("name").filter(|_| at.text_of("enabled").as_deref() != Some("false")) else {
        return;
    };
    if let Some(labels) = at.get("label") {
        service::labels(&labels, &name, claims);
        claims.scalar(Fact::GatewayLabel { gateway: name.clone() }, labels.get("istio"));
    }
    let Some(k8s) = at.get("k8s") else { return };
    if let Some(env) = k8s.get("env") {
        for item in env.items() {
            let fact = match item.text_of("name").as_deref() {
                Some(NETWORK_VIEW) => Fact::NetworkView { gateway: name.clone() },
                Some("ISTIO_META_NETWORK") => Fact::Network,
                _ => continue,
            };
            claims.scalar(fact, item.get("value"));
        }
    }
    if let Some(annotations) = k8s.get("serviceAnnotations") {
        service::annotations(&annotations, &name, claims);
    }
    if let Some(service) = k8s.get("service") {
        service::spec(&service, &name, claims);
    }
}
