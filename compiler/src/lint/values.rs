//! Which YAML files without a `kind` are values of Istio's charts.

use std::path::Path;

use meshwright_policies::chart_keys::Chart;
use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::repository::Manifest;

/// Keys that only istiod's values have. Many charts have a `global`, and some a `network` in it.
const ISTIOD: &[&str] = &[
    "global.multiCluster",
    "global.meshID",
    "global.meshNetworks",
    "global.istioNamespace",
    "global.remotePilotAddress",
    "istiodRemote",
    "meshConfig",
];

/// Keys that only values of the gateway chart have.
const GATEWAY: &[&str] = &["networkGateway", "env.ISTIO_META_REQUESTED_NETWORK_VIEW"];

/// What the file asserts, when it is values. `path` is its path; its stem stands for the release's name.
pub(super) fn subjects(root: &Node, path: &str) -> Vec<Manifest> {
    let stem =
        Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(chart) = chart_of(root) {
        return vec![Manifest::values(root.clone(), chart, &stem)];
    }
    // A wrapper chart holds the values of each dependency below its name.
    let named = root.entries().filter_map(|entry| {
        let chart = chart_of(&entry.node)?;
        Some(Manifest::values(entry.node.clone(), chart, &entry.key))
    });
    named.collect()
}

fn chart_of(node: &Node) -> Option<Chart> {
    let has = |keys: &[&str]| keys.iter().any(|key| node.at(&FieldPath::parse(key)).is_some());
    if has(ISTIOD) {
        Some(Chart::Istiod)
    } else if has(GATEWAY) {
        Some(Chart::Gateway)
    } else {
        None
    }
}
