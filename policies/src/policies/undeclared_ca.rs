//! MW7003: several istiods without a common certificate authority.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// Several istiods without a common certificate authority.
pub(super) struct UndeclaredCa;

static RULE: Rule = Rule {
    code: "MW7003",
    name: "undeclared-ca",
    severity: Severity::Warning,
    title: "mesh with several istiods declares no certificate authority",
    docs: include_str!("../../docs/MW7003.md"),
};

impl Policy for UndeclaredCa {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut primaries = mesh.primaries();
        let (None, Some(first), Some(second)) = (&mesh.spec.ca, primaries.next(), primaries.next()) else {
            return;
        };
        let message = format!(
            "mesh `{}` declares no `ca`: the istiods of `{}` and `{}` would each sign with a root of their own",
            mesh.name, first.name, second.name
        );
        findings.push(
            RULE.at(mesh.written.place("spec"), message)
                .related(first.written.name(), format!("`{}` runs an istiod", first.name))
                .related(second.written.name(), format!("`{}` runs another", second.name))
                .help("declare who makes the clusters' intermediates: `ca: {provider: certManager}` or `offline`"),
        );
    }
}
