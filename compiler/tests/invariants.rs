//! The table of docs/invariants.md against the pages of the policies: what a column names finds what the column says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside the test functions")]

use std::collections::BTreeMap;

use meshwright::rules;
use meshwright_policies::finding::Rule;

const PAGE: &str = include_str!("../../docs/invariants.md");

/// The sections by their headings, the letter of their rows, and how many there are.
const SECTIONS: [(&str, &str, usize); 6] = [
    ("Identity of clusters, mesh and trust", "A", 12),
    ("Membership of networks", "B", 17),
    ("Gateways of a network", "C", 25),
    ("Exposure through gateways", "D", 12),
    ("Topology of control planes", "E", 22),
    ("Services, locality, versions, delivery", "F", 14),
];

/// What says on the page of a policy that an input finds it: the tags of examples. What is written in `## Tested by`
/// counts for the intent, of which some is found by commands only.
const COLUMNS: [(&str, &[&str]); 3] = [
    (
        "intent",
        &[
            "refused",
            "refused-text",
            "refused-render",
            "refused-after",
            "refused-change",
            "refused-branch",
            "refused-directory",
            "refused-output",
        ],
    ),
    ("admission", &["refused-object", "refused-change", "refused-audit"]),
    ("files", &["refused-files"]),
];

const HEADER: &str =
    "| | What has to agree | Intent | Admission | Files | Where none can know, and what tells |";

struct Row<'a> {
    number: &'a str,
    agrees: &'a str,
    /// What stands in the three columns of `COLUMNS`.
    found_by: [&'a str; 3],
    why: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Self {
        let cells: Vec<&str> =
            line.trim().trim_start_matches('|').trim_end_matches('|').split('|').map(str::trim).collect();
        let [number, agrees, intent, admission, files, why] = cells.as_slice() else {
            panic!("six cells are wanted: {line}");
        };
        Self { number, agrees, found_by: [intent, admission, files], why }
    }
}

/// The rows of every section, by heading.
fn sections() -> Vec<(&'static str, Vec<Row<'static>>)> {
    let section = |text: &'static str| {
        let (heading, body) = text.split_once('\n').unwrap();
        let mut lines = body.lines().filter(|line| line.starts_with('|'));
        if let Some(header) = lines.next() {
            assert_eq!(header, HEADER, "{heading}");
            assert!(lines.next().unwrap().starts_with("| --- |"), "{heading}");
        }
        (heading.trim(), lines.map(Row::parse).collect())
    };
    PAGE.split("\n## ").skip(1).map(section).collect()
}

/// The codes of a cell: `MW1101, MW1202`; none where a dash stands.
fn codes(cell: &str) -> Vec<&str> {
    if cell == "–" { Vec::new() } else { cell.split(", ").collect() }
}

fn shows(rule: &Rule, tags: &[&str]) -> bool {
    tags.iter().any(|tag| rule.docs.contains(&format!("\n```yaml {tag}\n")))
}

#[test]
fn rows_are_numbered_without_gaps() {
    let sections: BTreeMap<_, _> = sections().into_iter().collect();
    for (heading, letter, count) in SECTIONS {
        let rows = sections.get(heading).unwrap_or_else(|| panic!("no section {heading}"));
        let numbers: Vec<_> = rows.iter().map(|row| row.number.to_owned()).collect();
        let wanted: Vec<_> = (1..=count).map(|number| format!("{letter}{number}")).collect();
        // A section is begun when it has a row; until then nothing is said of it.
        if !numbers.is_empty() {
            assert_eq!(numbers, wanted, "{heading}");
        }
    }
}

#[test]
fn what_a_column_names_is_refused_there() {
    let rules: BTreeMap<_, _> = rules::all().into_iter().map(|rule| (rule.code, rule)).collect();
    let (mut wrong, mut held) = (Vec::new(), 0);
    for (heading, rows) in sections() {
        for row in rows {
            if row.agrees.is_empty() {
                wrong.push(format!("{heading}: {} says nothing", row.number));
            }
            for ((column, tags), cell) in COLUMNS.iter().zip(row.found_by) {
                if cell == "–" && row.why.is_empty() {
                    wrong.push(format!("{}: says nowhere why {column} cannot know", row.number));
                }
                for code in codes(cell) {
                    let Some(rule) = rules.get(code) else {
                        wrong.push(format!("{}: {column}: `{code}` is no code", row.number));
                        continue;
                    };
                    let tested = *column == "intent" && rule.docs.contains("\n## Tested by\n");
                    if shows(rule, tags) || tested {
                        held += 1;
                    } else {
                        wrong.push(format!("{}: the page of {code} refuses nothing in {column}", row.number));
                    }
                }
            }
            // What the last column names exists too.
            let words = row.why.split(|c: char| !c.is_ascii_alphanumeric());
            for code in words.filter(|word| word.len() == 6 && word.starts_with("MW")) {
                if !rules.contains_key(code) {
                    wrong.push(format!("{}: `{code}` is no code", row.number));
                }
            }
        }
    }
    assert!(held > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}
