//! The law of one verdict: what is answered without a cluster is what is served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use meshwright::admit::{self, Question, Terms};
use meshwright::source::Sources;
use meshwright_policies::admission::WithoutDeclaration;
use meshwright_webhook::metrics::Metrics;
use meshwright_webhook::store::Store;
use serde_json::Value;

fn webhook(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../webhook/tests").join(path)
}

/// Every captured review, as it was sent.
fn reviews() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(webhook("reviews")).unwrap() {
        let path = entry.unwrap().path();
        let capture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.push((name, capture["review"].to_string().into_bytes()));
    }
    found.sort();
    found
}

#[test]
fn the_offline_verdict_is_the_served_one() {
    let declaration = webhook("declarations/mdemo.yaml");
    let store = Store::open(vec![declaration.clone()], Arc::new(Metrics::new()));
    let snapshot = store.snapshot();
    let declarations = admit::declarations(&[declaration]).unwrap();
    let now = SystemTime::now();
    let served = meshwright_webhook::admit::basis(&snapshot, WithoutDeclaration::Allow, now);
    let offline = meshwright_policies::admission::Basis {
        declarations: declarations.iter().collect(),
        unreadable: false,
        ..served.clone()
    };
    assert_eq!(served.declarations, offline.declarations, "both readers read the same declaration");
    let (mut asked, mut denied) = (0, 0);
    for (name, review) in reviews() {
        let served = meshwright_policies::admission::review(&review, &served).body().unwrap();
        // As JSON, byte for byte; and as YAML, which people keep.
        let yaml = serde_yaml::to_string(&serde_json::from_slice::<Value>(&review).unwrap()).unwrap();
        for text in [review.clone(), yaml.into_bytes()] {
            let questions = admit::read(&name, text.into(), &mut Sources::new()).unwrap();
            let [question] = questions.as_slice() else { panic!("{name}: {} questions", questions.len()) };
            assert!(matches!(question.question, Question::Review(_)), "{name}");
            let verdict = admit::answer(&question.question, &Terms::default(), &offline).unwrap();
            let body = verdict.body().unwrap();
            assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&served), "{name}");
            asked += 1;
            denied += usize::from(verdict.decision == "denied");
        }
    }
    assert!(asked >= 54 && denied >= 12, "{asked} asked, {denied} denied");
    assert!(now.elapsed().unwrap() < Duration::from_secs(3600));
}

/// An applied object is judged as its review would be: the captured creations, asked about as bare objects.
#[test]
fn a_bare_object_is_judged_as_its_review() {
    let declarations = admit::declarations(&[webhook("declarations/mdemo.yaml")]).unwrap();
    let basis = meshwright_policies::admission::Basis {
        declarations: declarations.iter().collect(),
        unreadable: false,
        without: WithoutDeclaration::Allow,
        today: "2026-01-01".to_owned().try_into().unwrap(),
    };
    let mut compared = 0;
    for (name, review) in reviews() {
        let value: Value = serde_json::from_slice(&review).unwrap();
        let request = &value["request"];
        if request["subResource"].is_string() {
            continue;
        }
        let mut terms = Terms::default();
        let object = match request["operation"].as_str().unwrap() {
            "CREATE" => &request["object"],
            "UPDATE" => {
                terms.old.add(request["oldObject"].as_object().unwrap().clone(), None);
                &request["object"]
            }
            _ => {
                terms.operation = Some(admit::Operation::Delete);
                &request["oldObject"]
            }
        };
        let expected = meshwright_policies::admission::review(&review, &basis);
        let question = Question::Object(object.as_object().unwrap().clone());
        let verdict = admit::answer(&question, &terms, &basis).unwrap();
        let told = |verdict: &meshwright_policies::admission::Verdict| {
            let answer = verdict.answer.clone().unwrap();
            (verdict.operation.clone(), verdict.object.clone(), verdict.reason, answer.warnings, answer.audit)
        };
        assert_eq!(told(&verdict), told(&expected), "{name}");
        compared += 1;
    }
    assert!(compared >= 20, "{compared}");
}
