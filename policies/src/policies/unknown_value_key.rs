//! MW8003: a key of `istio.values` or `istio.meshConfig` is read by nobody.

use serde_json::Value;

use crate::chart_keys::{Chart, UnknownKey, unknown_keys, unknown_mesh_config_keys};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::InstallMethod;
use crate::mesh::{Cluster, Mesh, Role};
use crate::node::{FieldPath, Node, Step};
use crate::policy::Policy;

/// MW8003: a key of `istio.values` or `istio.meshConfig` is read by nobody.
#[derive(Debug)]
pub(super) struct UnknownValueKey;

static RULE: Rule = Rule {
    code: "MW8003",
    name: "unknown-value-key",
    severity: Severity::Error,
    title: "a key of `istio.values` or `istio.meshConfig` is read by nobody",
    docs: include_str!("../../docs/MW8003.md"),
};

impl Policy for UnknownValueKey {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let (istio, minor) = (&cluster.istio, cluster.istio.version.minor());
            if !istio.values.is_empty() {
                let values = Value::Object(istio.values.clone());
                for unknown in unknown_keys(chart(cluster), minor, &values) {
                    report(cluster, VALUES, values_of(cluster), &unknown, findings);
                }
                if let Some(config) = istio.values.get("meshConfig") {
                    for unknown in unknown_mesh_config_keys(minor, config) {
                        report(cluster, MESH_CONFIG_IN_VALUES, MESH_CONFIG_OF, &unknown, findings);
                    }
                }
            }
            if !istio.mesh_config.is_empty() {
                let config = Value::Object(istio.mesh_config.clone());
                for unknown in unknown_mesh_config_keys(minor, &config) {
                    report(cluster, MESH_CONFIG, MESH_CONFIG_OF, &unknown, findings);
                }
            }
        }
    }
}

const VALUES: &str = "spec.istio.values";
const MESH_CONFIG: &str = "spec.istio.meshConfig";
const MESH_CONFIG_IN_VALUES: &str = "spec.istio.values.meshConfig";
/// Of what a key of the mesh configuration is none, and what to do with it.
const MESH_CONFIG_OF: (&str, &str) =
    ("field of the mesh configuration", "remove it: istiod leaves it out in silence");

fn values_of(cluster: &Cluster) -> (&'static str, &'static str) {
    let what = match chart(cluster) {
        Chart::Operator => "value of the typed values",
        Chart::IstiodRemote => "value of the istiod-remote chart",
        _ => "value of the istiod chart",
    };
    (what, "remove it, or set what it was meant for under `istio.meshConfig`")
}

/// What reads the values of the cluster's control plane.
fn chart(cluster: &Cluster) -> Chart {
    let istio = &cluster.istio;
    match (istio.install, &cluster.role) {
        (InstallMethod::IstioOperator | InstallMethod::Sail, _) => Chart::Operator,
        (InstallMethod::Helm, Role::Remote { .. }) if !istio.version.at_least(1, 24, 0) => {
            Chart::IstiodRemote
        }
        (InstallMethod::Helm, _) => Chart::Istiod,
    }
}

fn report(
    cluster: &Cluster,
    root: &str,
    (what, otherwise): (&str, &str),
    unknown: &UnknownKey,
    findings: &mut Findings,
) {
    let version = &cluster.istio.version;
    let message = format!("`{}` is no {what} of Istio {version}", unknown.path);
    let help = match (&unknown.suggestion, &unknown.known_in) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some((first, last))) if first == last => format!("it is known in Istio {first} only"),
        (None, Some((first, last))) => format!("it is known in Istio {first} to {last}"),
        (None, None) => otherwise.to_owned(),
    };
    let path = unknown.path.under(&FieldPath::parse(root));
    findings.push(
        cluster
            .finding(&RULE, key_place(&cluster.written.document, path), message)
            .found(&unknown.path)
            .related(cluster.written.place("spec.istio.version"), format!("Istio {version} is declared here"))
            .help(help),
    );
}

/// The place of the key itself, not of its value.
fn key_place(document: &Node, path: FieldPath) -> Place {
    let mut place = Place::in_document(document, path);
    if let Some((Step::Key(key), parents)) = place.path.0.split_last()
        && let Some(entry) = document.at(&FieldPath(parents.to_vec())).and_then(|parent| parent.entry(key))
    {
        place.span = entry.key_span;
    }
    place
}
