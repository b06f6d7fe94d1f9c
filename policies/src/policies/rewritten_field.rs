//! MW8150: something rewrites a field that this program judges.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// Something rewrites a field that this program judges.
pub(super) struct RewrittenField;

static RULE: Rule = Rule {
    code: "MW8150",
    name: "rewritten-field",
    severity: Severity::Warning,
    title: "a patch rewrites what makes up the mesh after it was judged",
    docs: include_str!("../../docs/MW8150.md"),
};

impl Policy for RewrittenField {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::Rewritten { carrier } = &claim.fact else { continue };
        let message =
            format!("`{carrier}` touches `{}`: what becomes of it cannot be judged here", claim.value);
        let help = "set the value where the chart, the operator or the object has a field for it, and remove the patch";
        faults.push(Fault::new(claim, message, help));
    }
    faults
}
