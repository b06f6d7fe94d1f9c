//! Control planes whose installation was rendered before: the objects that Istio's charts or `istioctl manifest generate` make,
//! without the values that they were made of (istio/istio@1.20 to 1.31: `manifests/charts/istio-control/istio-discovery/templates`).

use std::collections::BTreeSet;

use meshwright_policies::claim::{Claim, Fact};
use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::repository::{Cluster, Manifest};
use meshwright_policies::version::Version;
use serde_json::{Map, Value as Json};

use super::plane::group_of;

/// Charts of a control plane.
pub(super) const CHARTS: [&str; 4] = ["base", "istiod", "istiod-remote", "cni"];
/// The registry of Istio's releases.
const HUB: &str = "docker.io/istio";

/// Whether an object is one that the installation of a control plane makes.
pub(super) fn is_made(subject: &Manifest) -> bool {
    if subject.kind == "CustomResourceDefinition" && subject.name.ends_with(".istio.io") {
        return true;
    }
    // Before 1.24 the charts say it by labels of their own.
    let of_operator = matches!(label(subject, "operator.istio.io/component"), Some("Pilot" | "Base" | "Cni"));
    let of_release = label(subject, "release").is_some()
        && matches!(label(subject, "app"), Some("istiod" | "istio-reader" | "sidecar-injector"));
    of_operator || of_release || chart(subject).is_some_and(|chart| CHARTS.contains(&chart))
}

/// Whether an object is one that the installation of a gateway makes beside its Service.
pub(super) fn is_of_gateway(subject: &Manifest, gateway: &str) -> bool {
    let named = subject.name.strip_prefix(gateway);
    named.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        && (chart(subject) == Some("gateway")
            || label(subject, "operator.istio.io/component") == Some("IngressGateways"))
}

/// Whether the installation of a control plane says which cluster it is for, or whose istiod serves it.
pub(super) fn is_there(cluster: &Cluster) -> bool {
    let says = |fact: &Fact| matches!(fact, Fact::ClusterId | Fact::MeshId | Fact::IstiodEndpoint { .. });
    cluster.subjects.iter().filter(|subject| is_made(subject)).any(|subject| {
        let mut facts = subject.claims.list.iter().map(|claim| &claim.fact);
        facts.any(says)
    })
}

/// Whether an object that an installation made says nothing but what one of the rendered values comes to. `rendered`: the values
/// that are rendered of a fact.
pub(super) fn follows<'r>(
    subject: &Manifest,
    claim: &Claim,
    rendered: impl Fn(&Fact) -> Option<&'r BTreeSet<String>>,
) -> bool {
    let has = |fact: &Fact, value: &str| rendered(fact).is_some_and(|values| values.contains(value));
    if is_made(subject) {
        return match &claim.fact {
            Fact::IstiodEndpoint { .. } => has(&Fact::ControlPlaneAddress, &claim.value),
            Fact::GatewayPorts { .. } | Fact::GatewayTarget { .. } | Fact::GatewayServiceType { .. } => {
                subject.kind == "Service" && subject.name.starts_with("istiod")
            }
            _ => false,
        };
    }
    let is_gateways = chart(subject) == Some("gateway");
    let of = |gateway: &String, value: &str| {
        is_gateways && has(&Fact::GatewayNetwork { gateway: gateway.clone() }, value)
    };
    let of_some = |gateway: &String| {
        is_gateways && rendered(&Fact::GatewayNetwork { gateway: gateway.clone() }).is_some()
    };
    match &claim.fact {
        Fact::NetworkView { gateway } => of(gateway, &claim.value),
        Fact::WorkloadNetwork { .. } => of(&subject.name, &claim.value),
        Fact::GatewayLabel { gateway } => {
            of_some(gateway) && gateway.strip_prefix("istio-").unwrap_or(gateway) == claim.value
        }
        Fact::GatewayPorts { gateway } => of_some(gateway) && claim.value.split(',').all(is_network_port),
        Fact::GatewayTarget { gateway, .. } => of_some(gateway) && is_network_port(&claim.value),
        _ => false,
    }
}

/// The ports that the gateway chart gives a network's gateway (istio/istio@1.31: `manifests/charts/gateway/templates/service.yaml`).
fn is_network_port(port: &str) -> bool {
    ["15021", "15443", "15012", "15017"].contains(&port)
}

/// Where the Service leads that is called as istiod's, in a cluster that runs none.
pub(super) fn control_plane(cluster: &Cluster) -> Option<String> {
    if !cluster.stated(|_, fact| *fact == Fact::IstiodImage).is_empty() {
        return None;
    }
    let stated = cluster.stated(|_, fact| matches!(fact, Fact::IstiodEndpoint { .. }));
    Some(stated.first()?.claim.value.clone())
}

/// `spec.istio` of the cluster, as far as the objects say it.
pub(super) fn istio(cluster: &Cluster) -> Map<String, Json> {
    let mut istio = Map::new();
    let made: Vec<&Manifest> = cluster.subjects.iter().filter(|subject| is_made(subject)).collect();
    let image = made.iter().find_map(|subject| subject.claims.first(&Fact::IstiodImage));
    let hub = image.and_then(|image| image.value.rsplit_once("/pilot:")).map(|(hub, _)| hub);
    let of_chart = || {
        let istiod =
            made.iter().find(|subject| chart(subject).is_some_and(|chart| chart.starts_with("istiod")));
        label(istiod?, "app.kubernetes.io/version")?.parse::<Version>().ok()
    };
    if let Some(version) = made.iter().find_map(|subject| subject.claims.istiod_release()).or_else(of_chart) {
        istio.insert("version".into(), version.as_str().into());
    }
    if let Some(hub) = hub.filter(|hub| *hub != HUB) {
        istio.insert("hub".into(), hub.into());
    }
    let mut revisions = made.iter().filter_map(|subject| label(subject, "istio.io/rev"));
    if let Some(revision) = revisions.find(|revision| *revision != "default") {
        istio.insert("revision".into(), revision.into());
    }
    istio
}

/// The chart that made an object: `istiod` of `istiod-1.30.1`.
fn chart(subject: &Manifest) -> Option<&str> {
    let (name, version) = label(subject, "helm.sh/chart")?.rsplit_once('-')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(name)
}

fn label<'a>(subject: &'a Manifest, key: &str) -> Option<&'a str> {
    subject.document.at(&FieldPath::parse("metadata.labels").key(key)).and_then(Node::as_str)
}

/// Whether an object can have been changed where the intent does not see it: its parts come from values.
pub(super) fn holds_settings(subject: &Manifest) -> bool {
    matches!(
        (group_of(subject).as_str(), subject.kind.as_str()),
        ("", "ConfigMap")
            | ("apps", "Deployment" | "DaemonSet")
            | (
                "admissionregistration.k8s.io",
                "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration"
            )
    )
}
