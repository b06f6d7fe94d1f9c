//! MW4256: a gateway that needs injection is not injected.

use crate::chart_keys::Chart;
use crate::claim::At;
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::InstallMethod;
use crate::kinds;
use crate::node::{FieldPath, Node, Span};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4256: a gateway that needs injection is not injected.
pub(super) struct GatewayNotInjected;

static RULE: Rule = Rule {
    code: "MW4256",
    name: "gateway-not-injected",
    severity: Severity::Error,
    title: "gateway that needs injection is not injected",
    docs: include_str!("../../docs/MW4256.md"),
};

impl Policy for GatewayNotInjected {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn admit(&self, declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
        if object.str_at(&["kind"]) == Some("Namespace") {
            home_without_injection(declaration, object, findings);
            return;
        }
        if object.str_at(&["kind"]) != Some("Deployment") {
            return;
        }
        let is_automatic = |container: At<'_>| {
            container.str_at(&["name"]) == Some(PROXY) && container.str_at(&["image"]) == Some(AUTOMATIC)
        };
        let refuses =
            |map: &&&str| object.str_at(&["spec", "template", "metadata", map, INJECT]) == Some("false");
        let Some(map) = ["labels", "annotations"].iter().find(refuses) else { return };
        let containers = ["spec", "template", "spec", "containers"];
        if object.with(&containers, |all| all.items().any(is_automatic)) != Some(true) {
            return;
        }
        let path = FieldPath::parse("spec.template.metadata").key(map).key(INJECT);
        findings.push(
            RULE.at(Place { span: Span::NONE, path }, REFUSED)
                .found("false")
                .help(format!("set `{INJECT}: \"true\"`, or remove it"))
                .cluster(&declaration.cluster.name)
                .object(kinds::reference(object)),
        );
    }

    fn admits(&self) -> bool {
        true
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for subject in &cluster.subjects {
                if let Some((path, namespace)) = injected(subject) {
                    judge(cluster, subject, &path, &namespace, findings);
                }
                if let Some(image) = automatic(subject) {
                    without_injection(cluster, subject, &image, findings);
                }
            }
        }
    }
}

/// Declared gateways are in the system namespace; the gateway chart, which is installed by every method but the operator, has
/// their pods injected.
fn home_without_injection(declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
    let namespace = declaration.istio.namespace.as_str();
    let is_disabled = object.str_at(&["metadata", "labels", "istio-injection"]) == Some("disabled");
    let Some(gateway) = declaration.gateways.first() else { return };
    if !is_disabled
        || object.str_at(&["metadata", "name"]) != Some(namespace)
        || declaration.istio.install == InstallMethod::IstioOperator
    {
        return;
    }
    let path = FieldPath::parse("metadata.labels").key("istio-injection");
    let message = format!(
        "the pods of gateway `{}` are injected, but injection is disabled in `{namespace}`: they start without a proxy",
        gateway.name
    );
    findings.push(
        RULE.at(Place { span: Span::NONE, path }, message)
            .found("disabled")
            .help("remove the label `istio-injection`")
            .cluster(&declaration.cluster.name)
            .object(kinds::reference(object)),
    );
}

/// The namespace of a gateway whose pods have no image before they are injected.
fn injected(subject: &Manifest) -> Option<(FieldPath, String)> {
    let path = match subject.kind.as_str() {
        "HelmRelease" if is_gateway_chart(subject) => {
            let target = FieldPath::parse("spec.targetNamespace");
            if subject.document.at(&target).is_some() {
                target
            } else {
                FieldPath::parse("metadata.namespace")
            }
        }
        "Application" if is_gateway_chart(subject) => FieldPath::parse("spec.destination.namespace"),
        "Deployment" => {
            let pods = subject.document.at(&"spec.template.metadata.annotations".into())?;
            let template = pods.get("inject.istio.io/templates").and_then(Node::as_str)?;
            if template != "gateway" {
                return None;
            }
            FieldPath::parse("metadata.namespace")
        }
        "IstioOperator" => {
            let own =
                FieldPath::parse("spec.values.gateways").key("istio-ingressgateway").key("injectionTemplate");
            if subject.document.at(&own).and_then(Node::as_str) != Some("gateway") {
                return None;
            }
            return Some((own, subject.plane.clone()));
        }
        _ => return None,
    };
    let namespace = subject.document.at(&path).and_then(Node::as_str)?.to_owned();
    Some((path, namespace))
}

fn is_gateway_chart(subject: &Manifest) -> bool {
    subject.chart_values().iter().any(|values| values.chart == Some(Chart::Gateway))
}

/// The webhooks for single pods take no namespace with the label at all (istio/istio:
/// `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
fn judge(cluster: &Cluster, subject: &Manifest, path: &FieldPath, namespace: &str, findings: &mut Findings) {
    let label = FieldPath::parse("metadata.labels").key("istio-injection");
    let disabled = |other: &&Manifest| {
        other.kind == "Namespace"
            && other.name == namespace
            && other.document.at(&label).and_then(Node::as_str) == Some("disabled")
    };
    let Some(home) = cluster.subjects.iter().find(disabled) else { return };
    let message = format!(
        "the gateway's pods are injected, but namespace `{namespace}` has injection disabled: they start without a proxy"
    );
    findings.push(
        subject
            .finding(&RULE, path, message)
            .found(namespace)
            .related(home.place(&label), "injection is disabled here")
            .help("remove the label `istio-injection: disabled`, or install the gateway in another namespace")
            .cluster(&cluster.name),
    );
}

/// The container whose image the webhook has to fill in (istio/istio@1.31: `pkg/kube/inject/webhook.go`, `AutoImage`).
fn automatic(subject: &Manifest) -> Option<FieldPath> {
    if !matches!(subject.kind.as_str(), "Deployment" | "DaemonSet" | "StatefulSet") {
        return None;
    }
    let containers = FieldPath::parse("spec.template.spec.containers");
    let mut all = subject.document.at(&containers)?.items().enumerate();
    all.find_map(|(index, container)| {
        let is = |key: &str, text: &str| container.get(key).and_then(Node::as_str) == Some(text);
        (is("name", "istio-proxy") && is("image", "auto"))
            .then(|| containers.clone().index(index).key("image"))
    })
}

/// Pods that ask for no injection, or that nothing injects: the labels of pod and namespace decide together (istio/istio@1.31:
/// `manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml`).
fn without_injection(cluster: &Cluster, subject: &Manifest, image: &FieldPath, findings: &mut Findings) {
    let pods = FieldPath::parse("spec.template.metadata");
    let pod = |map: &str, key: &str| {
        let path = FieldPath::parse(map).key(key).under(&pods);
        let text = subject.document.at(&path)?.to_json().as_str().map(str::to_owned)?;
        Some((path, text))
    };
    let asked = pod("labels", INJECT).or_else(|| pod("annotations", INJECT));
    let finding =
        |path: &FieldPath, message: &str| subject.finding(&RULE, path, message).cluster(&cluster.name);
    if let Some((path, text)) = asked {
        if text == "false" {
            let finding =
                finding(&path, REFUSED).found(text).related(subject.place(image), "this is filled in");
            findings.push(finding.help(format!("set `{INJECT}: \"true\"`, or remove it")));
        }
        return;
    }
    let namespace = subject.namespace.as_deref().unwrap_or("default");
    let homes: Vec<&Manifest> = cluster
        .subjects
        .iter()
        .filter(|other| other.kind == "Namespace" && other.name == namespace)
        .collect();
    // Another file may label the namespace, another control plane may inject whatever it likes.
    let [home] = homes.as_slice() else { return };
    if !cluster.complete || !has_usual_webhooks(cluster) || pod("labels", REVISION).is_some() {
        return;
    }
    let labels = home.document.at(&"metadata.labels".into());
    let has = |key: &str| labels.is_some_and(|labels| labels.get(key).is_some());
    if has("istio-injection") || has(REVISION) {
        return;
    }
    let message = format!(
        "the gateway's pods need injection, but neither they nor namespace `{namespace}` are labelled for it: image `auto` \
         is none that a node can pull"
    );
    findings.push(
        finding(image, &message)
            .found("auto")
            .related(home.place(&"metadata.name".into()), "this namespace asks for no injection")
            .help(format!("label the pods with `{INJECT}: \"true\"`")),
    );
}

const PROXY: &str = "istio-proxy";
const AUTOMATIC: &str = "auto";
const REFUSED: &str =
    "the gateway's pods refuse the injection that they need: image `auto` is none that a node can pull";
const INJECT: &str = "sidecar.istio.io/inject";
const REVISION: &str = "istio.io/rev";

/// Whether the cluster's control planes are known, and inject what is labelled only.
fn has_usual_webhooks(cluster: &Cluster) -> bool {
    let flag = FieldPath::parse("sidecarInjectorWebhook.enableNamespacesByDefault");
    let by_default = |subject: &Manifest| {
        let values = subject.chart_values();
        values.iter().any(|at| at.values.at(&flag).is_some_and(|node| node.to_json() != false))
    };
    cluster.subjects.iter().any(|subject| subject.claims.plane.as_ref().is_some_and(|plane| plane.whole))
        && !cluster.subjects.iter().any(by_default)
}
