//! MW9254: a node does not say where it is, though others of its cluster do.

use crate::finding::{Findings, Rule, Severity};
use crate::kinds::{NODE_REGION, NODE_ZONE};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW9254: a node does not say where it is, though others of its cluster do.
pub(super) struct FoundNodeWithoutRegion;

static RULE: Rule = Rule {
    code: "MW9254",
    name: "node-without-region-found",
    severity: Severity::Warning,
    title: "node does not say its region, though other nodes of the cluster do",
    docs: include_str!("../../docs/MW9254.md"),
};

impl Policy for FoundNodeWithoutRegion {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let mut nodes: Vec<Found<'_>> = Vec::new();
            cluster.subjects.iter().for_each(|subject| nodes.extend(nodes_of(subject)));
            judge(cluster, &nodes, findings);
        }
    }
}

/// A node: an object, or one that a kind cluster will have.
struct Found<'a> {
    subject: &'a Manifest,
    path: FieldPath,
    node: &'a Node,
    labels: Option<&'a Node>,
    called: String,
}

impl Found<'_> {
    /// Releases of Istio before 1.21 read the label of old Kubernetes, too.
    fn has_region(&self) -> bool {
        [NODE_REGION, "failure-domain.beta.kubernetes.io/region"].iter().any(|key| self.label(key).is_some())
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels?.get(key)?.as_str().filter(|text| !text.is_empty())
    }
}

fn nodes_of(subject: &Manifest) -> Vec<Found<'_>> {
    let document = &subject.document;
    match subject.kind.as_str() {
        "Node" => {
            let path = FieldPath::parse("metadata.labels");
            let labels = document.at(&path);
            let path = if labels.is_some() { path } else { FieldPath::parse("metadata.name") };
            let called = format!("`{}`", subject.name);
            vec![Found { subject, path, node: document, labels, called }]
        }
        "Cluster" if document.get("apiVersion").and_then(Node::as_str).is_some_and(is_kinds) => {
            let nodes = document.get("nodes").into_iter().flat_map(Node::items).enumerate();
            let found = nodes.map(|(index, node)| Found {
                subject,
                path: FieldPath::parse("nodes").index(index),
                node,
                labels: node.get("labels"),
                called: format!("number {}", index.saturating_add(1)),
            });
            // Nothing is scheduled to the control plane of a kind cluster with workers.
            let is_worker =
                |found: &Found<'_>| found.node.get("role").and_then(Node::as_str) == Some("worker");
            found.filter(is_worker).collect()
        }
        _ => Vec::new(),
    }
}

fn is_kinds(api_version: &str) -> bool {
    api_version.starts_with("kind.x-k8s.io/")
}

fn judge(cluster: &Cluster, nodes: &[Found<'_>], findings: &mut Findings) {
    let Some(told) = nodes.iter().find(|node| node.has_region()) else { return };
    for node in nodes.iter().filter(|node| !node.has_region()) {
        let but = match node.label(NODE_ZONE) {
            Some(zone) => format!(", only its zone `{zone}`"),
            None => String::new(),
        };
        let message = format!("node {} of {} does not say its region{but}", node.called, cluster.called());
        findings.push(
            node.subject
                .finding(&RULE, &node.path, message)
                .related(told.subject.place(&told.path), format!("node {} does", told.called))
                .help(format!("label the node with `{NODE_REGION}` and `{NODE_ZONE}`"))
                .cluster(&cluster.name),
        );
    }
}
