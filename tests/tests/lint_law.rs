//! The law of lint: what is rendered is clean; and how many of the edits of its claims are found.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use meshwright::lint::{Linted, lint_sources};
use meshwright::source::Sources;
use meshwright_policies::node::Value;
use meshwright_tests::intent::{Intent, files};
use meshwright_tests::repository;
use proptest::prelude::*;

use crate::meshes::any_mesh;

type Files = BTreeMap<String, Vec<u8>>;

fn lint(files: &Files) -> Linted {
    let mut sources = Sources::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
        sources.add(path.clone(), text.as_slice().into());
    }
    lint_sources(sources, &[])
}

proptest! {
    #![proptest_config(crate::cases(32))]

    #[test]
    fn every_valid_mesh_lints_clean(mesh in any_mesh()) {
        let tree = Intent::text(mesh.intent()).build();
        let linted = lint(&files(&tree));
        prop_assert!(linted.findings.is_empty(), "{:#?}\n{}", linted.findings, mesh.intent());
    }
}

/// One place of a file that asserts something, and what would contradict it.
struct Edit {
    fact: String,
    path: String,
    start: usize,
    end: usize,
    value: String,
}

/// Every claim of a scalar, each place once.
fn edits(files: &Files) -> Vec<Edit> {
    let linted = lint(files);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for subject in linted.repository.clusters.iter().flat_map(|cluster| &cluster.subjects) {
        for claim in &subject.claims.list {
            let span = subject.place(&claim.path).span;
            let node = subject.document.at(&claim.path);
            let is_scalar = node.is_some_and(|n| !matches!(n.value, Value::Mapping(_) | Value::Sequence(_)));
            let Some(file) = linted.sources.get(span.file).filter(|_| is_scalar) else { continue };
            let debug = format!("{:?}", claim.fact);
            let fact = debug.split([' ', '(', '{']).next().unwrap().to_owned();
            if seen.insert((span, fact.clone())) {
                let (start, end) = (span.start as usize, span.end as usize);
                all.push(Edit { fact, path: file.path().to_owned(), start, end, value: claim.value.clone() });
            }
        }
    }
    all
}

fn another(value: &str) -> String {
    let is_range = || value.split(['-', '/']).next().is_some_and(|first| first.parse::<IpAddr>().is_ok());
    if value.parse::<IpAddr>().is_ok() {
        "203.0.113.77".to_owned()
    } else if let Ok(number) = value.parse::<u32>() {
        (number + 1).to_string()
    } else if is_range() {
        "203.0.113.80-203.0.113.90".to_owned()
    } else {
        format!("{value}x")
    }
}

impl Edit {
    fn apply(&self, files: &Files) -> Files {
        let mut files = files.clone();
        let text = files.get_mut(&self.path).unwrap();
        let written = String::from_utf8(text[self.start..self.end].to_vec()).unwrap();
        let new = if written.contains(&self.value) {
            written.replacen(&self.value, &another(&self.value), 1)
        } else {
            format!("\"{}\"", another(&self.value))
        };
        text.splice(self.start..self.end, new.into_bytes()).for_each(drop);
        files
    }
}

/// How many edits are found, by fact, and by which policies: a change of the table is a change of what lint can do. What it
/// cannot do yet, and why, stands in docs/lint.md, "What an edit contradicts".
#[test]
fn edits_of_claims_are_found() {
    let mut table: BTreeMap<String, (usize, usize, BTreeSet<&str>)> = BTreeMap::new();
    for case in ["multi-primary-sail-argocd", "primary-remote-helm-1.30", "hosted-struct-parameters"] {
        let intent = Intent::read(&repository("tests/golden").join(case).join("intent"));
        let files = files(&intent.build());
        assert!(lint(&files).findings.is_empty(), "{case}");
        for edit in edits(&files) {
            let linted = lint(&edit.apply(&files));
            let row = table.entry(edit.fact.clone()).or_default();
            row.1 += 1;
            row.0 += usize::from(!linted.findings.is_empty());
            row.2.extend(linted.findings.iter().map(|finding| finding.rule.code));
        }
    }
    let lines: Vec<String> = table
        .iter()
        .map(|(fact, (found, all, codes))| {
            let codes: Vec<&str> = codes.iter().copied().collect();
            format!("{fact}: {found} of {all} {}", codes.join(" ")).trim_end().to_owned()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
