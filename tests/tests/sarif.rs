//! SARIF as the standard has it: what is written is held to the OASIS schema, and read by a reader that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use meshwright::diagnostic::{self, Format, RenderOptions};
use meshwright::lint::{Linted, lint};
use meshwright_tests::repository;
use serde_json::Value;

/// The schema of SARIF 2.1.0, which the crate `serde-sarif` carries in its sources.
fn schema() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .current_dir(repository("tests"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let text = std::fs::read_to_string(manifest.parent().unwrap().join("src/schema.json")).unwrap();
    // A bracket too many in the pattern of `language`, which only a JavaScript that is not strict takes for itself.
    let (wrong, right) = ("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}\\\\]?$");
    assert!(text.contains(wrong));
    let schema: Value = serde_json::from_str(&text.replace(wrong, right)).unwrap();
    assert!(schema["title"].as_str().unwrap().contains("Version 2.1.0 JSON Schema"), "{}", schema["title"]);
    schema
}

fn corpus() -> Vec<(String, Linted)> {
    let cases = std::fs::read_dir(repository("tests/lint")).unwrap().map(|case| case.unwrap().path());
    let linted = |case: PathBuf| {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        (name, lint(std::slice::from_ref(&case), &[]).unwrap())
    };
    cases.filter(|case: &PathBuf| Path::is_dir(case)).map(linted).collect()
}

#[test]
fn what_is_written_is_valid_and_read_by_others() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let (mut results, mut related) = (0, 0);
    for (case, linted) in corpus() {
        let text =
            diagnostic::render(Format::Sarif, &linted.findings, &linted.sources, &RenderOptions::default());
        let document: Value = serde_json::from_str(&text).unwrap();
        let wrong: Vec<String> = schema
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{case}:\n{}", wrong.join("\n"));
        let read: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        let [run] = read.runs.as_slice() else { panic!("{case}: {} runs", read.runs.len()) };
        let read = run.results.as_deref().unwrap();
        assert_eq!(read.len(), linted.findings.iter().count(), "{case}");
        let rules = run.tool.driver.rules.as_deref().unwrap();
        for (result, finding) in read.iter().zip(&linted.findings) {
            let rule = &rules[usize::try_from(result.rule_index.unwrap()).unwrap()];
            assert_eq!(
                (rule.id.as_str(), result.rule_id.as_deref()),
                (finding.rule.code, Some(finding.rule.code))
            );
            assert!(rule.help_uri.is_some() && result.partial_fingerprints.is_some(), "{case}");
            related += result.related_locations.as_ref().map_or(0, Vec::len);
        }
        results += read.len();
    }
    assert!(results > 50 && related > 30, "{results} {related}");
}

/// The schema is not one that takes everything.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let valid = |document: Value| schema.is_valid(&document);
    let run = |results: Value| serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "meshwright"}}, "results": results}]});
    assert!(valid(run(serde_json::json!([{"message": {"text": "found"}}]))));
    assert!(!valid(run(serde_json::json!([{"ruleId": "MW1201"}]))));
    assert!(!valid(run(serde_json::json!([{"message": {"text": "found"}, "level": "fatal"}]))));
}
