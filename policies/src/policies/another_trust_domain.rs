//! MW1103: object claims another trust domain.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Object claims another trust domain.
pub(super) struct AnotherTrustDomain;

static RULE: Rule = Rule {
    code: "MW1103",
    name: "another-trust-domain",
    severity: Severity::Error,
    title: "object claims another trust domain",
    docs: include_str!("../../docs/MW1103.md"),
};

impl Policy for AnotherTrustDomain {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let mesh = &declaration.mesh;
        for claim in &claims.list {
            let own = mesh.trust_domain.as_str() == claim.value;
            let (message, declared) = match &claim.fact {
                Fact::TrustDomain | Fact::WorkloadTrustDomain if !own => (
                    format!(
                        "trust domain `{}` is claimed where `{}` is declared",
                        claim.value, mesh.trust_domain
                    ),
                    Declared { value: mesh.trust_domain.to_string(), path: "mesh.trustDomain" },
                ),
                Fact::TrustDomainAlias if !own => {
                    let mut aliases = mesh.trust_domain_aliases.iter();
                    if aliases.any(|alias| alias.as_str() == claim.value) {
                        continue;
                    }
                    let all: Vec<&str> = mesh.trust_domain_aliases.iter().map(|a| a.as_str()).collect();
                    let message = format!(
                        "identities of trust domain `{}` are accepted, which is not declared",
                        claim.value
                    );
                    (message, Declared { value: all.join(", "), path: "mesh.trustDomainAliases" })
                }
                _ => continue,
            };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
