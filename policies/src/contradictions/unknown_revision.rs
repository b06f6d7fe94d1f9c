//! MW4263: a gateway, or its namespace, asks for a revision of Istio that its cluster does not have.

use std::collections::BTreeMap;

use crate::chart_keys::Chart;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// MW4263: a gateway, or its namespace, asks for a revision of Istio that its cluster does not have.
pub(super) struct UnknownRevision;

static RULE: Rule = Rule {
    code: "MW4263",
    name: "unknown-revision",
    severity: Severity::Warning,
    title: "gateway is injected by a revision that its cluster does not have",
    docs: include_str!("../../docs/MW4263.md"),
};

const LABEL: &str = "istio.io/rev";

impl Policy for UnknownRevision {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            if let Some(known) = revisions(cluster) {
                judge(cluster, &known, findings);
            }
        }
    }
}

/// The revisions of a cluster's control planes, where all are known and one has a name.
fn revisions(cluster: &Cluster) -> Option<BTreeMap<String, Option<Place>>> {
    let mut known = BTreeMap::from([("default".to_owned(), None)]);
    let mut named = false;
    for subject in &cluster.subjects {
        let Some(plane) = &subject.claims.plane else { continue };
        if !plane.whole || subject.unknown {
            return None;
        }
        let Some(revision) = &plane.revision else { continue };
        if has_placeholder(revision) {
            return None;
        }
        named = true;
        known.insert(revision.clone(), Some(subject.place(&plane.path)));
        for at in subject.chart_values() {
            let tags = at.values.at(&"revisionTags".into()).into_iter().flat_map(Node::items);
            known.extend(tags.filter_map(Node::as_str).map(|tag| (tag.to_owned(), None)));
        }
    }
    for subject in cluster.subjects.iter().filter(|subject| subject.kind == "MutatingWebhookConfiguration") {
        let labels = subject.document.at(&"metadata.labels".into());
        let names = ["istio.io/tag", LABEL].into_iter().filter_map(|key| labels?.get(key)?.as_str());
        known.extend(names.map(|name| (name.to_owned(), None)));
    }
    named.then_some(known)
}

/// `1-30-1`: no tag that `istioctl tag set` makes by hand is called so.
fn is_of_a_version(revision: &str) -> bool {
    let parts: Vec<&str> = revision.split('-').collect();
    (2..=3).contains(&parts.len())
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn judge(cluster: &Cluster, known: &BTreeMap<String, Option<Place>>, findings: &mut Findings) {
    for subject in &cluster.subjects {
        for (path, asked) in asks(cluster, subject) {
            if known.contains_key(&asked) || !is_of_a_version(&asked) {
                continue;
            }
            let all = known.iter().filter(|(_, place)| place.is_some());
            let names: Vec<String> = all.clone().map(|(name, _)| format!("`{name}`")).collect();
            let names = names.join(", ");
            let message = format!(
                "no istiod of {} has the revision `{asked}`: nothing injects the gateway",
                cluster.called()
            );
            let mut finding = subject.finding(&RULE, &path, message).found(&asked).cluster(&cluster.name);
            for (name, place) in all {
                if let Some(place) = place {
                    finding =
                        finding.related(place.clone(), format!("this istiod has the revision `{name}`"));
                }
            }
            findings.push(finding.help(format!("ask for one that is there: {names}")));
        }
    }
}

/// The revision that a gateway asks for: of its release, its pods or its namespace.
fn asks(cluster: &Cluster, subject: &Manifest) -> Vec<(FieldPath, String)> {
    let text = |path: FieldPath| {
        let text = subject.document.at(&path)?.as_str().filter(|text| !text.is_empty())?.to_owned();
        Some((path, text))
    };
    match subject.kind.as_str() {
        "Deployment" => {
            let pods = FieldPath::parse("spec.template.metadata");
            let templates = FieldPath::parse("annotations").key("inject.istio.io/templates").under(&pods);
            let is_gateway = subject.document.at(&templates).and_then(Node::as_str) == Some("gateway");
            let asked = text(FieldPath::parse("labels").key(LABEL).under(&pods));
            asked.filter(|_| is_gateway).into_iter().collect()
        }
        "Namespace" if holds_a_gateway(cluster, &subject.name) => {
            text(FieldPath::parse("metadata.labels").key(LABEL)).into_iter().collect()
        }
        _ => {
            let values = subject.chart_values().into_iter().filter(|at| at.chart == Some(Chart::Gateway));
            values.filter_map(|at| text(at.path.key("revision"))).collect()
        }
    }
}

fn holds_a_gateway(cluster: &Cluster, namespace: &str) -> bool {
    cluster.subjects.iter().any(|subject| {
        let home = match subject.kind.as_str() {
            "HelmRelease" => subject.text("spec.targetNamespace").or_else(|| subject.namespace.clone()),
            "Application" => subject.text("spec.destination.namespace"),
            _ => None,
        };
        home.as_deref() == Some(namespace)
            && subject.chart_values().iter().any(|at| at.chart == Some(Chart::Gateway))
    })
}
