//! MW7130: certificate is valid longer than the mesh says.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::intent::Hours;
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MW7130: certificate is valid longer than the mesh says.
pub(super) struct CertificateLivesTooLong;

static RULE: Rule = Rule {
    code: "MW7130",
    name: "certificate-lives-too-long",
    severity: Severity::Warning,
    title: "certificate is valid longer than the mesh says",
    docs: include_str!("../../docs/MW7130.md"),
};

impl Policy for CertificateLivesTooLong {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let (root, intermediate) = (declaration.mesh.root_lifetime, declaration.mesh.intermediate_lifetime);
        let system = declaration.istio.namespace.as_str();
        for claim in &claims.list {
            let Fact::CertificateLifetime { namespace, is_root } = &claim.fact else { continue };
            let (longest, what, path) = match is_root {
                true => (root, "root certificate", "mesh.rootLifetime"),
                false => (intermediate, "signing certificate", "mesh.intermediateLifetime"),
            };
            let (Some(longest), Ok(found)) = (longest, Hours::try_from(claim.value.clone())) else {
                continue;
            };
            if namespace != system || found <= longest {
                continue;
            }
            let declared = String::from(longest);
            let message =
                format!("the {what} is valid for {}, where {declared} is declared", String::from(found));
            let change = match declaration.source(path) {
                Some((file, field)) => format!("change `{field}` in `{file}` first"),
                None => "change the intent first".to_owned(),
            };
            let declared = Declared { value: declared.clone(), path };
            let help = format!("issue it for {} or less, or {change}", declared.value);
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared).help(help));
        }
    }
}
