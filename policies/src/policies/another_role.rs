//! MW5113: cluster is given another part in the control plane.

use crate::claim::{Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;

/// MW5113: cluster is given another part in the control plane.
pub(super) struct AnotherRole;

static RULE: Rule = Rule {
    code: "MW5113",
    name: "another-role",
    severity: Severity::Error,
    title: "cluster is given another part in the control plane",
    docs: include_str!("../../docs/MW5113.md"),
};

impl Policy for AnotherRole {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let plane = &declaration.control_plane;
        let serving =
            plane.primary.as_ref().map(|primary| primary.name.as_str()).unwrap_or("another cluster");
        let name = &declaration.cluster.name;
        let (path, message, help) = match (plane.role, installed(declaration, claims)) {
            (DeclaredRole::Remote, Some(Installed::Istiod(path))) => (
                path,
                format!(
                    "an istiod is installed, but cluster `{name}` is declared to be served by `{serving}`"
                ),
                "install it as a remote: the profile `remote`, or the chart `istiod-remote` before Istio 1.24",
            ),
            (DeclaredRole::Primary, Some(Installed::Remote(path))) => (
                path,
                format!(
                    "no istiod is installed but what a remote cluster needs, where `{name}` is declared to run its own"
                ),
                "install a control plane: another profile than `remote`",
            ),
            _ => return,
        };
        findings.push(finding(declaration, claims, path, message).help(help));
    }
}

enum Installed {
    Istiod(FieldPath),
    Remote(FieldPath),
}

/// What the object installs in the system namespace, when that is sure.
fn installed(declaration: &DeclarationSpec, claims: &Claims) -> Option<Installed> {
    let system = declaration.istio.namespace.as_str();
    if let Some(plane) = &claims.plane {
        let other = plane.namespace.as_deref().is_some_and(|namespace| namespace != system);
        return match (other, plane.is_remote) {
            (true, _) => None,
            (false, true) => Some(Installed::Remote(plane.path.clone())),
            (false, false) => plane.whole.then(|| Installed::Istiod(plane.path.clone())),
        };
    }
    let name = claims.object.strip_prefix("Deployment/")?.strip_prefix(system)?.strip_prefix("/istiod")?;
    let is_istiod = claims.list.iter().any(|claim| matches!(claim.fact, Fact::IstiodVariable { .. }));
    (is_istiod && (name.is_empty() || name.starts_with('-')))
        .then(|| Installed::Istiod(FieldPath::parse("metadata.name")))
}

fn finding(declaration: &DeclarationSpec, claims: &Claims, path: FieldPath, message: String) -> Finding {
    let place = |path: FieldPath| Place { span: Span::NONE, path };
    let label = match declaration.source("controlPlane") {
        Some((file, field)) => format!("declared in `{file}`, `{field}`"),
        None => "declared here".to_owned(),
    };
    RULE.at(place(path), message)
        .declared(
            declaration.control_plane.role.as_str(),
            place(FieldPath::parse("spec.controlPlane")),
            label,
        )
        .cluster(&declaration.cluster.name)
        .object(claims.object.clone())
}
