//! MW6252: parts of Istio in one cluster come from different registries.

use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW6252: parts of Istio in one cluster come from different registries.
pub(super) struct MixedHubs;

static RULE: Rule = Rule {
    code: "MW6252",
    name: "mixed-hubs",
    severity: Severity::Warning,
    title: "parts of Istio in one cluster come from different registries",
    docs: include_str!("../../docs/MW6252.md"),
};

impl Policy for MixedHubs {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            judge(cluster, findings);
        }
    }
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    let hubs: Vec<(&Manifest, &str, String)> = cluster
        .subjects
        .iter()
        .filter_map(|subject| hub(subject).map(|(path, hub)| (subject, path, hub)))
        .collect();
    let Some((first, place, right)) = hubs.first() else { return };
    for (subject, path, hub) in
        hubs.iter().filter(|(subject, _, hub)| hub != right && subject.plane == first.plane)
    {
        let message =
            format!("images come from `{hub}` here, but from `{right}` elsewhere in {}", cluster.called());
        findings.push(
            subject
                .finding(&RULE, &FieldPath::parse(path), message)
                .found(hub)
                .related(first.place(&FieldPath::parse(place)), format!("they come from `{right}` here"))
                .help(format!("name one registry, such as `{right}`"))
                .cluster(&cluster.name),
        );
    }
}

fn hub(subject: &Manifest) -> Option<(&'static str, String)> {
    let paths: &[&'static str] = match subject.kind.as_str() {
        "IstioOperator" => &["spec.hub", "spec.values.global.hub"],
        "HelmRelease" | "Istio" => &["spec.values.global.hub"],
        "Application" => &["spec.source.helm.valuesObject.global.hub"],
        _ => return None,
    };
    paths.iter().find_map(|path| Some((*path, subject.text(path)?)))
}
