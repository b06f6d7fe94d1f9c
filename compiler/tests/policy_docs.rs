//! The examples of the policy pages, run: what a page calls refused is refused with that page's code, what it calls
//! accepted is not. An example is a fragment that is merged over `policies/docs/base.yaml`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside the test functions")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meshwright::branch::check_delivery;
use meshwright::build::build;
use meshwright::compile::{Loaded, load_text};
use meshwright::{history, rules};
use meshwright_policies::contradictions::CONTRADICTIONS;
use meshwright_policies::finding::{Finding, Findings, Rule, Severity};
use meshwright_policies::loss::LOSS_RULES;
use meshwright_policies::policies::POLICIES;
use meshwright_policies::reading::READING_RULES;
use meshwright_policies::references::REFERENCE_RULES;
use serde_yaml::Value;

const BASE: &str = include_str!("../../policies/docs/base.yaml");

fn rules() -> Vec<&'static Rule> {
    let judged = POLICIES.iter().map(|policy| policy.rule());
    let compared = CONTRADICTIONS.iter().map(|policy| policy.rule());
    let fixed = READING_RULES.iter().chain(REFERENCE_RULES).chain(LOSS_RULES).copied();
    fixed.chain(judged).chain(compared).collect()
}

/// The fenced blocks of a page with a tag.
fn blocks(docs: &str, tag: &str) -> Vec<String> {
    let opening = format!("```yaml {tag}");
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in docs.lines() {
        match open.as_mut() {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == opening => open = Some(String::new()),
            None => {}
        }
    }
    blocks
}

/// Codes that an example may have besides the page's own: `# also: MW2003`.
fn also(block: &str) -> Vec<&str> {
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix("# also: "));
    lines.flat_map(|codes| codes.split(", ")).collect()
}

fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}\n{text}")))
        .filter(|document| !document.is_null())
        .collect()
}

fn identity(document: &Value) -> (String, String) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    (text(document.get("kind")), text(document.get("metadata").and_then(|metadata| metadata.get("name"))))
}

/// Maps are merged, lists and scalars replaced, nulls delete.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Mapping(under), Value::Mapping(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    under.remove(&key);
                } else if let Some(existing) = under.get_mut(&key) {
                    merge(existing, value);
                } else {
                    under.insert(key, value);
                }
            }
        }
        (under, over) => *under = over,
    }
}

/// The base with the fragment's documents merged in; its further documents follow.
fn over_base(fragment: &str) -> String {
    let mut all = documents(BASE);
    for document in documents(fragment) {
        match all.iter_mut().find(|existing| identity(existing) == identity(&document)) {
            Some(existing) => merge(existing, document),
            None => all.push(document),
        }
    }
    all.iter().map(|document| format!("---\n{}", serde_yaml::to_string(document).unwrap())).collect()
}

/// Rules of reading are about one text, everything else about a mesh.
fn run(rule: &Rule, block: &str) -> (String, Loaded) {
    let text = if rule.code.starts_with("MW00") { block.to_owned() } else { over_base(block) };
    let loaded = load_text(&text);
    (text, loaded)
}

fn shown(text: &str, finding: &Finding) -> String {
    let mut shown = format!("{}[{}]: {}\n", finding.severity, finding.rule.code, finding.message);
    let mut place = |what: &str, place: &meshwright_policies::finding::Place| {
        let bytes = place.span.start as usize..place.span.end as usize;
        let written = if place.span.is_written() { text.get(bytes).unwrap_or_default() } else { "nowhere" };
        let line = written.lines().next().unwrap_or_default();
        writeln!(shown, "  {what} {}: {line}", place.path).unwrap();
    };
    place("at", &finding.place);
    for related in &finding.related {
        place(&format!("see ({})", related.label), &related.place);
    }
    if let Some(help) = &finding.help {
        writeln!(shown, "  help: {help}").unwrap();
    }
    shown
}

fn show_all(text: &str, loaded: &Loaded) -> String {
    loaded.findings.iter().map(|finding| shown(text, finding)).collect()
}

#[test]
fn the_base_has_no_finding() {
    let loaded = load_text(BASE);
    assert!(loaded.findings.is_empty(), "{}", show_all(BASE, &loaded));
    assert_eq!(loaded.fleet.clusters().count(), 2);
}

#[test]
fn every_rule_has_its_own_code_and_name_and_a_page() {
    let (mut codes, mut names) = (BTreeMap::new(), BTreeMap::new());
    for rule in rules() {
        assert!(codes.insert(rule.code, rule).is_none(), "{} twice", rule.code);
        assert!(names.insert(rule.name, rule).is_none(), "{} twice", rule.name);
        let digits = rule.code.strip_prefix("MW").unwrap();
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", rule.code);
        if rule.code.starts_with("MW00") {
            continue;
        }
        assert!(
            rule.docs.starts_with(&format!("# {}: {}\n", rule.code, rule.title)),
            "title of {}",
            rule.code
        );
        let examples = if blocks(rule.docs, "refused").is_empty() { None } else { Some("## Examples") };
        for section in ["## What it finds", "## Why", "## How to fix"].into_iter().chain(examples) {
            assert!(rule.docs.contains(&format!("\n{section}\n")), "{} lacks {section}", rule.code);
        }
    }
}

#[test]
fn policies_are_in_the_order_of_their_codes() {
    let codes: Vec<_> = POLICIES.iter().map(|policy| policy.rule().code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
}

#[test]
fn refused_examples_are_refused_and_accepted_ones_accepted() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let (refused, accepted) = (blocks(rule.docs, "refused"), blocks(rule.docs, "accepted"));
        let is_policy = POLICIES.iter().any(|policy| policy.rule().code == rule.code);
        // Policies that judge objects or files show those; other tests run them.
        let by_object = ["refused-object", "refused-audit", "refused-files"]
            .iter()
            .any(|tag| !blocks(rule.docs, tag).is_empty());
        if is_policy && !by_object && (refused.is_empty() || accepted.is_empty()) {
            wrong.push(format!("{} lacks an example", rule.code));
        }
        for block in refused {
            let (text, loaded) = run(rule, &block);
            let hit = loaded.findings.iter().any(|finding| finding.rule.code == rule.code);
            let other = |f: &&Finding| f.rule.code != rule.code && !also(&block).contains(&f.rule.code);
            let errors = |f: &&Finding| is_policy && f.severity == Severity::Error;
            if !hit || loaded.findings.iter().filter(errors).any(|finding| other(&finding)) {
                wrong.push(format!("{} refused:\n{}", rule.code, show_all(&text, &loaded)));
            }
        }
        for block in accepted {
            let (text, loaded) = run(rule, &block);
            let hit = loaded.findings.iter().any(|finding| finding.rule.code == rule.code);
            if hit || is_policy && loaded.findings.has_errors() {
                wrong.push(format!("{} accepted:\n{}", rule.code, show_all(&text, &loaded)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an example lays over the base, and the findings of what it says to do with that.
fn done(tag: &str, block: &str) -> Findings {
    match tag {
        // A whole intent, without the base.
        "text" => load_text(block).findings,
        // What stops the render.
        "render" => match build(&load_text(&over_base(block)).fleet) {
            Ok(_) => Findings::new(),
            Err(findings) => findings,
        },
        // What is published to a branch.
        "branch" => {
            let mut findings = Findings::new();
            check_delivery(&load_text(&over_base(block)).fleet, &mut findings);
            findings
        }
        // After the base was rendered.
        _ => {
            let tree = build(&load_text(BASE).fleet).unwrap_or_else(|findings| panic!("{findings:?}"));
            let read = |path: &str| tree.get(path).map(<[u8]>::to_vec);
            let mut findings = Findings::new();
            history::check(&load_text(&over_base(block)).fleet, read, &mut findings);
            findings
        }
    }
}

const DONE: [&str; 4] = ["text", "render", "branch", "after"];

#[test]
fn examples_of_what_is_done_with_intent_are_refused_and_accepted() {
    let (mut wrong, mut pages) = (Vec::new(), 0);
    for rule in rules::all() {
        for tag in DONE {
            let refused = blocks(rule.docs, &format!("refused-{tag}"));
            let accepted = blocks(rule.docs, &format!("accepted-{tag}"));
            assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
            pages += usize::from(!refused.is_empty());
            let codes = |block: &str| -> Vec<&str> {
                done(tag, block).iter().map(|finding| finding.rule.code).collect()
            };
            for block in refused.iter().filter(|block| !codes(block).contains(&rule.code)) {
                wrong.push(format!("{} refused: {:?}\n{block}", rule.code, codes(block)));
            }
            for block in accepted.iter().filter(|block| codes(block).contains(&rule.code)) {
                wrong.push(format!("{} accepted\n{block}", rule.code));
            }
        }
    }
    assert!(pages >= 5 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Examples that other tests run: of texts, of objects and their changes, of files of a repository, of directories.
const RUN_ELSEWHERE: [&str; 7] = [
    "refused",
    "refused-object",
    "refused-audit",
    "refused-change",
    "refused-files",
    "refused-directory",
    "refused-output",
];

/// A page shows what is refused, or names the tests that prove it.
#[test]
fn every_page_is_proved() {
    let mut wrong = Vec::new();
    for rule in rules::all() {
        let done = DONE.iter().map(|tag| format!("refused-{tag}"));
        let mut tags = RUN_ELSEWHERE.iter().map(ToString::to_string).chain(done);
        let shows = tags.any(|tag| !blocks(rule.docs, &tag).is_empty());
        let tests = rule.docs.split_once("\n## Tested by\n").map_or("", |(_, tests)| tests);
        let mut named = 0;
        for line in tests.lines().filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line.split('`').collect();
            let ["- ", file, ": ", test, ""] = parts.as_slice() else {
                wrong.push(format!("{}: {line}", rule.code));
                continue;
            };
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
            let source = std::fs::read_to_string(path).unwrap_or_default();
            match source.contains(&format!("fn {test}(")) {
                true => named += 1,
                false => wrong.push(format!("{}: `{file}` has no test `{test}`", rule.code)),
            }
        }
        if !shows && named == 0 {
            wrong.push(format!("{} shows nothing that is refused and names no test", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_people_read() {
    for policy in POLICIES {
        let rule = policy.rule();
        for (index, block) in blocks(rule.docs, "refused").iter().enumerate() {
            let (text, loaded) = run(rule, block);
            let own = loaded.findings.iter().filter(|finding| finding.rule.code == rule.code);
            let text: String = own.map(|finding| shown(&text, finding)).collect();
            let name = if index == 0 { rule.code.to_owned() } else { format!("{}_{}", rule.code, index + 1) };
            insta::assert_snapshot!(name, text);
        }
    }
}
