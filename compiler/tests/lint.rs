//! What `meshwright lint` finds: the examples of the policy pages, a corpus of repositories, and nothing in what is
//! right.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside the test functions")]

use std::path::{Path, PathBuf};

use meshwright::compile::{self, SourceText};
use meshwright::diagnostic::{self, Format, RenderOptions};
use meshwright::lint::{Linted, lint, lint_sources};
use meshwright::source::{DiscoverOptions, Sources, discover};
use meshwright_policies::contradictions::CONTRADICTIONS;
use meshwright_policies::intent::Date;
use meshwright_policies::policies::POLICIES;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).canonicalize().unwrap()
}

/// The findings and notes as people read them, without the way to the repository.
fn shown(linted: &Linted) -> String {
    let mut text =
        diagnostic::render(Format::Human, &linted.findings, &linted.sources, &RenderOptions::default());
    for note in &linted.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// The fenced blocks of a page with a tag.
fn blocks(docs: &str, tag: &str) -> Vec<String> {
    let opening = format!("```yaml {tag}\n");
    let after = docs.split(opening.as_str()).skip(1);
    after.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The files of an example: each begins with `# file: PATH`.
fn files(block: &str) -> Sources {
    let mut sources = Sources::new();
    for file in block.split("# file: ").skip(1) {
        let (path, text) = file.split_once('\n').unwrap();
        let text = text.strip_suffix("---\n").unwrap_or(text);
        sources.add(path.to_owned(), text.as_bytes().into());
    }
    assert!(!sources.is_empty(), "no `# file:` in\n{block}");
    sources
}

#[test]
fn examples_of_the_pages_are_refused_and_accepted() {
    let mut wrong = Vec::new();
    for policy in POLICIES.iter().chain(CONTRADICTIONS) {
        let rule = policy.rule();
        let (refused, accepted) = (blocks(rule.docs, "refused-files"), blocks(rule.docs, "accepted-files"));
        let compares = CONTRADICTIONS.iter().any(|other| other.rule().code == rule.code);
        assert!(!compares || !refused.is_empty(), "{} lacks an example", rule.code);
        assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
        for block in refused {
            let linted = lint_sources(files(&block), &[]);
            let only = linted.findings.iter().all(|finding| finding.rule.code == rule.code);
            if linted.findings.is_empty() || !only {
                wrong.push(format!("{} refused:\n{}", rule.code, shown(&linted)));
            }
        }
        for block in accepted {
            let linted = lint_sources(files(&block), &[]);
            if !linted.findings.is_empty() {
                wrong.push(format!("{} accepted:\n{}", rule.code, shown(&linted)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `meshwright lint` says of the refused files of every page: the policies that only compare have no other words.
#[test]
fn what_people_read() {
    for policy in POLICIES.iter().chain(CONTRADICTIONS) {
        let rule = policy.rule();
        for (index, block) in blocks(rule.docs, "refused-files").iter().enumerate() {
            let name = if index == 0 { rule.code.to_owned() } else { format!("{}_{}", rule.code, index + 1) };
            insta::assert_snapshot!(name, shown(&lint_sources(files(block), &[])));
        }
    }
}

#[test]
fn contradictions_are_in_the_order_of_their_codes() {
    let codes: Vec<_> = CONTRADICTIONS.iter().map(|policy| policy.rule().code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
}

#[test]
fn golden_trees_have_no_contradiction() {
    let mut trees = 0;
    for case in std::fs::read_dir(repository("tests/golden")).unwrap() {
        let expected = case.unwrap().path().join("expected");
        if expected.is_dir() {
            trees += 1;
            let linted = lint(std::slice::from_ref(&expected), &[]).unwrap();
            assert!(linted.findings.is_empty(), "{}:\n{}", expected.display(), shown(&linted));
            assert!(linted.repository.clusters.iter().any(|cluster| cluster.named), "{}", expected.display());
        }
    }
    assert!(trees > 10, "{trees}");
    // All at once: names repeat from tree to tree, and must not be taken for one cluster.
    let linted = lint(&[repository("tests/golden")], &[]).unwrap();
    assert!(linted.findings.is_empty(), "{}", shown(&linted));
}

#[test]
fn what_is_rendered_of_the_example_has_no_contradiction() {
    let found = discover(&repository("example-repo"), DiscoverOptions::default()).unwrap();
    let texts = found.files.iter().map(|id| {
        let file = found.sources.get(*id).unwrap();
        SourceText { id: *id, path: file.path(), text: file.text() }
    });
    let loaded = compile::load(texts, Date { year: 2026, month: 1, day: 1 });
    let output = compile::render(&loaded.fleet);
    let mut sources = Sources::new();
    for (root, objects) in output.objects() {
        for (index, rendered) in objects.iter().enumerate() {
            let mut text = String::new();
            rendered.object.append_yaml(&mut text);
            sources.add(format!("{}/{index}.yaml", root.directory()), text.into_bytes().into());
        }
    }
    assert!(sources.len() > 30, "{}", sources.len());
    let linted = lint_sources(sources, &[]);
    assert!(linted.findings.is_empty(), "{}", shown(&linted));
    let named: Vec<_> =
        linted.repository.clusters.iter().filter(|c| c.named).map(|c| c.name.as_str()).collect();
    assert!(named.contains(&"mdemo-cluster1") && named.contains(&"seoul-1"), "{named:?}");
}

/// `MESHWRIGHT_UPDATE=1 cargo test -p meshwright --test lint` writes what is expected; the diff is the review.
#[test]
fn the_corpus_is_judged_as_expected() {
    let mut wrong = Vec::new();
    let root = repository("tests/lint");
    let mut cases: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    assert!(cases.len() >= 8, "{cases:?}");
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let linted = lint(std::slice::from_ref(&case), &[]).unwrap();
        let text = shown(&linted)
            .replace(&format!("{}/", case.display()), "")
            .replace(&case.display().to_string(), ".");
        let path = case.join("expected.txt");
        if name.starts_with("clean-") && !linted.findings.is_empty() {
            wrong.push(format!("{name} is clean:\n{text}"));
        }
        if std::fs::read_to_string(&path).unwrap_or_default() == text {
            continue;
        }
        if std::env::var_os("MESHWRIGHT_UPDATE").is_some() {
            std::fs::write(&path, text).unwrap();
        } else {
            wrong.push(format!("{name}:\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let case = repository("tests/lint/mspider-as-written");
    let forward = lint(std::slice::from_ref(&case), &[]).unwrap();
    let mut reversed = Sources::new();
    let files: Vec<_> = forward.sources.iter().map(|(_, file)| file).collect();
    for file in files.into_iter().rev() {
        reversed.add(file.path().to_owned(), file.shared_text());
    }
    assert_eq!(shown(&lint_sources(reversed, &[])), shown(&forward));
}
