//! Findings for programs.
//!
//! The keys of a finding are a promise: `code`, `severity`, `message`, `help`, `file`, `line`, `column`, `path`,
//! `found`, `declared`, `declaredAt`, `cluster`, `object`; every key is always there, `null` when there is nothing to
//! say. `name` (the code's name) and `related` come on top.

use meshwright_policies::finding::{Finding, Related};
use meshwright_policies::node::FieldPath;
use serde_json::{Value, json};

use super::{Report, Spot};

pub(super) fn render(report: &Report<'_>) -> String {
    let findings: Vec<Value> = report.findings.iter().map(|finding| one(report, finding)).collect();
    let summary = json!({"errors": report.errors, "warnings": report.warnings});
    format!("{:#}\n", json!({"findings": findings, "summary": summary}))
}

fn one(report: &Report<'_>, finding: &Finding) -> Value {
    let spot = report.spot(&finding.place);
    json!({
        "code": finding.rule.code,
        "name": finding.rule.name,
        "severity": finding.severity.as_str(),
        "message": finding.message,
        "help": finding.help,
        "file": spot.as_ref().map(|s| s.file.path()),
        "line": spot.as_ref().map(|s| s.line),
        "column": spot.as_ref().map(|s| s.column),
        "path": field(&finding.place.path),
        "found": finding.found,
        "declared": finding.declared,
        "declaredAt": declared_at(report, finding).map(|s| s.to_string()),
        "cluster": finding.cluster,
        "object": finding.object,
        "related": finding.related.iter().map(|r| related(report, r)).collect::<Vec<_>>(),
    })
}

fn related(report: &Report<'_>, related: &Related) -> Value {
    let spot = report.spot(&related.place);
    json!({
        "file": spot.as_ref().map(|s| s.file.path()),
        "line": spot.as_ref().map(|s| s.line),
        "column": spot.as_ref().map(|s| s.column),
        "path": field(&related.place.path),
        "label": related.label,
    })
}

/// Where the declared value stands.
pub(super) fn declared_at<'a>(report: &Report<'a>, finding: &Finding) -> Option<Spot<'a>> {
    finding.declared.as_ref()?;
    report.spot(&finding.related.first()?.place)
}

fn field(path: &FieldPath) -> Option<String> {
    (!path.0.is_empty()).then(|| path.to_string())
}
