//! MW7115: remote secret has what istiod refuses to use.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW7115: remote secret has what istiod refuses to use.
pub(super) struct RefusedCredential;

static RULE: Rule = Rule {
    code: "MW7115",
    name: "refused-credential",
    severity: Severity::Warning,
    title: "remote secret has what istiod refuses to use",
    docs: include_str!("../../docs/MW7115.md"),
};

impl Policy for RefusedCredential {
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
        let Fact::RefusedCredential { cluster } = &claim.fact else { continue };
        let message = format!(
            "the secret for `{cluster}` has `{}`, which istiod does not use unless it is told to",
            claim.value
        );
        let help = "use a token (`istioctl create-remote-secret`); otherwise istiod needs \
                    `PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS`";
        faults.push(Fault::new(claim, message, help));
    }
    faults
}
