//! The webhook beside an API server, and ways to wait.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::time::Duration;

use meshwright_webhook::cluster::{Cluster, PolicyRule, Rhythm, needs};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::rbac::Grant;
use crate::support::{DECLARATION, Options, Running};

/// The definition of declarations, as it is rendered.
pub(crate) fn definition() -> Value {
    let path = "../example-repo/rendered/crds/customresourcedefinition-meshdeclarations.meshwright.dev.yaml";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The declaration of mesh `mdemo`, on a network.
pub(crate) fn declaration(network: &str) -> Value {
    let mut object: Value = serde_yaml::from_str(DECLARATION).unwrap();
    object["metadata"] = json!({"name": "mdemo"});
    object["spec"]["network"] = network.into();
    object
}

/// The webhook may do what it says it needs, and nothing else.
pub(crate) fn cluster(server: &ApiServer) -> Cluster {
    let needs = needs();
    let rules = |rules: &[PolicyRule]| rules.iter().map(|rule| serde_json::to_value(rule).unwrap()).collect();
    let system = Some("istio-system".to_owned());
    let system = Grant { namespace: system, rules: rules(&needs.system_namespaces) };
    let grants = vec![Grant { namespace: None, rules: rules(&needs.cluster) }, system];
    Cluster::with(server.config_as("webhook", grants)).unwrap()
}

pub(crate) const RHYTHM: Rhythm =
    Rhythm { audit: Duration::from_secs(600), resync: Duration::from_secs(600) };

/// A webhook that lives in that cluster.
pub(crate) async fn webhook(server: &ApiServer, rhythm: Rhythm) -> Running {
    Running::start(Options { cluster: Some((cluster(server), rhythm)), ..Options::default() }).await
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 20 s: {what}");
}

/// The networks in force, by mesh.
pub(crate) fn in_force(running: &Running) -> String {
    let snapshot = running.store.snapshot();
    let text = |d: &std::sync::Arc<meshwright_webhook::store::Declared>| {
        let declaration = &d.declaration;
        let generation = declaration.metadata.generation.unwrap_or_default();
        format!("{}@{generation} {}", declaration.metadata.name, declaration.spec.network)
    };
    snapshot.declared.iter().map(text).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn until_in_force(running: &Running, wanted: &str) {
    until(&format!("{wanted} is in force"), || in_force(running) == wanted).await;
}
