//! MW8052: a Secret with data among the manifests.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::mesh::{Carried, Mesh};
use crate::node::{Node, Value};
use crate::policy::Policy;

/// MW8052: a Secret with data among the manifests.
pub(super) struct ManifestIsSecret;

static RULE: Rule = Rule {
    code: "MW8052",
    name: "manifest-is-secret",
    severity: Severity::Error,
    title: "a Secret with data is among the manifests of a cluster",
    docs: include_str!("../../docs/MW8052.md"),
};

impl Policy for ManifestIsSecret {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            for document in cluster.carried.iter().flat_map(Carried::objects) {
                let text = |path: &str| document.at(&path.into()).and_then(Node::as_str).unwrap_or_default();
                if (text("apiVersion"), text("kind")) != ("v1", "Secret") {
                    continue;
                }
                let holds = |key: &&str| {
                    document.get(key).is_some_and(|data| match &data.value {
                        Value::Mapping(entries) => !entries.is_empty(),
                        Value::Null => false,
                        _ => true,
                    })
                };
                if let Some(key) = ["data", "stringData"].iter().find(|key| holds(key)) {
                    let message = format!("Secret `{}` has `{key}` in it", text("metadata.name"));
                    findings.push(RULE.at(Place::in_document(document, *key), message).cluster(&cluster.name).help(
                        "put an object there that refers to a secret store, such as an ExternalSecret, and replace \
                         the credential if this was ever committed",
                    ));
                }
            }
        }
    }
}
