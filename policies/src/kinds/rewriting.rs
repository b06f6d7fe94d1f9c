//! Texts that rewrite other objects after this program has read them: overlays, patches, Envoy filters. What they make of an
//! object cannot be judged here; that they touch it can be said.

use super::{Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact};

/// Fields by which clusters, networks and gateways are known, as they stand in rendered objects.
const FIELDS: &[&str] = &[
    "topology.istio.io/network",
    "topology.istio.io/controlPlaneClusters",
    "networking.istio.io/gatewayPort",
    "ISTIO_META_NETWORK",
    "ISTIO_META_CLUSTER_ID",
    "ISTIO_META_MESH_ID",
    "ISTIO_META_REQUESTED_NETWORK_VIEW",
];

/// More of them where the object is known to be one of Istio's own.
const ISTIOS_FIELDS: &[&str] = &[
    "topology.istio.io/",
    "networking.istio.io/gatewayPort",
    "ISTIO_META_",
    "EXTERNAL_ISTIOD",
    "CLUSTER_ID",
    "loadBalancerIP",
    "meshNetworks",
    "trustDomain",
    "15443",
    "15012",
];

/// The listener and routes that other networks enter by (istio/istio: `pilot/pkg/networking/core/gateway.go`).
const FILTER_FIELDS: &[&str] =
    &["15443", "sni_cluster", "SNI_DNAT", "SNI-DNAT", "sni-dnat", "REQUESTED_NETWORK_VIEW"];

/// `networking.istio.io/EnvoyFilter`.
pub(super) struct EnvoyFilter;

impl Kind for EnvoyFilter {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "EnvoyFilter"
    }

    fn plural(&self) -> &'static str {
        "envoyfilters"
    }

    // Users' own filters: their changes go on while nobody can judge.
    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression("has(self.spec) && has(self.spec.configPatches)")])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let Some(patches) = spec.get("configPatches") else { return };
        for patch in patches.items() {
            rewritten(&patch, "configPatches", FILTER_FIELDS, claims);
        }
    }
}

/// `k8s.overlays` of every component, and `unvalidatedValues` (istio/istio: `operator/pkg/apis/types.go`).
pub(super) fn operator(spec: &At<'_>, claims: &mut Claims) {
    if let Some(values) = spec.get("unvalidatedValues") {
        rewritten(&values, "unvalidatedValues", ISTIOS_FIELDS, claims);
    }
    let Some(components) = spec.get("components") else { return };
    for (_, component) in components.entries() {
        overlays(&component, claims);
        component.items().for_each(|gateway| overlays(&gateway, claims));
    }
}

fn overlays(component: &At<'_>, claims: &mut Claims) {
    let Some(k8s) = component.get("k8s") else { return };
    let Some(overlays) = k8s.get("overlays") else { return };
    overlays.items().for_each(|overlay| rewritten(&overlay, "k8s.overlays", ISTIOS_FIELDS, claims));
}

/// `postRenderers` of a HelmRelease of one of Istio's charts (fluxcd/helm-controller: `docs/spec/v2/helmreleases.md`).
pub(super) fn post_renderers(spec: &At<'_>, claims: &mut Claims) {
    let Some(renderers) = spec.get("postRenderers") else { return };
    for renderer in renderers.items() {
        rewritten(&renderer, "postRenderers", ISTIOS_FIELDS, claims);
    }
}

/// Patches of a kustomization that an agent holds.
pub(super) fn patches(patches: &At<'_>, carrier: &str, claims: &mut Claims) {
    patches.items().for_each(|patch| rewritten(&patch, carrier, FIELDS, claims));
}

/// Injection templates of the user's own (istio/istio@1.31: `pkg/kube/inject/inject.go`, `ParseTemplates`): laid over the
/// pods of gateways and workloads. Those that the chart brings are no values of anybody's.
pub(super) fn injection_templates(values: &At<'_>, claims: &mut Claims) {
    let Some(webhook) = values.get("sidecarInjectorWebhook") else { return };
    let Some(templates) = webhook.get("templates") else { return };
    for (_, template) in templates.entries() {
        rewritten(&template, "sidecarInjectorWebhook.templates", FIELDS, claims);
    }
}

/// The label of a ConfigMap with what istiod lays over the objects that it makes for the Gateways of a class (istio/istio@1.26:
/// `pilot/pkg/config/kube/gateway/conversion.go`).
pub(super) const CLASS_DEFAULTS: &str = "gateway.istio.io/defaults-for-class";

/// Patches of that ConfigMap: one for each kind of object.
pub(super) fn class_defaults(object: &At<'_>, claims: &mut Claims) {
    if object.text_at(&["metadata", "labels", CLASS_DEFAULTS]).is_none() {
        return;
    }
    let Some(data) = object.get("data") else { return };
    for (_, patch) in data.entries() {
        rewritten(&patch, "defaults of a gateway class", FIELDS, claims);
    }
}

fn rewritten(at: &At<'_>, carrier: &str, fields: &[&str], claims: &mut Claims) {
    // Paths of overlays escape dots within a key, JSON pointers slashes (RFC 6901, section 3).
    let text = at.to_json().to_string().replace("\\\\.", ".").replace("~1", "/");
    if let Some(field) = fields.iter().find(|field| text.contains(**field)) {
        claims.add_part(Fact::Rewritten { carrier: carrier.to_owned() }, at, *field);
    }
}
