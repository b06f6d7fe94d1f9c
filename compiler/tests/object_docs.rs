//! The objects on the pages of the policies that judge objects, run: each is judged against the declaration of cluster
//! `east` of `policies/docs/base.yaml`, over which documents without `apiVersion` before the object are laid. A page's
//! refused objects are refused with its code and no other, its accepted ones with none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::fmt::Write as _;

use meshwright::artefact::{Output, Root};
use meshwright::compile::{load_text, render};
use meshwright_policies::claim::{At, Claims};
use meshwright_policies::contradictions::CONTRADICTIONS;
use meshwright_policies::declaration::MeshDeclaration;
use meshwright_policies::finding::{Findings, Severity};
use meshwright_policies::judge::{judge_object, judge_rest, judge_running};
use meshwright_policies::kinds::claims_of;
use meshwright_policies::loss::{LOSS_RULES, Loss, judge_loss};
use meshwright_policies::policies::POLICIES;
use serde_json::Value;

const BASE: &str = include_str!("../../policies/docs/base.yaml");

/// The declaration as it is written, with the source of every value.
fn declaration(intent: &str) -> MeshDeclaration {
    let out: Output = render(&load_text(intent).fleet);
    let of_east = |root: &&Root| root.directory() == "clusters/east/declaration";
    let root = out.objects().keys().find(of_east).unwrap();
    serde_json::from_value(out.objects()[root][0].object.clone().into_json()).unwrap()
}

/// Maps are merged, nulls delete, everything else is replaced.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    under.remove(&key);
                } else {
                    merge(under.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (under, over) => *under = over,
    }
}

fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|d| Value::deserialize(d).unwrap_or_else(|e| panic!("{e}\n{text}"))).collect()
}

/// The base with the intent of an example laid over it.
fn over_base(intent: Vec<Value>) -> String {
    let mut all = documents(BASE);
    for over in intent {
        let same =
            |d: &&mut Value| d["kind"] == over["kind"] && d["metadata"]["name"] == over["metadata"]["name"];
        let under = all.iter_mut().find(same).unwrap_or_else(|| panic!("{over}"));
        merge(under, over);
    }
    all.iter().map(|document| format!("---\n{}", serde_yaml::to_string(document).unwrap())).collect()
}

fn blocks<'a>(docs: &'a str, tag: &str) -> Vec<&'a str> {
    let opening = format!("```yaml {tag}\n");
    let block = |rest: &'a str| rest.split_once("\n```").map_or(rest, |(block, _)| block);
    docs.split(opening.as_str()).skip(1).map(block).collect()
}

/// What is said of the object of an example, but for the warnings of other pages.
fn judged(base: &MeshDeclaration, block: &str, code: &str) -> Findings {
    judged_where(base, block, code, false)
}

/// The same, in a cluster that runs or at admission.
fn judged_where(base: &MeshDeclaration, block: &str, code: &str, runs: bool) -> Findings {
    let (intent, objects): (Vec<_>, Vec<_>) =
        documents(block).into_iter().partition(|document| document.get("apiVersion").is_none());
    let own = (!intent.is_empty()).then(|| declaration(&over_base(intent)));
    assert_eq!(objects.len(), 1, "one object is judged:\n{block}");
    let (spec, object) = (&own.as_ref().unwrap_or(base).spec, objects[0].as_object().unwrap());
    let mut findings = judge_object(spec, object);
    findings.extend(judge_rest(spec, object));
    if runs {
        findings.extend(judge_running(spec, &At::root(object)));
    }
    findings.retain_mut(|finding| finding.rule.code == code || finding.severity == Severity::Error);
    findings
}

#[test]
fn refused_objects_are_refused_and_accepted_ones_accepted() {
    let declaration = declaration(BASE);
    let mut pages = 0;
    for rule in POLICIES.iter().chain(CONTRADICTIONS).map(|policy| policy.rule()) {
        let (refused, accepted) = (blocks(rule.docs, "refused-object"), blocks(rule.docs, "accepted-object"));
        assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
        pages += usize::from(!refused.is_empty());
        for block in refused {
            let codes: Vec<_> =
                judged(&declaration, block, rule.code).iter().map(|finding| finding.rule.code).collect();
            assert!(!codes.is_empty() && codes.iter().all(|code| *code == rule.code), "{codes:?}\n{block}");
        }
        for block in accepted {
            let findings = judged(&declaration, block, rule.code);
            let said: Vec<_> = findings.iter().map(|f| format!("{}: {}", f.rule.code, f.message)).collect();
            assert!(said.is_empty(), "{}: {said:?}\n{block}", rule.code);
        }
    }
    assert!(pages >= 10);
}

/// What an audit says of a running cluster it says there only: the same object in a file or a request is right.
#[test]
fn what_running_clusters_lack_is_found_by_audits_alone() {
    let declaration = declaration(BASE);
    let (mut pages, mut text) = (0, String::new());
    for rule in POLICIES.iter().chain(CONTRADICTIONS).map(|policy| policy.rule()) {
        let (refused, accepted) = (blocks(rule.docs, "refused-audit"), blocks(rule.docs, "accepted-audit"));
        assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
        pages += usize::from(!refused.is_empty());
        for block in refused {
            let findings = judged_where(&declaration, block, rule.code, true);
            assert!(findings.iter().all(|f| f.rule.code == rule.code) && !findings.is_empty(), "{block}");
            assert!(judged(&declaration, block, rule.code).is_empty(), "{block}");
            for finding in &findings {
                writeln!(text, "{} {}: {}", finding.severity, finding.place.path, finding.message).unwrap();
                writeln!(text, "  help: {}", finding.help.as_deref().unwrap_or_default()).unwrap();
            }
        }
        for block in accepted {
            let findings = judged_where(&declaration, block, rule.code, true);
            assert!(findings.is_empty(), "{}: {findings:?}\n{block}", rule.code);
        }
    }
    assert!(pages >= 1);
    insta::assert_snapshot!(text);
}

/// One snapshot for each page: what is refused, in words.
#[test]
fn a_refusal_names_field_value_declaration_and_the_nearest_right_change() {
    let declaration = declaration(BASE);
    for rule in POLICIES.iter().chain(CONTRADICTIONS).map(|policy| policy.rule()) {
        let mut text = String::new();
        for block in blocks(rule.docs, "refused-object") {
            for finding in &judged(&declaration, block, rule.code) {
                writeln!(text, "{} {}: {}", finding.severity, finding.place.path, finding.message).unwrap();
                for related in &finding.related {
                    writeln!(text, "  {}: {}", related.place.path, related.label).unwrap();
                }
                writeln!(text, "  help: {}", finding.help.as_deref().unwrap_or_default()).unwrap();
            }
        }
        if !text.is_empty() {
            insta::assert_snapshot!(rule.code, text);
        }
    }
}

/// A change of one object: what it was, and what it is; nothing when it is deleted.
fn changed(base: &MeshDeclaration, block: &str) -> Findings {
    let objects = documents(block);
    let claims: Vec<Claims> = objects.iter().map(|object| claims_of(object.as_object().unwrap())).collect();
    let text = |path: &str| objects[0].pointer(path).and_then(Value::as_str).unwrap_or_default();
    let loss = Loss {
        group: text("/apiVersion").split_once('/').map_or("", |(group, _)| group),
        kind: text("/kind"),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        before: &claims[0],
        after: claims.get(1),
    };
    judge_loss(&base.spec, &loss)
}

#[test]
fn refused_changes_are_refused_and_accepted_ones_accepted() {
    let declaration = declaration(BASE);
    let mut examples = 0;
    for rule in LOSS_RULES {
        for block in blocks(rule.docs, "refused-change") {
            let codes: Vec<_> =
                changed(&declaration, block).iter().map(|finding| finding.rule.code).collect();
            assert_eq!(codes, [rule.code], "{block}");
            examples += 1;
        }
        for block in blocks(rule.docs, "accepted-change") {
            let findings = changed(&declaration, block);
            assert!(findings.is_empty(), "{findings:?}\n{block}");
            examples += 1;
        }
    }
    assert!(examples >= 4);
}
