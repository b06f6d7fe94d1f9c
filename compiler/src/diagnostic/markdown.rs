//! Findings as a comment on a pull request: the sum first, one table per code, the same fault of many clusters once.
//!
//! Hosts refuse long comments (GitHub: 65,536 characters), so there is a budget, spent on errors first, row by row.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::finding::{Finding, Rule, Severity};

use super::text::visible_char;
use super::{Report, without_cluster};

/// Most bytes of the whole text, and so most characters.
const LONGEST: usize = 59_000;
/// Kept for the line that says what was left out.
const RESERVE: usize = 200;
/// Characters of a cell's text before escaping; every one becomes at most 8 bytes.
const LONGEST_CELL: usize = 800;
const LONGEST_NAME: usize = 120;
/// Places and clusters named before "and 7 more".
const MOST_NAMED: usize = 5;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut out = format!("**{}**\n", report.summary());
    let mut left_out = 0;
    for (rule, groups) in tables(report) {
        let name = rule.name;
        let mut head = format!("\n### {} {name}\n\n{}\n\n", rule.code, escape(rule.title, LONGEST_CELL));
        head.push_str("| | Where | What | Clusters |\n| --- | --- | --- | --- |\n");
        let mut head = Some(head);
        for group in groups {
            let row = group.row(report);
            let needed = row.len() + head.as_ref().map_or(0, String::len);
            if out.len() + needed + RESERVE > LONGEST {
                left_out += group.findings.len();
                continue;
            }
            out.push_str(&head.take().unwrap_or_default());
            out.push_str(&row);
        }
    }
    if left_out > 0 {
        let findings = if left_out == 1 { "finding is" } else { "findings are" };
        out.push_str(&format!(
            "\n{left_out} more {findings} left out here: the comment would be too long.\n"
        ));
    }
    out
}

/// Tables with errors first, then by code; rows with errors first, then in the order of the findings.
fn tables<'a>(report: &Report<'a>) -> Vec<(&'static Rule, Vec<Group<'a>>)> {
    let mut codes: BTreeMap<&str, Table<'a>> = BTreeMap::new();
    for finding in &report.findings {
        codes.entry(finding.rule.code).or_insert_with(|| Table::new(finding.rule)).add(finding);
    }
    let mut tables: Vec<_> = codes
        .into_values()
        .map(|mut table| {
            table.groups.sort_by_key(Group::severity);
            (table.rule, table.groups)
        })
        .collect();
    tables.sort_by_key(|(_, groups)| groups.first().map(Group::severity));
    tables
}

/// The findings of one code.
struct Table<'a> {
    rule: &'static Rule,
    groups: Vec<Group<'a>>,
    /// Severity, message and help without the cluster, to the group that has them.
    index: BTreeMap<(Severity, String, String), usize>,
}

impl<'a> Table<'a> {
    fn new(rule: &'static Rule) -> Table<'a> {
        Table { rule, groups: Vec::new(), index: BTreeMap::new() }
    }

    fn add(&mut self, finding: &'a Finding) {
        let help = finding.help.as_deref().unwrap_or_default();
        let key =
            (finding.severity, without_cluster(finding, &finding.message), without_cluster(finding, help));
        match self.index.get(&key).and_then(|i| self.groups.get_mut(*i)) {
            Some(group) => group.findings.push(finding),
            None => {
                self.index.insert(key, self.groups.len());
                self.groups.push(Group { findings: vec![finding] });
            }
        }
    }
}

/// Findings that differ in their cluster and place only.
struct Group<'a> {
    findings: Vec<&'a Finding>,
}

impl Group<'_> {
    fn severity(&self) -> Option<Severity> {
        self.findings.first().map(|f| f.severity)
    }

    fn row(&self, report: &Report<'_>) -> String {
        let Some(first) = self.findings.first() else { return String::new() };
        let clusters: BTreeSet<&str> = self.findings.iter().filter_map(|f| f.cluster.as_deref()).collect();
        let text = |text: &str| {
            if clusters.len() > 1 { without_cluster(first, text) } else { text.to_owned() }
        };
        let mut what = escape(&text(&first.message), LONGEST_CELL);
        if let Some(help) = &first.help {
            what.push_str("<br>help: ");
            what.push_str(&escape(&text(help), LONGEST_CELL));
        }
        let mut seen = BTreeSet::new();
        let places: Vec<String> =
            self.findings.iter().map(|f| place(report, f)).filter(|p| seen.insert(p.clone())).collect();
        let clusters: Vec<String> = clusters.into_iter().map(code).collect();
        let shared = match clusters.len() {
            0 | 1 => String::new(),
            many => format!("same finding in {many} clusters: "),
        };
        let severity = first.severity.as_str();
        format!("| {severity} | {} | {what} | {shared}{} |\n", some(&places), some(&clusters))
    }
}

/// File and line, or what else tells where a finding is.
fn place(report: &Report<'_>, finding: &Finding) -> String {
    if let Some(spot) = report.spot(&finding.place) {
        return code(&format!("{}:{}", report.repository_path(spot.file.path()), spot.line));
    }
    let path = finding.place.path.to_string();
    match (&finding.object, path.as_str()) {
        (Some(object), "") => code(object),
        (Some(object), path) => format!("{} {}", code(object), code(path)),
        (None, "") => String::new(),
        (None, path) => code(path),
    }
}

/// The first few of many.
fn some(all: &[String]) -> String {
    let named = all.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MOST_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// A name as code. Its end tells most, so that is what a long one keeps.
fn code(name: &str) -> String {
    let length = name.chars().count();
    let cut = length.saturating_sub(LONGEST_NAME);
    let mut text = String::from(if cut > 0 { "…" } else { "" });
    text.extend(name.chars().skip(cut));
    format!("<code>{}</code>", escape_all(&text))
}

/// A message: pairs of backticks become code, everything else is text that cannot be mark-up.
pub(crate) fn escape(text: &str, limit: usize) -> String {
    let mut cut: String = text.chars().take(limit).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    let parts: Vec<&str> = cut.split('`').collect();
    let last = parts.len() - 1;
    let mut out = String::new();
    for (i, part) in parts.into_iter().enumerate() {
        match (i % 2 == 1, i == last) {
            (true, false) => out.push_str(&format!("<code>{}</code>", escape_all(part))),
            (true, true) => out.push_str(&format!("&#96;{}", escape_all(part))),
            (false, _) => out.push_str(&escape_all(part)),
        }
    }
    out
}

/// Every character that Markdown, HTML or a host (mentions, issue numbers) could read as its own becomes a character
/// reference, which is never mark-up (CommonMark 0.31, section 2.5).
fn escape_all(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(visible_char) {
        match c {
            ' ' | '.' | ',' | ':' | ';' | '-' | '/' | '(' | ')' | '=' | '+' | '\'' => out.push(c),
            '\t' | '\u{240a}' => out.push(' '),
            // A host looks for mentions after it decoded references: a joiner of no width keeps it from finding one.
            '@' => out.push_str("@&#8203;"),
            c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
