//! MW7004: a root fingerprint that is not a SHA-256 fingerprint.

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// A root fingerprint that is not a SHA-256 fingerprint.
pub(super) struct MalformedFingerprint;

static RULE: Rule = Rule {
    code: "MW7004",
    name: "malformed-fingerprint",
    severity: Severity::Error,
    title: "root fingerprint is not a SHA-256 fingerprint",
    docs: include_str!("../../docs/MW7004.md"),
};

impl Policy for MalformedFingerprint {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let now = mesh.spec.ca.as_ref().and_then(|ca| ca.root_certificate_sha256.as_deref());
        let before = mesh.spec.previous.as_ref().and_then(|before| before.root_certificate_sha256.as_deref());
        let written =
            [(now, "spec.ca.rootCertificateSHA256"), (before, "spec.previous.rootCertificateSHA256")];
        for (text, path) in written {
            findings.extend(text.and_then(|text| judge(mesh, text, path)));
        }
    }
}

fn judge(mesh: &Mesh, text: &str, path: &str) -> Option<Finding> {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let foreign = text.chars().find(|c| !c.is_ascii_hexdigit() && *c != ':');
    let pairs = !text.contains(':') || text.split(':').all(|pair| pair.len() == 2);
    let what = match (foreign, digits) {
        (Some(other), _) => format!("`{}` is no hexadecimal digit", other.escape_default()),
        (None, 64) if pairs => return None,
        (None, 64) => "its colons are not between pairs of digits".to_owned(),
        (None, 40) => "40 digits are a SHA-1 fingerprint".to_owned(),
        (None, digits) => format!("it has {digits} hexadecimal digits, not 64"),
    };
    let message =
        format!("the root fingerprint of mesh `{}` is not a SHA-256 fingerprint: {what}", mesh.name);
    let help = "copy what `openssl x509 -in root-cert.pem -noout -fingerprint -sha256` prints after `=`";
    Some(RULE.at(mesh.written.place(path), message).found(text).help(help))
}
