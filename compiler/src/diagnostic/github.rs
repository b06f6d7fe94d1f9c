//! Findings as workflow commands of GitHub Actions, one line each: `::error file=...,line=...::message`.
//!
//! A page shows the annotation at its line; the log shows the message only, so the message repeats the place. What is
//! escaped, and how, is `escapeData` and `escapeProperty` of actions/toolkit, `packages/core/src/command.ts`.

use meshwright_policies::finding::{Finding, Severity};

use super::Report;
use super::text::{visible, visible_lines};

/// Longest message in characters; GitHub keeps an annotation's message to 64 KiB (REST API, check runs).
const LONGEST: usize = 4_000;

pub(super) fn render(report: &Report<'_>) -> String {
    report.findings.iter().map(|finding| line(report, finding)).collect()
}

fn line(report: &Report<'_>, finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    let mut message = String::new();
    if let Some(spot) = report.spot(&finding.place) {
        let path = report.repository_path(spot.file.path());
        properties.push(("file", path.clone()));
        properties.push(("line", spot.line.to_string()));
        properties.push(("col", spot.column.to_string()));
        if spot.end_line == spot.line && spot.end_column > spot.column {
            properties.push(("endColumn", spot.end_column.to_string()));
        }
        message.push_str(&format!("{}:{}:{}: ", visible(&path, LONGEST), spot.line, spot.column));
    }
    properties.push(("title", format!("{} {}", finding.rule.code, finding.rule.name)));
    message.push_str(&format!("{} {}", finding.rule.code, finding.message));
    if let Some(help) = &finding.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let properties: Vec<String> =
        properties.into_iter().map(|(key, value)| format!("{key}={}", property(&value))).collect();
    format!("::{command} {}::{}\n", properties.join(","), data(&visible_lines(&message, LONGEST)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(&visible(text, LONGEST)).replace(':', "%3A").replace(',', "%2C")
}
