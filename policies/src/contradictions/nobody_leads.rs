//! MW5117: the system namespace of a remote cluster names no istiod that may lead it.

use super::found;
use crate::claim::{Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::repository::{Manifest, Repository};

/// MW5117: the system namespace of a remote cluster names no istiod that may lead it.
pub(super) struct NobodyLeads;

static RULE: Rule = Rule {
    code: "MW5117",
    name: "nobody-leads",
    severity: Severity::Warning,
    title: "system namespace of a remote cluster names no istiod that may lead it",
    docs: include_str!("../../docs/MW5117.md"),
};

/// Read by istiod (istio/api: `annotation/annotations.yaml`).
const ANNOTATION: &str = "topology.istio.io/controlPlaneClusters";

impl Policy for NobodyLeads {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    /// A warning: whoever makes the namespace before anything else is in it, by `kubectl create` or a Helm release's
    /// `createNamespace`, annotates it in a second step.
    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let plane = &declaration.control_plane;
        let Some(primary) = plane.primary.as_ref().filter(|_| plane.role == DeclaredRole::Remote) else {
            return;
        };
        let system = declaration.istio.namespace.as_str();
        let is_system = claims.object.strip_prefix("Namespace/") == Some(system);
        // Before, no istiod asks for it (istio/istio@1.15.0: `pilot/pkg/serviceregistry/kube/controller/multicluster.go`).
        if !is_system || is_led(claims) || !declaration.istio.version.at_least(1, 15, 0) {
            return;
        }
        let place = |path: &str| Place { span: Span::NONE, path: FieldPath::parse(path) };
        let message = format!(
            "`{system}` of cluster `{}` has no annotation `{ANNOTATION}`: the istiod of `{}` does not lead it",
            declaration.cluster.name, primary.name
        );
        findings.push(
            RULE.at(place("metadata"), message)
                .related(place("spec.controlPlane.primary"), "the cluster whose istiod serves this one")
                .help(format!("add `{ANNOTATION}: {}` to the annotations", primary.id))
                .cluster(&declaration.cluster.name)
                .object(claims.object.clone()),
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let comparable = || repository.clusters.iter().filter(|cluster| cluster.is_comparable());
        for cluster in comparable().filter(|cluster| cluster.complete && found::is_remote(cluster)) {
            let planes = cluster.planes();
            let namespaces: Vec<&Manifest> = cluster
                .subjects
                .iter()
                .filter(|subject| subject.kind == "Namespace" && planes.contains(&subject.name.as_str()))
                .collect();
            let [namespace] = namespaces.as_slice() else { continue };
            // Where Git has nothing of it, a person may have labelled and annotated it by hand, as in Istio's guide.
            let is_kept =
                namespace.claims.list.iter().any(|claim| matches!(claim.fact, Fact::NamespaceNetwork { .. }));
            let is_known = namespace.unresolved.is_empty() && !namespace.unknown;
            if !is_kept || !is_known || cluster.subjects.iter().any(|subject| is_led(&subject.claims)) {
                continue;
            }
            let Some(dialled) = found::dialled(cluster) else { continue };
            let message = format!(
                "`{}` of {}, which another istiod serves, has no annotation `{ANNOTATION}`: nobody leads it",
                namespace.name,
                cluster.called()
            );
            findings.push(
                namespace
                    .finding(&RULE, &FieldPath::parse("metadata"), message)
                    .related(dialled.place(), "its istiod is dialled here")
                    .help(format!("add `{ANNOTATION}` with the cluster ID of that istiod to the annotations"))
                    .cluster(&cluster.name),
            );
        }
    }
}

fn is_led(claims: &Claims) -> bool {
    claims.list.iter().any(|claim| matches!(claim.fact, Fact::LeadingClusters { .. }))
}
