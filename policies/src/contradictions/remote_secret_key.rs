//! MW1206: key of a remote secret is not the ID of the cluster it is for.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, remote_secret_keys};

/// MW1206: key of a remote secret is not the ID of the cluster it is for.
pub(super) struct RemoteSecretKey;

static RULE: Rule = Rule {
    code: "MW1206",
    name: "remote-secret-names-another-cluster",
    severity: Severity::Error,
    title: "key of a remote secret is not the ID of the cluster it is for",
    docs: include_str!("../../docs/MW1206.md"),
};

impl Policy for RemoteSecretKey {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut fleets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for cluster in &repository.clusters {
            fleets.entry(&cluster.scope).or_default().extend(cluster.cluster_id());
        }
        for cluster in &repository.clusters {
            let Some(ids) = fleets.get(cluster.scope.as_str()) else { continue };
            for subject in &cluster.subjects {
                for (key, path) in remote_secret_keys(subject) {
                    judge(cluster, subject, key, &path, ids, findings);
                }
            }
        }
    }
}

/// Annotation that istioctl writes beside the key.
const ANNOTATION: &str = "networking.istio.io/cluster";
/// Prefix of the name that istioctl gives to a remote secret.
const PREFIX: &str = "istio-remote-secret-";

/// The cluster that a remote secret is meant for, by its annotation or its name, where its key says another.
pub(super) fn misnamed(subject: &Manifest) -> Option<&str> {
    // What becomes a Secret in the cluster: `SealedSecret`, `ExternalSecret` and the like.
    if subject.kind != "Secret" {
        return subject.name.strip_prefix(PREFIX);
    }
    let keys = remote_secret_keys(subject);
    let [(key, _)] = keys.as_slice() else { return None };
    let annotation = FieldPath::parse("metadata.annotations").key(ANNOTATION);
    let annotated = subject.document.at(&annotation).and_then(|node| node.as_str());
    annotated.or_else(|| subject.name.strip_prefix(PREFIX)).filter(|id| id != key)
}

fn judge(
    cluster: &Cluster,
    subject: &Manifest,
    key: &str,
    path: &FieldPath,
    ids: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    // `istio-kubeconfig` of an external control plane leads to its config cluster, by the key `config`.
    if key == "config" || remote_secret_keys(subject).len() > 1 {
        return;
    }
    let report = |message: String, help: String, severity| {
        let mut finding = subject.finding(&RULE, path, message).found(key).help(help).cluster(&cluster.name);
        // Snippets show whole lines: never the one with the credentials.
        finding.place.span = subject.place(&"metadata.name".into()).span;
        finding.severity = severity;
        finding
    };
    let annotation = FieldPath::parse("metadata.annotations").key(ANNOTATION);
    let annotated = subject.document.at(&annotation).and_then(|node| node.as_str());
    let suffix = subject.name.strip_prefix(PREFIX);
    if let Some(id) = annotated.filter(|id| *id != key) {
        let known = ids.contains(id) && !ids.contains(key);
        let message = format!(
            "istiod will know this cluster as `{key}`, but the annotation `{ANNOTATION}` says `{id}`"
        );
        let help =
            format!("the key has to be the cluster ID that the cluster's own values give: `{id}` or `{key}`");
        let severity = if known { Severity::Error } else { Severity::Warning };
        findings.push(
            report(message, help, severity)
                .related(subject.place(&annotation), format!("`{id}` is said here")),
        );
        return;
    }
    if let Some(id) = suffix.filter(|id| *id != key && ids.contains(*id) && !ids.contains(key)) {
        let message = format!(
            "istiod will know this cluster as `{key}`, but no cluster here has that ID; `{id}` is one"
        );
        let help = format!("rename the key to `{id}`: the key counts, not the name of the secret");
        findings.push(report(message, help, Severity::Error));
    }
}
