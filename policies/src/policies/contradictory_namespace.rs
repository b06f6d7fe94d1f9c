//! MW9006: a namespace contradicts itself or the cluster.

use std::collections::BTreeMap;

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::{Injection, InstallMethod, NamespaceSpec};
use crate::mesh::{Cluster, Mesh};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW9006: a namespace contradicts itself or the cluster.
#[derive(Debug)]
pub(super) struct ContradictoryNamespace;

static RULE: Rule = Rule {
    code: "MW9006",
    name: "contradictory-namespace",
    severity: Severity::Error,
    title: "a namespace contradicts itself or the cluster",
    docs: include_str!("../../docs/MW9006.md"),
};

impl Policy for ContradictoryNamespace {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let mut first = BTreeMap::new();
            for (index, namespace) in cluster.spec.namespaces.iter().enumerate() {
                let path = path(index);
                if let Some(other) = first.insert(&namespace.name, index) {
                    let message = format!("namespace `{}` is declared twice", namespace.name);
                    findings.push(
                        cluster
                            .finding(&RULE, cluster.written.place(path.clone().key("name")), message)
                            .found(&namespace.name)
                            .related(cluster.written.place(self::path(other)), "the first is here")
                            .help("merge the two"),
                    );
                }
                findings.extend(injection(cluster, namespace, &path));
                findings.extend(network(cluster, namespace, &path));
                findings.extend(samples(cluster, namespace, &path));
                findings.extend(gateways(cluster, namespace, &path));
            }
        }
    }
}

const INJECTION: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const NETWORK: &str = "topology.istio.io/network";

fn path(index: usize) -> FieldPath {
    FieldPath::parse("spec.namespaces").index(index)
}

/// Labels that say otherwise than `injection` and the control plane.
fn injection(cluster: &Cluster, namespace: &NamespaceSpec, path: &FieldPath) -> Option<Finding> {
    let label = |key: &str| namespace.labels.get(key).map(String::as_str);
    let revision = cluster.istio.revision.as_ref().map(|revision| revision.as_str());
    let name = &namespace.name;
    let (key, message) = match (label(INJECTION), label(REVISION), namespace.injection) {
        (Some(value), _, Injection::Enabled) if value != "enabled" => (
            INJECTION,
            format!("label `{INJECTION}: {value}` of namespace `{name}` contradicts `injection: enabled`"),
        ),
        (Some(value), _, Injection::Disabled) if value != "disabled" => (
            INJECTION,
            format!("label `{INJECTION}: {value}` of namespace `{name}` contradicts `injection: disabled`"),
        ),
        (_, Some(value), Injection::Disabled) => (
            REVISION,
            format!("label `{REVISION}: {value}` of namespace `{name}` contradicts `injection: disabled`"),
        ),
        (Some(_), Some(_), _) => (
            REVISION,
            format!("namespace `{name}` has both `{INJECTION}` and `{REVISION}`, of which the first wins"),
        ),
        (_, Some(value), _) if value != revision.unwrap_or("default") => {
            let runs = revision
                .map_or("has no revision".to_owned(), |revision| format!("has revision `{revision}`"));
            (
                REVISION,
                format!(
                    "label `{REVISION}: {value}` of namespace `{name}` selects no istiod: the cluster's {runs}"
                ),
            )
        }
        (Some("enabled"), _, _) if revision.is_some() => {
            let revision = revision.unwrap_or_default();
            (
                INJECTION,
                format!("label `{INJECTION}` of namespace `{name}` does not select istiod `{revision}`"),
            )
        }
        _ => return None,
    };
    let place = cluster.written.place(path.clone().key("labels").key(key));
    let against = match namespace.injection {
        Injection::Unset => cluster.written.place("spec.istio.revision"),
        _ => cluster.written.place(path.clone().key("injection")),
    };
    let mut finding = cluster.finding(&RULE, place, message).related(against, "what it has to agree with");
    finding.found = namespace.labels.get(key).cloned();
    Some(finding.help(format!(
        "remove the label `{key}` and declare `injection`; the right label is rendered from it"
    )))
}

/// What switches injection off in a namespace.
fn disabled(namespace: &NamespaceSpec, path: &FieldPath) -> Option<FieldPath> {
    let label = namespace.labels.get(INJECTION).map(String::as_str);
    match namespace.injection {
        Injection::Disabled => Some(path.clone().key("injection")),
        Injection::Unset if label == Some("disabled") => Some(path.clone().key("labels").key(INJECTION)),
        _ => None,
    }
}

/// Gateways in a namespace without injection: the gateway chart has no proxy of its own. The operator's gateways do
/// (istio/istio@1.30: `manifests/charts/gateway/templates/deployment.yaml`; `manifests/charts/gateways/istio-ingress`).
fn gateways(cluster: &Cluster, namespace: &NamespaceSpec, path: &FieldPath) -> Option<Finding> {
    let gateway = cluster.gateways.first()?;
    if namespace.name != cluster.istio.namespace || cluster.istio.install == InstallMethod::IstioOperator {
        return None;
    }
    let key = disabled(namespace, path)?;
    let message = format!(
        "the pods of gateway `{}` are injected, but injection is disabled in `{}`: they start without a proxy",
        gateway.name, namespace.name
    );
    let finding = cluster.finding(&RULE, cluster.written.place(key), message).found("disabled");
    Some(
        finding.help(
            "leave injection of the system namespace as it is; only what asks for it is injected there",
        ),
    )
}

/// Samples in a namespace that gets no sidecars: they answer nobody on another network.
fn samples(cluster: &Cluster, namespace: &NamespaceSpec, path: &FieldPath) -> Option<Finding> {
    let samples = cluster.spec.samples.as_ref().filter(|samples| samples.namespace == namespace.name)?;
    let any = samples.helloworld.is_some() || samples.reviews.is_some() || samples.sleep.is_some();
    let key = disabled(namespace, path)?;
    let message = format!(
        "the samples of cluster `{}` are in namespace `{}`, which gets no sidecars",
        cluster.name, namespace.name
    );
    any.then(|| {
        cluster
            .finding(&RULE, cluster.written.place(key), message)
            .found("disabled")
            .related(cluster.written.place("spec.samples"), "the samples are declared here")
            .help("set `injection: enabled`, or give the samples another `namespace`")
    })
}

/// The network label where it has no place, or with another value.
fn network(cluster: &Cluster, namespace: &NamespaceSpec, path: &FieldPath) -> Option<Finding> {
    let value = namespace.labels.get(NETWORK)?;
    let is_system = namespace.name == cluster.istio.namespace;
    if is_system && value == cluster.network.as_str() {
        return None;
    }
    let message = if is_system {
        format!("namespace `{}` would move cluster `{}` to network `{value}`", namespace.name, cluster.name)
    } else {
        format!(
            "nobody reads the network label of namespace `{}`: it counts on `{}` only",
            namespace.name, cluster.istio.namespace
        )
    };
    let place = cluster.written.place(path.clone().key("labels").key(NETWORK));
    Some(
        cluster
            .finding(&RULE, place, message)
            .found(value)
            .declared(
                &cluster.network,
                cluster.written.place("spec.network"),
                "the cluster's network is declared here",
            )
            .help("remove the label; it is rendered on the system namespace"),
    )
}
