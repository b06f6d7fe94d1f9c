//! Findings as JUnit XML, for systems that show test results: one suite per code, one test per finding. An error is a
//! failure; a warning is a test that passed and says something, since it must not fail a build.
//!
//! The elements are those of Ant's schema that Jenkins, GitLab and Azure read alike: `testsuites`, `testsuite`, `testcase`,
//! `failure`, `system-out`. Without a finding there is one test that passed: an empty report is an error to some readers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meshwright_policies::finding::{Finding, Severity};

use super::Report;
use super::text::{visible, visible_lines};

/// Longest text of an attribute and of an element, in characters.
const LONGEST: usize = 4_000;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut suites: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        suites.entry(finding.rule.code).or_default().push(finding);
    }
    let tests = report.findings.len().max(1);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"meshwright\" tests=\"{tests}\" failures=\"{}\" errors=\"0\">",
        report.errors
    );
    if suites.is_empty() {
        out.push_str(
            "  <testsuite name=\"meshwright\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">\n",
        );
        out.push_str("    <testcase classname=\"meshwright\" name=\"no findings\"/>\n  </testsuite>\n");
    }
    for findings in suites.values() {
        suite(report, findings, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(report: &Report<'_>, findings: &[&Finding], out: &mut String) {
    let Some(first) = findings.first() else { return };
    let failures = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">",
        attribute(&format!("{} {}", first.rule.code, first.rule.title)),
        findings.len()
    );
    for finding in findings {
        test(report, finding, out);
    }
    out.push_str("  </testsuite>\n");
}

fn test(report: &Report<'_>, finding: &Finding, out: &mut String) {
    let (mut place, mut file) = (String::new(), String::new());
    if let Some(spot) = report.spot(&finding.place) {
        let path = report.repository_path(spot.file.path());
        place = format!("{path}:{}:{}", spot.line, spot.column);
        file = format!(" file=\"{}\" line=\"{}\"", attribute(&path), spot.line);
    }
    let parts = [
        finding.cluster.as_deref().unwrap_or_default(),
        finding.object.as_deref().unwrap_or_default(),
        &finding.place.path.to_string(),
        &place,
    ];
    let name: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let _ = writeln!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\"{file}>",
        attribute(&format!("meshwright.{}", finding.rule.name)),
        attribute(&name.join(" "))
    );
    let mut body = finding.message.clone();
    if !place.is_empty() {
        body = format!("{place}: {body}");
    }
    for related in &finding.related {
        if let Some(spot) = report.spot(&related.place) {
            let path = report.repository_path(spot.file.path());
            let _ = write!(body, "\n{path}:{}:{}: {}", spot.line, spot.column, related.label);
        }
    }
    if let Some(help) = &finding.help {
        let _ = write!(body, "\nhelp: {help}");
    }
    let body = escape(&visible_lines(&body, LONGEST));
    let element = match finding.severity {
        Severity::Error => format!(
            "<failure type=\"{}\" message=\"{}\">{body}</failure>",
            finding.rule.code,
            attribute(&finding.message)
        ),
        Severity::Warning => format!("<system-out>warning: {body}</system-out>"),
    };
    let _ = writeln!(out, "      {element}\n    </testcase>");
}

fn attribute(text: &str) -> String {
    escape(&visible(text, LONGEST))
}

/// The five characters of mark-up. What XML 1.0 cannot hold (section 2.2) was made visible before; two code points that are
/// no characters are left.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
