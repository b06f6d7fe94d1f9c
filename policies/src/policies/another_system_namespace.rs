//! MW5116: control plane is in another namespace.

use crate::claim::Claims;
use crate::declaration::DeclarationSpec;
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW5116: control plane is in another namespace.
pub(super) struct AnotherSystemNamespace;

static RULE: Rule = Rule {
    code: "MW5116",
    name: "another-system-namespace",
    severity: Severity::Warning,
    title: "control plane is in another namespace",
    docs: include_str!("../../docs/MW5116.md"),
};

impl Policy for AnotherSystemNamespace {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let declared = declaration.istio.namespace.as_str();
        let Some(plane) = &claims.plane else { return };
        let Some(namespace) = plane.namespace.as_deref().filter(|namespace| *namespace != declared) else {
            return;
        };
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let message =
            format!("a control plane is configured for namespace `{namespace}`, not for `{declared}`");
        let label = match declaration.source("istio.namespace") {
            Some((file, field)) => format!("declared in `{file}`, `{field}`"),
            None => format!("declared by the mesh `{}`", declaration.mesh.name),
        };
        findings.push(
            RULE.at(place(plane.path.clone()), message)
                .found(namespace)
                .declared(declared, place(FieldPath::parse("spec.istio.namespace")), label)
                .help(format!("install it in `{declared}`, unless it belongs to another mesh"))
                .cluster(&declaration.cluster.name)
                .object(claims.object.clone()),
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let mut planes = mesh.into_iter().filter_map(|cluster| Some((cluster, plane(cluster)?)));
            let Some((a, here)) = planes.next() else { continue };
            for (b, there) in planes.filter(|(_, there)| there.plane != here.plane) {
                findings.push(differs(a, here, b, there));
            }
        }
    }
}

fn differs(a: &Cluster, here: &Manifest, b: &Cluster, there: &Manifest) -> Finding {
    let message = format!(
        "the control plane of {} is in `{}`, that of {} in the same mesh in `{}`",
        b.called(),
        there.plane,
        a.called(),
        here.plane
    );
    there
        .finding(&RULE, &path(there), message)
        .found(&there.plane)
        .related(here.place(&path(here)), format!("`{}` is used here", here.plane))
        .help("use one namespace in all clusters of a mesh: istiod looks for its own name in each")
        .cluster(&b.name)
}

/// The only control plane of a cluster that says where it is.
fn plane(cluster: &Cluster) -> Option<&Manifest> {
    let planes = cluster.planes();
    let [only] = planes.as_slice() else { return None };
    let named = |subject: &&Manifest| {
        let plane = subject.claims.plane.as_ref();
        plane.is_some_and(|plane| plane.namespace.as_deref() == Some(only))
    };
    cluster.subjects.iter().find(named)
}

fn path(subject: &Manifest) -> FieldPath {
    subject.claims.plane.as_ref().map(|plane| plane.path.clone()).unwrap_or_default()
}
