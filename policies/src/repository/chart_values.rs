//! Values of Istio's charts in a document: where they are, and which chart of which release reads them.

use super::Manifest;
use crate::chart_keys::Chart;
use crate::kinds::is_subchart;
use crate::node::{FieldPath, Node, Value};
use crate::version::Version;

/// Chart values in a document.
#[derive(Clone, Debug)]
pub struct ValuesAt<'a> {
    /// Where they are.
    pub path: FieldPath,
    /// The values.
    pub values: &'a Node,
    /// What reads them.
    pub chart: Option<Chart>,
    /// Its release, when it is written.
    pub version: Option<Version>,
}

impl Manifest {
    /// Chart values in it.
    #[must_use]
    pub fn chart_values(&self) -> Vec<ValuesAt<'_>> {
        let version = |path: &str| self.text(path).and_then(|text| text.parse().ok());
        let at = |path: &str, chart: Option<Chart>, version: Option<Version>| {
            let path = FieldPath::parse(path);
            self.document.at(&path).map(|values| ValuesAt { path, values, chart, version })
        };
        match self.kind.as_str() {
            "" => {
                let (chart, version) = match &self.chart {
                    Some((chart, version)) => (Some(*chart), version.clone()),
                    None => (None, None),
                };
                vec![ValuesAt { path: FieldPath::root(), values: &self.document, chart, version }]
            }
            "IstioOperator" => {
                at("spec.values", Some(Chart::Operator), version("spec.tag")).into_iter().collect()
            }
            "Istio" | "IstioRevision" => {
                at("spec.values", Some(Chart::Operator), version("spec.version")).into_iter().collect()
            }
            "HelmRelease" => {
                let name = self.text("spec.chart.spec.chart").or_else(|| self.text("spec.chartRef.name"));
                let values = self.document.at(&"spec.values".into());
                let is_wrapper = name.as_deref().is_some_and(|name| is_wrapper(name, values));
                let chart = name.filter(|_| !is_wrapper).and_then(|name| chart_named(&name));
                let at = at("spec.values", chart, version("spec.chart.spec.version"));
                at.into_iter().flat_map(in_wrapper).collect()
            }
            "Application" => self.application_values("spec"),
            "ApplicationSet" => self.application_values("spec.template.spec"),
            _ => Vec::new(),
        }
    }

    fn application_values(&self, spec: &str) -> Vec<ValuesAt<'_>> {
        let list = FieldPath::parse(spec).key("sources");
        let sources = self.document.at(&list).map_or(0, |list| list.items().count());
        let prefixes = std::iter::once(format!("{spec}.source"))
            .chain((0..sources).map(|index| format!("{spec}.sources[{index}]")));
        let mut all = Vec::new();
        for prefix in prefixes {
            let chart = self.text(&format!("{prefix}.chart")).and_then(|name| chart_named(&name));
            let version: Option<Version> =
                self.text(&format!("{prefix}.targetRevision")).and_then(|text| text.parse().ok());
            for key in ["values", "valuesObject"] {
                let path = FieldPath::parse(&format!("{prefix}.helm.{key}"));
                if let Some(values) = self.document.at(&path).filter(|values| values.as_str().is_none()) {
                    all.extend(in_wrapper(ValuesAt { path, values, chart, version: version.clone() }));
                }
            }
        }
        all
    }

    /// `meshNetworks` maps in it: the place, the map, and whether it is the document of the ConfigMap, which has the
    /// wrapper `networks:`, and not the chart value, which has none.
    #[must_use]
    pub fn mesh_networks(&self) -> Vec<(FieldPath, &Node, bool)> {
        let inner = FieldPath::parse("global.meshNetworks");
        let mut found: Vec<_> = self
            .chart_values()
            .into_iter()
            .filter_map(|at| Some((inner.under(&at.path), at.values.at(&inner)?, false)))
            .collect();
        if self.kind == "ConfigMap" {
            let path = FieldPath::parse("data.meshNetworks");
            if let Some(node) = self.document.at(&path)
                && matches!(node.value, Value::Mapping(_))
            {
                found.push((path, node, true));
            }
        }
        found
    }
}

/// Whether a chart is called like one of Istio's and is a wrapper of it: the directory `./charts/istiod`.
fn is_wrapper(chart: &str, values: Option<&Node>) -> bool {
    let mut entries = values.into_iter().flat_map(Node::entries);
    chart.contains('/')
        && entries.any(|entry| is_subchart(&entry.key) && matches!(entry.node.value, Value::Mapping(_)))
}

/// The values of Istio's charts in those of a wrapper chart, which holds them below the name of each. Its own version is
/// not theirs.
fn in_wrapper(at: ValuesAt<'_>) -> Vec<ValuesAt<'_>> {
    if at.chart.is_some() {
        return vec![at];
    }
    let below = at.values.entries().filter_map(|entry| {
        let chart = chart_named(&entry.key)?;
        let path = at.path.clone().key(&entry.key);
        Some(ValuesAt { path, values: &entry.node, chart: Some(chart), version: None })
    });
    let below: Vec<_> = below.collect();
    if below.is_empty() { vec![at] } else { below }
}

fn chart_named(name: &str) -> Option<Chart> {
    Chart::named(name.rsplit('/').next().unwrap_or(name))
}
