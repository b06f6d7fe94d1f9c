//! The directories on the policy pages, judged by the program: of intent, as they lie there and as a commit holds them, and
//! of output, among what is rendered of `policies/docs/base.yaml`. A page's refused ones have a finding of its code, its
//! accepted ones none.
//!
//! Each entry begins with a line: `# file: PATH`, or `# file: PATH (UTF-16)`, and then the content; `# link: PATH -> TARGET`;
//! `# submodule: PATH`, which a commit alone has.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use meshwright::rules;
use serde_json::Value;

const BASE: &str = include_str!("../../policies/docs/base.yaml");

/// A commit that some submodule is at.
const COMMIT: &str = "5f3c2f1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f";

/// The fenced blocks of a page with a tag.
fn blocks(docs: &str, tag: &str) -> Vec<String> {
    let opening = format!("```yaml {tag}\n");
    let after = docs.split(opening.as_str()).skip(1);
    after.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A program with arguments that are separated by spaces, in a directory.
fn run(at: &Path, program: &str, arguments: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).current_dir(at).env("XDG_CACHE_HOME", at.join(".cache"));
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.output().unwrap()
}

fn git(at: &Path, arguments: &str) {
    let output = run(at, "git", &format!("-c user.name=Ada -c user.email=ada@example.com {arguments}"));
    assert!(output.status.success(), "git {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Codes of what the program finds.
fn codes(at: &Path, arguments: &str) -> Vec<String> {
    let output = run(at, env!("CARGO_BIN_EXE_meshwright"), &format!("{arguments} --format json"));
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = said["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

fn utf_16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Makes what a block lists. The paths of its submodules.
fn lay_out(block: &str, at: &Path) -> Vec<String> {
    let mut submodules = Vec::new();
    let place = |path: &str| {
        let path = at.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let starts: Vec<usize> = ["# file: ", "# link: ", "# submodule: "]
        .iter()
        .flat_map(|mark| block.match_indices(mark).map(|(start, _)| start))
        .collect();
    assert!(!starts.is_empty(), "nothing is listed in\n{block}");
    for start in starts {
        let entry = &block[start..];
        let entry = entry[1..].find("\n# ").map_or(entry, |end| &entry[..end + 2]);
        let (line, content) = entry.split_once('\n').unwrap();
        let (kind, what) = line.trim_start_matches("# ").split_once(": ").unwrap();
        match (kind, what.split_once(" -> "), what.strip_suffix(" (UTF-16)")) {
            ("link", Some((path, target)), _) => symlink(target, place(path)).unwrap(),
            ("file", _, Some(path)) => fs::write(place(path), utf_16(content)).unwrap(),
            ("file", _, None) => fs::write(place(what), content).unwrap(),
            ("submodule", ..) => submodules.push(what.to_owned()),
            _ => panic!("`{line}` is no entry of a directory"),
        }
    }
    submodules
}

/// What is found in intent, in each way in which it is read.
fn of_intent(block: &str) -> Vec<(&'static str, Vec<String>)> {
    let work = tempfile::tempdir().unwrap();
    let at = work.path();
    fs::create_dir(at.join("intent")).unwrap();
    fs::write(at.join("intent/README.md"), "Git holds no empty directory").unwrap();
    let submodules = lay_out(block, at);
    let mut found = Vec::new();
    if submodules.is_empty() {
        found.push(("directory", codes(at, "check intent")));
    }
    git(at, "init -q");
    git(at, "add -A");
    for path in submodules {
        git(at, &format!("update-index --add --cacheinfo 160000,{COMMIT},{path}"));
    }
    git(at, "commit -q -m Example");
    found.push(("commit", codes(at, "check intent --rev HEAD")));
    found
}

/// What is found in output.
fn of_output(block: &str) -> Vec<(&'static str, Vec<String>)> {
    let work = tempfile::tempdir().unwrap();
    let at = work.path();
    fs::write(at.join("intent.yaml"), BASE).unwrap();
    let rendered = run(at, env!("CARGO_BIN_EXE_meshwright"), "render intent.yaml -o rendered");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    lay_out(block, &at.join("rendered"));
    vec![("output", codes(at, "render intent.yaml -o rendered --check"))]
}

#[test]
fn directories_of_the_pages_are_refused_and_accepted() {
    type Judge = fn(&str) -> Vec<(&'static str, Vec<String>)>;
    let (mut wrong, mut pages) = (Vec::new(), 0);
    for (tag, judge) in [("directory", of_intent as Judge), ("output", of_output)] {
        for rule in rules::all() {
            let refused = blocks(rule.docs, &format!("refused-{tag}"));
            let accepted = blocks(rule.docs, &format!("accepted-{tag}"));
            assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
            pages += usize::from(!refused.is_empty());
            let sides = [(true, refused), (false, accepted)];
            for (refuse, block) in sides.iter().flat_map(|(refuse, all)| all.iter().map(move |b| (refuse, b)))
            {
                for (way, codes) in judge(block) {
                    if codes.iter().any(|code| code == rule.code) != *refuse {
                        wrong.push(format!("{} refused: {refuse}, {way}: {codes:?}\n{block}", rule.code));
                    }
                }
            }
        }
    }
    assert!(pages >= 7 && wrong.is_empty(), "{}", wrong.join("\n"));
}
