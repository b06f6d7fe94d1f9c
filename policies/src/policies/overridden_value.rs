//! MW1004: `istio.values` or `istio.meshConfig` set what the mesh declares.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::intent::FreeObject;
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;

/// `istio.values` or `istio.meshConfig` set what the mesh declares.
pub(super) struct OverriddenValue;

static RULE: Rule = Rule {
    code: "MW1004",
    name: "overridden-value",
    severity: Severity::Error,
    title: "a free value sets what the mesh declares",
    docs: include_str!("../../docs/MW1004.md"),
};

/// Where the intent declares what a value sets.
#[derive(Clone, Copy)]
enum Declared {
    InMesh(&'static str),
    InCluster(&'static str),
    /// Follows from several declarations.
    Derived,
}

use Declared::{Derived, InCluster, InMesh};

/// Keys of the istiod chart (istio/istio@1.30: `manifests/charts/istio-control/istio-discovery/values.yaml`) that follow
/// from the intent.
const VALUES: &[(&[&str], &str, Declared)] = &[
    (&["global", "meshID"], "the mesh ID", InMesh("spec.meshID")),
    (&["global", "network"], "the network ID", InCluster("spec.network")),
    (&["global", "multiCluster"], "the cluster ID", InCluster("spec.clusterID")),
    (&["global", "meshNetworks"], "the networks and their gateways", Derived),
    (&["global", "remotePilotAddress"], "the address of the control plane", Derived),
    (&["global", "externalIstiod"], "the shape of the control plane", InMesh("spec.controlPlane")),
    (&["global", "configCluster"], "the shape of the control plane", InMesh("spec.controlPlane")),
    (&["global", "istioNamespace"], "the system namespace", InCluster("spec.istio.namespace")),
    (&["global", "trustDomain"], "the trust domain", InMesh("spec.trustDomain")),
    (&["global", "proxy", "clusterDomain"], "the cluster domain", InMesh("spec.clusterDomain")),
    (&["istiodRemote"], "the shape of the control plane", InMesh("spec.controlPlane")),
    (&["revision"], "the revision", InCluster("spec.istio.revision")),
    (&["network"], "the network ID", InCluster("spec.network")),
    (&["pilot", "env", "CLUSTER_ID"], "the cluster ID", InCluster("spec.clusterID")),
    (&["pilot", "env", "EXTERNAL_ISTIOD"], "the shape of the control plane", InMesh("spec.controlPlane")),
    (&["pilot", "env", "TRUST_DOMAIN"], "the trust domain", InMesh("spec.trustDomain")),
    (&["env", "CLUSTER_ID"], "the cluster ID", InCluster("spec.clusterID")),
    (&["env", "EXTERNAL_ISTIOD"], "the shape of the control plane", InMesh("spec.controlPlane")),
    (&["env", "TRUST_DOMAIN"], "the trust domain", InMesh("spec.trustDomain")),
];

/// Fields of `MeshConfig` (istio/api@1.30: `mesh/v1alpha1/config.proto`, `proxy.proto`) that follow from the intent.
const MESH_CONFIG: &[(&[&str], &str, Declared)] = &[
    (&["trustDomain"], "the trust domain", InMesh("spec.trustDomain")),
    (&["trustDomainAliases"], "the trust domain's aliases", InMesh("spec.trustDomainAliases")),
    (&["defaultConfig", "meshId"], "the mesh ID", InMesh("spec.meshID")),
    (&["defaultConfig", "discoveryAddress"], "the address of the control plane", Derived),
    (
        &["defaultConfig", "proxyMetadata", "ISTIO_META_CLUSTER_ID"],
        "the cluster ID",
        InCluster("spec.clusterID"),
    ),
    (&["defaultConfig", "proxyMetadata", "ISTIO_META_NETWORK"], "the network ID", InCluster("spec.network")),
    (&["defaultConfig", "proxyMetadata", "ISTIO_META_MESH_ID"], "the mesh ID", InMesh("spec.meshID")),
    (
        &["defaultConfig", "proxyMetadata", "ISTIO_META_REQUESTED_NETWORK_VIEW"],
        "the networks that a gateway sees",
        InCluster("spec.eastWestGateways"),
    ),
];

impl Policy for OverriddenValue {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        // A value that clusters share is written once and reported once.
        let mut seen = BTreeSet::new();
        for cluster in mesh.clusters.values() {
            let mut judge = |object: &FreeObject, prefix: &str, keys| {
                let found = overridden(mesh, cluster, object, prefix, keys).into_iter();
                findings.extend(found.filter(|f| !f.place.span.is_written() || seen.insert(f.place.clone())));
            };
            judge(&cluster.istio.values, "spec.istio.values", VALUES);
            judge(&cluster.istio.mesh_config, "spec.istio.meshConfig", MESH_CONFIG);
            if let Some(Value::Object(mesh_config)) = cluster.istio.values.get("meshConfig") {
                judge(mesh_config, "spec.istio.values.meshConfig", MESH_CONFIG);
            }
        }
    }
}

fn overridden(
    mesh: &Mesh,
    cluster: &Cluster,
    object: &FreeObject,
    prefix: &str,
    keys: &[(&[&str], &str, Declared)],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, what, declared) in keys {
        let Some(value) = value_at(object, path) else { continue };
        let path = path.join(".");
        let place = cluster.written.place(format!("{prefix}.{path}").as_str());
        let written = match value {
            Value::Object(_) | Value::Array(_) => path.clone(),
            Value::String(text) => format!("{path}: {text}"),
            scalar => format!("{path}: {scalar}"),
        };
        let message = format!("`{written}` sets {what}, which the intent declares");
        let mut finding = RULE.at(place, message).cluster(&cluster.name).found(value);
        finding = match declared {
            InMesh(field) => {
                let place =
                    if *field == "spec.meshID" { mesh.id_place() } else { mesh.written.place(*field) };
                finding.related(place, format!("{what} is declared here")).help(format!(
                    "remove `{path}`; the Mesh's `{field}` is rendered into every value that needs it"
                ))
            }
            InCluster(field) => {
                let related = if *field == "spec.clusterID" {
                    cluster.id_place()
                } else {
                    cluster.written.place(*field)
                };
                finding.related(related, format!("{what} is declared here")).help(format!(
                    "remove `{path}`; the Cluster's `{field}` is rendered into every value that needs it"
                ))
            }
            Derived => {
                finding.help(format!("remove `{path}`; it follows from the Network and Cluster documents"))
            }
        };
        findings.push(finding);
    }
    findings
}

fn value_at<'a>(object: &'a FreeObject, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, key| value.get(key))
}
