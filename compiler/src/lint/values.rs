//! YAML files without a `kind` that are values of Istio's charts.

use std::path::Path;

use meshwright_policies::kinds::charts_in;
use meshwright_policies::node::Node;
use meshwright_policies::repository::Manifest;

/// What the file asserts, when it is values. `path` is its path; its stem stands for the release's name.
pub(super) fn subjects(root: &Node, path: &str) -> Vec<Manifest> {
    let stem =
        Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let serde_json::Value::Object(values) = root.to_json() else { return Vec::new() };
    // A wrapper chart holds the values of each dependency below its name.
    let charts = charts_in(&values).into_iter();
    let found = charts.filter_map(|(key, chart)| match key {
        None => Some(Manifest::values(root.clone(), chart, &stem)),
        Some(key) => Some(Manifest::values(root.get(&key)?.clone(), chart, &key)),
    });
    found.collect()
}
