//! `IstioOperator`: a control plane, gateways, or both (istio/istio: `operator/pkg/apis/types.go`).

use super::{Kind, NETWORK_VIEW, proxy, rewriting, service, values};
use crate::claim::{At, Claims, Fact, ISTIOD_VARIABLES};

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
        claims.scalar(Fact::Profile, spec.get("profile"));
        let mut plane = None;
        if let Some(values) = spec.get("values") {
            values::istiod(&values, claims);
            rewriting::injection_templates(&values, claims);
            plane = Some(values::plane(&values, false));
            for gateway in ["istio-ingressgateway", "istio-egressgateway"] {
                values.claim(&["gateways", gateway, "env", proxy::NETWORK], Fact::Network, claims);
            }
        }
        if let Some(config) = spec.get("meshConfig") {
            values::mesh_config(&config, claims);
        }
        spec.with(&["components", "pilot", "k8s", "env"], |env| pilot(env, claims));
        rewriting::operator(&spec, claims);
        for key in ["ingressGateways", "egressGateways"] {
            spec.with(&["components", key], |list| list.items().for_each(|item| gateway(&item, claims)));
        }
        claims.plane = self::plane(object, &spec, plane);
    }
}

/// The profile `empty` installs what is switched on, any other one istiod, unless it is switched off.
fn plane(object: &At<'_>, spec: &At<'_>, values: Option<crate::claim::Plane>) -> Option<crate::claim::Plane> {
    let profile = spec.text_of("profile").unwrap_or_default();
    let enabled = spec.text_at(&["components", "pilot", "enabled"]);
    let is_on = enabled.as_deref().map_or(profile != "empty", |enabled| enabled == "true");
    let is_remote = matches!(profile.as_str(), "remote" | "external");
    if !is_on && !is_remote {
        return None;
    }
    let mut plane = values.unwrap_or_default();
    if plane.path.0.is_empty() {
        plane.path = spec.path();
    }
    let text = |at: &At<'_>, key: &str| at.text_of(key).filter(|text| !text.is_empty());
    let own = || object.text_at(&["metadata", "namespace"]);
    plane.named_namespace = plane.named_namespace.or_else(|| text(spec, "namespace"));
    plane.namespace = plane.named_namespace.clone().or_else(own);
    plane.revision = text(spec, "revision").or(plane.revision);
    plane.version = text(spec, "tag");
    plane.is_remote |= is_remote;
    let patched = spec.with(&["components", "pilot", "k8s", "overlays"], |_| ()).is_some();
    // Any other profile than Istio's own is a file.
    plane.whole = !patched && spec.get("unvalidatedValues").is_none() && !profile.contains('/');
    Some(plane)
}

/// Variables of istiod; they replace those of the chart, by their name.
fn pilot(env: &At<'_>, claims: &mut Claims) {
    for item in env.items() {
        if let Some(name) = item.text_of("name").filter(|name| ISTIOD_VARIABLES.contains(&name.as_str())) {
            claims.scalar(Fact::IstiodVariable { name }, item.get("value"));
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
                Some(proxy::NETWORK) => Fact::Network,
                Some(proxy::CLUSTER_ID) => Fact::ClusterId,
                Some(proxy::MESH_ID) => Fact::MeshId,
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
