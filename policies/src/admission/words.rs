//! Findings in words: a message for people, causes for programs, warnings, audit annotations.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::answer::{Cause, cut};
use crate::declaration::MeshDeclaration;
use crate::finding::{Finding, Findings, Severity};

/// Findings that a message spells out; an object can contradict in thousands of places.
const SPELLED_OUT: usize = 20;
/// Causes in an answer.
const CAUSES: usize = 100;
/// Warnings in an answer: an API server passes on 4096 bytes of them (Kubernetes:
/// `k8s.io/apiserver/pkg/endpoints/filters/warning.go`).
const WARNINGS: usize = 10;

/// The message of a denial.
pub(super) fn message(declared: &MeshDeclaration, findings: &Findings) -> String {
    let spec = &declared.spec;
    let mut text = format!(
        "this contradicts the declaration of mesh `{}` for cluster `{}`",
        spec.mesh.name, spec.cluster.name
    );
    let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    text.reserve(errors().take(SPELLED_OUT).count().saturating_mul(512));
    for finding in errors().take(SPELLED_OUT) {
        text.push('\n');
        text.push_str(&spelled_out(finding));
    }
    let more = errors().count().saturating_sub(SPELLED_OUT);
    if more > 0 {
        text.push_str(&format!("\nand {more} more"));
    }
    text
}

/// Code, field and what is wrong; found and declared, and where; what would be accepted.
#[must_use]
pub fn spelled_out(finding: &Finding) -> String {
    let mut text = short(finding);
    let mut separator = "\n  ";
    let mut fact = |parts: &[&str]| {
        text.push_str(std::mem::replace(&mut separator, "; "));
        text.extend(parts.iter().copied());
    };
    if let Some(found) = finding.found.as_ref().filter(|found| !found.is_empty()) {
        fact(&["found `", &line(found, 200), "`"]);
    }
    let declared = finding.declared.as_ref().filter(|declared| !declared.is_empty());
    let declared = declared.map(|declared| line(declared, 200));
    let label = finding.related.first().map(|place| line(&place.label, 300));
    match (&declared, &label) {
        (Some(declared), Some(label)) => match label.strip_prefix("declared ") {
            Some(place) => fact(&["declared `", declared, "` ", place]),
            None => {
                fact(&["declared `", declared, "`"]);
                fact(&[label]);
            }
        },
        (Some(declared), None) => fact(&["declared `", declared, "`"]),
        (None, Some(label)) => fact(&[label]),
        (None, None) => {}
    }
    if let Some(help) = &finding.help {
        text.extend(["\n  accepted: ", &line(help, 400)]);
    }
    text
}

fn short(finding: &Finding) -> String {
    let (code, message) = (finding.rule.code, line(&finding.message, 300));
    match finding.place.path.to_string() {
        path if path.is_empty() => [code, ": ", &message].concat(),
        path => [code, " at `", &line(&path, 200), "`: ", &message].concat(),
    }
}

/// One cause per error.
pub(super) fn causes(findings: &Findings) -> Vec<Cause> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let cause = |finding: &Finding| Cause {
        reason: "FieldValueInvalid",
        message: [finding.rule.code, ": ", &line(&finding.message, 300)].concat(),
        field: line(&finding.place.path.to_string(), 200).into_owned(),
    };
    errors.take(CAUSES).map(cause).collect()
}

/// The warnings among the findings; those that were errors before the update are said to be old.
pub(super) fn warnings<'a>(findings: impl Iterator<Item = (&'a Finding, bool)>) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut more = 0_usize;
    for (finding, old) in findings {
        if texts.len() < WARNINGS {
            texts.push(if old { format!("was so before: {}", short(finding)) } else { short(finding) });
        } else {
            more += 1;
        }
    }
    if more > 0 {
        texts.push(format!("and {more} more warnings"));
    }
    texts
}

/// What the audit log holds of a decision.
pub(super) fn audit(
    decision: &str,
    declared: &MeshDeclaration,
    rules: &[&str],
) -> BTreeMap<&'static str, String> {
    let metadata = &declared.metadata;
    let generation = metadata.generation.map_or_else(String::new, |generation| format!("@{generation}"));
    let mut audit = BTreeMap::from([
        ("decision", decision.to_owned()),
        ("declaration", format!("{}{generation}", metadata.name)),
    ]);
    if !rules.is_empty() {
        audit.insert("policies", rules.join(","));
    }
    audit
}

/// The codes among the findings, once each.
pub(super) fn rules(findings: &Findings) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = findings.iter().map(|finding| finding.rule.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// One line of at most `limit` characters. Values come from whoever sent the object, and what is said here ends up on
/// terminals: control characters and direction marks are spelled out.
fn line(text: &str, limit: usize) -> Cow<'_, str> {
    // Nearly every text. All bytes are looked at, many at a time.
    if text.len() <= limit && text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len().min(limit));
    for c in text.chars().take(limit.saturating_add(1)) {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    cut(&safe, limit).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_forge_a_line_or_a_colour() {
        assert_eq!(line("a\nMW0000: fine\u{1b}[31m\u{202e}", 100), "a\\nMW0000: fine\\u{1b}[31m\\u{202e}");
        assert_eq!(line("äöü", 100), "äöü");
        assert_eq!(line(&"x".repeat(1000), 10), "xxxxxxxxx…");
    }
}
