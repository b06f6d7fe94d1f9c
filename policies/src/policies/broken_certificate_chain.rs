//! MW7112: signing certificate does not follow from its root.

use crate::claim::{CertificateFault, Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW7112: signing certificate does not follow from its root.
pub(super) struct BrokenCertificateChain;

static RULE: Rule = Rule {
    code: "MW7112",
    name: "broken-certificate-chain",
    severity: Severity::Error,
    title: "signing certificate does not follow from its root",
    docs: include_str!("../../docs/MW7112.md"),
};

impl Policy for BrokenCertificateChain {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let faults = claims.list.iter().filter_map(fault);
        fault::judge(&RULE, declaration, claims, faults, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    claims.list.iter().filter_map(fault).collect()
}

fn fault(claim: &Claim) -> Option<Fault<'_>> {
    let Fact::CertificateFault(fault) = claim.fact else { return None };
    let subject = &claim.value;
    Some(match fault {
        CertificateFault::AnotherIssuer => Fault::new(
            claim,
            format!("the signing certificate `{subject}` was issued by no root in `cacerts`"),
            "put the root that issued it into the secret, and what is between them into the chain; roots of the same \
             name have different keys",
        ),
        CertificateFault::NoAuthority => Fault::new(
            claim,
            format!("the certificate `{subject}` may not sign others: istiod does not start with it"),
            "issue it with `basicConstraints: CA:TRUE`",
        ),
        CertificateFault::OutlivesRoot => Fault::new(
            claim,
            format!("the signing certificate `{subject}` is valid longer than its root"),
            "issue it for less time than the root has left",
        )
        .warning(),
    })
}
