//! MW6010: a setting is deprecated or does harm.

use serde_json::Value;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW6010: a setting is deprecated or does harm.
#[derive(Debug)]
pub(super) struct HarmfulSetting;

static RULE: Rule = Rule {
    code: "MW6010",
    name: "harmful-setting",
    severity: Severity::Warning,
    title: "a setting is deprecated or does harm",
    docs: include_str!("../../docs/MW6010.md"),
};

impl Policy for HarmfulSetting {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            for (root, config) in mesh_configs(cluster) {
                let Some(metadata) =
                    config.and_then(|config| config.get("defaultConfig")?.get("proxyMetadata"))
                else {
                    continue;
                };
                for (key, why) in metadata_faults(cluster) {
                    if metadata.get(key).is_some() {
                        let path = FieldPath::parse(root).key("defaultConfig").key("proxyMetadata").key(key);
                        let message = format!("`{key}` {why}");
                        let finding = cluster.finding(&RULE, cluster.written.place(path), message);
                        findings.push(finding.help(format!("remove `{key}`")));
                    }
                }
            }
            let webhook = cluster.istio.values.get("sidecarInjectorWebhook");
            if webhook.and_then(|webhook| webhook.get("rewriteAppHTTPProbe")) == Some(&Value::Bool(false)) {
                let path = "spec.istio.values.sidecarInjectorWebhook.rewriteAppHTTPProbe";
                let message =
                    "without `rewriteAppHTTPProbe` the kubelet's HTTP probes fail under strict mutual TLS";
                let finding = cluster.finding(&RULE, cluster.written.place(path), message);
                findings
                    .push(finding.found("false").help("remove `rewriteAppHTTPProbe`; its default is true"));
            }
        }
    }
}

/// The two places of `MeshConfig`, with the path of each.
fn mesh_configs(cluster: &Cluster) -> [(&'static str, Option<&serde_json::Map<String, Value>>); 2] {
    let in_values = cluster.istio.values.get("meshConfig").and_then(Value::as_object);
    [("spec.istio.meshConfig", Some(&cluster.istio.mesh_config)), ("spec.istio.values.meshConfig", in_values)]
}

/// Keys of `proxyMetadata` that should not be there, and why.
fn metadata_faults(cluster: &Cluster) -> impl Iterator<Item = (&'static str, &'static str)> {
    let deprecated = cluster.istio.version.at_least(1, 23, 0);
    let auto = ("ISTIO_META_DNS_AUTO_ALLOCATE", "is deprecated: istiod allocates addresses by itself");
    let mode = ("ISTIO_META_ROUTER_MODE", "has had no effect since Istio 1.11");
    [auto].into_iter().filter(move |_| deprecated).chain([mode])
}
