//! MW9005: clusters of a mesh pull Istio from different registries.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;

/// MW9005: clusters of a mesh pull Istio from different registries.
#[derive(Debug)]
pub(super) struct DifferingHub;

static RULE: Rule = Rule {
    code: "MW9005",
    name: "differing-hub",
    severity: Severity::Warning,
    title: "clusters of a mesh pull Istio from different registries",
    docs: include_str!("../../docs/MW9005.md"),
};

impl Policy for DifferingHub {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut counts: BTreeMap<Option<&str>, (usize, &Cluster)> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            counts.entry(cluster.istio.hub.as_deref()).or_insert((0, cluster)).0 += 1;
        }
        // Of equally many, the one of the first cluster by name.
        let ranked = counts.iter().max_by(|a, b| a.1.0.cmp(&b.1.0).then_with(|| b.1.1.name.cmp(&a.1.1.name)));
        let Some((usual, (_, example))) = ranked else { return };
        let shown = |hub: Option<&str>| hub.map_or("the charts' own".to_owned(), |hub| format!("`{hub}`"));
        for cluster in mesh.clusters.values().filter(|cluster| cluster.istio.hub.as_deref() != *usual) {
            let hub = cluster.istio.hub.as_deref();
            let message = format!(
                "cluster `{}` pulls Istio from {}, the rest of the mesh from {}",
                cluster.name,
                shown(hub),
                shown(*usual)
            );
            let mut finding = RULE
                .at(cluster.written.place("spec.istio.hub"), message)
                .cluster(&cluster.name)
                .related(
                    example.written.place("spec.istio.hub"),
                    format!("the hub of cluster `{}`", example.name),
                )
                .help("declare `hub` in the mesh only, and mirrors in `registryMirrors`");
            finding.found = hub.map(str::to_owned);
            findings.push(finding);
        }
    }
}
