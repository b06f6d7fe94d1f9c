//! MW7111: secret of the signing certificate lacks a key.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW7111: secret of the signing certificate lacks a key.
pub(super) struct IncompleteSigningSecret;

static RULE: Rule = Rule {
    code: "MW7111",
    name: "incomplete-signing-secret",
    severity: Severity::Error,
    title: "secret of the signing certificate lacks a key",
    docs: include_str!("../../docs/MW7111.md"),
};

impl Policy for IncompleteSigningSecret {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let system = declaration.istio.namespace.as_str();
        let own = |claim: &&Claim| matches!(&claim.fact, Fact::CaKeys { namespace } if namespace == system);
        let faults = claims.list.iter().filter(own).filter_map(fault);
        fault::judge(&RULE, declaration, claims, faults, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

/// The form of Istio's guide, and that of a TLS secret, which is taken when `tls.crt` is there.
const PLUGGED_IN: [&str; 4] = ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"];
const TLS: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    claims.list.iter().filter_map(fault).collect()
}

fn fault(claim: &Claim) -> Option<Fault<'_>> {
    let Fact::CaKeys { .. } = &claim.fact else { return None };
    let has = |key: &&str| claim.value.split(',').any(|found| found == *key);
    // Only further roots: istiod then signs with a certificate of its own making.
    if claim.value == "root-cert.pem" {
        return None;
    }
    let wanted: &[&str] = if has(&"tls.crt") { &TLS } else { &PLUGGED_IN };
    let missing: Vec<&str> = wanted.iter().copied().filter(|key| !has(key)).collect();
    if missing.is_empty() {
        return None;
    }
    let lacks = missing.join("`, `");
    let message =
        format!("`cacerts` lacks `{lacks}`: istiod does not start with a part of a certificate authority");
    Some(Fault::new(claim, message, format!("add `{lacks}`")))
}
