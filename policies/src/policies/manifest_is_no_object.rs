//! MW8051: a document among the manifests is no object.

use crate::finding::{Findings, Place, Rule, Severity};
use crate::mesh::{Mesh, not_an_object};
use crate::policy::Policy;

/// MW8051: a document among the manifests is no object.
pub(super) struct ManifestIsNoObject;

static RULE: Rule = Rule {
    code: "MW8051",
    name: "manifest-is-no-object",
    severity: Severity::Error,
    title: "a document among the manifests of a cluster is no Kubernetes object",
    docs: include_str!("../../docs/MW8051.md"),
};

impl Policy for ManifestIsNoObject {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            for carried in &cluster.carried {
                for document in &carried.documents {
                    let Some(why) = not_an_object(document) else { continue };
                    let message =
                        format!("this document of `{}` cannot be applied to a cluster: {why}", carried.path);
                    let finding = RULE.at(Place::in_document(document, "kind"), message).related(
                        carried.place.clone(),
                        format!("cluster `{}` carries it over here", cluster.name),
                    );
                    findings.push(finding.cluster(&cluster.name).help(
                        "leave it out of `manifests`, or put what it builds there: `kubectl kustomize`, `helm template`",
                    ));
                }
            }
        }
    }
}
