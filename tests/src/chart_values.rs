//! The Helm values inside rendered objects and values files, with the chart that reads each.

use meshwright::publish::Tree;
use meshwright_policies::chart_keys::{Chart, unknown_keys};
use meshwright_policies::version::Minor;
use serde_json::Value;

use crate::objects::yaml_files;

/// Values that a chart of Istio reads.
#[derive(Clone, Debug)]
pub struct ChartValues {
    /// The file that they are in.
    pub path: String,
    /// The chart.
    pub chart: Chart,
    /// Its release.
    pub version: Minor,
    /// The values.
    pub values: Value,
}

/// All values for charts of Istio in a tree. A values file does not say its version: `of_files` gives it.
#[must_use]
pub fn chart_values(tree: &Tree, of_files: Minor) -> Vec<ChartValues> {
    let mut all = Vec::new();
    for file in yaml_files(tree) {
        let at = |pointer: &str| file.value.pointer(pointer);
        let found = match at("/kind").and_then(Value::as_str) {
            Some("HelmRelease") => {
                named(at("/spec/chart/spec/chart"), at("/spec/chart/spec/version"), at("/spec/values"))
            }
            Some("Application") => named(
                at("/spec/source/chart"),
                at("/spec/source/targetRevision"),
                at("/spec/source/helm/valuesObject"),
            ),
            Some("Istio" | "IstioCNI") => operator(at("/spec/version"), at("/spec/values")),
            Some("IstioOperator") => operator(at("/spec/tag"), at("/spec/values"))
                .map(|(chart, _, values)| (chart, of_files, values)),
            None if file.path.contains("/helm/") => {
                let (_, name) = file.path.rsplit_once('/').unwrap();
                Some((values_chart(name), of_files, file.value.clone()))
            }
            _ => None,
        };
        if let Some((chart, version, values)) = found {
            all.push(ChartValues { path: file.path, chart, version, values });
        }
    }
    all
}

/// Every key that a chart would ignore, one line each.
#[must_use]
pub fn unknown(tree: &Tree, of_files: Minor) -> Vec<String> {
    let values = chart_values(tree, of_files);
    let lines = values.iter().flat_map(|one| {
        let keys = unknown_keys(one.chart, one.version, &one.values);
        keys.into_iter().map(|key| {
            format!("{}: {} {} does not know {}", one.path, one.chart.name(), one.version, key.path)
        })
    });
    lines.collect()
}

fn named(
    chart: Option<&Value>,
    version: Option<&Value>,
    values: Option<&Value>,
) -> Option<(Chart, Minor, Value)> {
    let chart = Chart::named(chart?.as_str()?)?;
    Some((chart, minor(version?.as_str()?), values.cloned().unwrap_or_default()))
}

fn operator(version: Option<&Value>, values: Option<&Value>) -> Option<(Chart, Minor, Value)> {
    let version = version.and_then(Value::as_str).map_or(Minor(0, 0), minor);
    Some((Chart::Operator, version, values?.clone()))
}

/// The chart of a values file, by the name of its release.
fn values_chart(file: &str) -> Chart {
    let starts = [
        ("istio-base", Chart::Base),
        ("istio-cni", Chart::Cni),
        ("istiod-remote", Chart::IstiodRemote),
        ("istiod", Chart::Istiod),
        ("istio-", Chart::Gateway),
    ];
    let found = starts.iter().find(|(start, _)| file.starts_with(start));
    found.unwrap_or_else(|| panic!("{file} is no known release")).1
}

/// `1.26` of `1.26.8`, `v1.26.8` or `1.15.3-mspider`.
fn minor(version: &str) -> Minor {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap());
    let mut next = || numbers.next().unwrap();
    Minor(next(), next())
}
