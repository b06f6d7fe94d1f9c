//! The table of docs/invariants.md against the pages of the policies: what a column names finds what the column says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::{BTreeMap, BTreeSet};

use meshwright::artefact::Root;
use meshwright::build::build;
use meshwright::compile::{load_text, render};
use meshwright::lint::lint_sources;
use meshwright::rules;
use meshwright::source::Sources;
use meshwright_policies::declaration::{DeclarationSpec, MeshDeclaration};
use meshwright_policies::finding::{Findings, Rule};
use meshwright_policies::judge::{judge_object, judge_rest};
use serde_json::Value;

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

/// Forms that rows take in the objects people write, each with what finds it.
const FORMS: [&str; 6] = [
    include_str!("fixtures/invariants/identity.md"),
    include_str!("fixtures/invariants/networks.md"),
    include_str!("fixtures/invariants/gateways.md"),
    include_str!("fixtures/invariants/exposure.md"),
    include_str!("fixtures/invariants/control-planes.md"),
    include_str!("fixtures/invariants/services.md"),
];

const BASE: &str = include_str!("../../policies/docs/base.yaml");

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
        assert_eq!(numbers, wanted, "{heading}");
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

/// A wrong example: of which row, in which column, and what finds it.
struct Form<'a> {
    row: &'a str,
    column: &'a str,
    codes: Vec<&'a str>,
    yaml: &'a str,
}

fn forms() -> Vec<Form<'static>> {
    let form = |text: &'static str| {
        let (heading, body) = text.split_once('\n').unwrap();
        let (place, codes) = heading.split_once(": ").unwrap_or_else(|| panic!("{heading}"));
        let (row, column) = place.split_once(' ').unwrap();
        let yaml = body.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```"));
        Form { row, column, codes: codes.split(", ").collect(), yaml: yaml.unwrap().0 }
    };
    FORMS.iter().flat_map(|file| file.split("\n### ").skip(1)).map(form).collect()
}

fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|d| Value::deserialize(d).unwrap_or_else(|e| panic!("{e}\n{text}"))).collect()
}

/// Maps are merged, nulls delete, everything else is replaced.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match (under.get_mut(&key), value) {
                    (_, Value::Null) => drop(under.remove(&key)),
                    (Some(existing), value) => merge(existing, value),
                    (None, value) => drop(under.insert(key, value)),
                }
            }
        }
        (under, over) => *under = over,
    }
}

fn over_base(fragments: Vec<Value>) -> String {
    let mut all = documents(BASE);
    for over in fragments {
        let name = |document: &Value| (document["kind"].clone(), document["metadata"]["name"].clone());
        match all.iter_mut().find(|under| name(under) == name(&over)) {
            Some(under) => merge(under, over),
            None => all.push(over),
        }
    }
    all.iter().map(|document| format!("---\n{}", serde_yaml::to_string(document).unwrap())).collect()
}

fn declaration(intent: &str) -> DeclarationSpec {
    let out = render(&load_text(intent).fleet);
    let of_east = |root: &&Root| root.directory() == "clusters/east/declaration";
    let root = out.objects().keys().find(of_east).unwrap();
    let object = out.objects()[root][0].object.clone().into_json();
    serde_json::from_value::<MeshDeclaration>(object).unwrap().spec
}

fn found(form: &Form<'_>) -> Findings {
    match form.column {
        "intent" => {
            let loaded = load_text(&over_base(documents(form.yaml)));
            let mut findings = loaded.findings;
            if !findings.has_errors()
                && let Err(refused) = build(&loaded.fleet)
            {
                findings.extend(refused);
            }
            findings
        }
        "admission" => {
            let (intent, objects): (Vec<_>, Vec<_>) =
                documents(form.yaml).into_iter().partition(|document| document.get("apiVersion").is_none());
            let [Value::Object(object)] = objects.as_slice() else { panic!("{}: one object", form.row) };
            let declaration = declaration(&over_base(intent));
            let mut findings = judge_object(&declaration, object);
            findings.extend(judge_rest(&declaration, object));
            findings
        }
        _ => {
            let mut sources = Sources::new();
            for file in form.yaml.split("# file: ").skip(1) {
                let (path, text) = file.split_once('\n').unwrap();
                let text = text.strip_suffix("---\n").unwrap_or(text);
                sources.add(path.to_owned(), text.as_bytes().into());
            }
            lint_sources(sources, &[]).findings
        }
    }
}

#[test]
fn every_form_is_found_by_what_its_row_names() {
    let rows: Vec<Row<'_>> = sections().into_iter().flat_map(|(_, rows)| rows).collect();
    let mut wrong = Vec::new();
    for form in forms() {
        let row = rows.iter().find(|row| row.number == form.row).unwrap_or_else(|| panic!("{}", form.row));
        let column = COLUMNS.iter().position(|(column, _)| *column == form.column).unwrap();
        let (named, all) = (codes(row.found_by[column]), found(&form));
        let all: BTreeSet<&str> = all.iter().map(|finding| finding.rule.code).collect();
        for code in &form.codes {
            if !named.contains(code) || !all.contains(code) {
                wrong.push(format!("{} {} {code}: found {all:?}\n{}", form.row, form.column, form.yaml));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
