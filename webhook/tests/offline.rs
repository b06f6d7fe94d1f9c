//! What is served is what is said offline: the same answer, byte for byte, over TLS and by `meshwright admit`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use meshwright::admit::{Question, Terms, answer, declarations, read};
use meshwright::source::Sources;
use meshwright_policies::admission::{Basis, WithoutDeclaration};
use serde_json::{Value, json};
use support::{Options, Running, captured};

/// Numbers that look random and are the same in every run (Vigna's splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// What objects say of meshes, rightly and wrongly, and what nobody should say.
fn values() -> Vec<Value> {
    vec![
        "network-c1".into(),
        "network-c2".into(),
        "network-c9".into(),
        "mdemo-cluster1".into(),
        "mdemo-cluster2".into(),
        "eastwestgateway".into(),
        "10.6.136.29".into(),
        "AUTO_PASSTHROUGH".into(),
        "istio-system".into(),
        15443.into(),
        "15443".into(),
        (-1).into(),
        true.into(),
        Value::Null,
        json!([]),
        json!({}),
        json!([{"a": "\u{202e}\n"}]),
        "\"\\\u{0}ä".into(),
    ]
}

/// Changes one place somewhere below.
fn change(value: &mut Value, numbers: &mut Numbers) {
    let count = match value {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    };
    if count == 0 || numbers.below(8) == 0 {
        let values = values();
        *value = values[numbers.below(values.len())].clone();
        return;
    }
    let (index, remove) = (numbers.below(count), numbers.below(12) == 0);
    match value {
        Value::Object(map) => {
            let key = map.keys().nth(index).unwrap().clone();
            if remove {
                map.shift_remove(&key);
            } else {
                change(&mut map[&key], numbers);
            }
        }
        Value::Array(list) if remove => drop(list.remove(index)),
        Value::Array(list) => change(&mut list[index], numbers),
        _ => {}
    }
}

/// A review that some API server might have sent, or nearly.
fn mutated(review: &Value, numbers: &mut Numbers) -> Value {
    let mut review = review.clone();
    for _ in 0..=numbers.below(4) {
        if !review["request"].is_object() {
            break;
        }
        match numbers.below(10) {
            0 => {
                let operation = ["CREATE", "UPDATE", "DELETE", "CONNECT"][numbers.below(4)];
                review["request"]["operation"] = operation.into();
            }
            1 => {
                let object = review["request"]["object"].take();
                review["request"]["object"] = review["request"]["oldObject"].take();
                review["request"]["oldObject"] = object;
            }
            2 => review["request"]["dryRun"] = values()[numbers.below(18)].clone(),
            3 => review["request"]["oldObject"] = review["request"]["object"].clone(),
            4 => change(&mut review["request"]["oldObject"], numbers),
            5 => change(&mut review["request"], numbers),
            _ => change(&mut review["request"]["object"], numbers),
        }
    }
    review
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_review_is_answered_as_it_is_offline() {
    let running = Running::start(Options::default()).await;
    let mut connection = running.connect().await;
    let declared = declarations(&[running.directory.path().join("d.yaml")]).unwrap();
    let basis = Basis {
        declarations: declared.iter().collect(),
        unreadable: false,
        without: WithoutDeclaration::Allow,
        today: "2026-01-01".to_owned().try_into().unwrap(),
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    let mut numbers = Numbers(7);
    let mut decisions: BTreeMap<&'static str, usize> = BTreeMap::new();
    for name in names {
        let review: Value = serde_json::from_slice(&captured(&name)).unwrap();
        for round in 0..30 {
            let review = if round == 0 { review.clone() } else { mutated(&review, &mut numbers) };
            let body = review.to_string().into_bytes();
            let served = connection.post(body.clone()).await.unwrap();
            let asked = read("review.json", Arc::from(body.clone()), &mut Sources::default()).unwrap();
            let [asked] = asked.as_slice() else { panic!("one review is one question: {review}") };
            assert!(matches!(asked.question, Question::Review(_)), "{review}");
            let verdict = answer(&asked.question, &Terms::default(), &basis).unwrap();
            *decisions.entry(verdict.decision).or_default() += 1;
            match verdict.body() {
                Some(offline) => {
                    assert_eq!(served.status, StatusCode::OK);
                    assert_eq!(served.text(), String::from_utf8(offline).unwrap(), "{review}");
                }
                None => {
                    assert_eq!(served.status, StatusCode::BAD_REQUEST, "{review}");
                    assert_eq!(served.text().trim_end(), verdict.error, "{review}");
                }
            }
        }
    }
    for decision in ["allowed", "denied", "error"] {
        assert!(decisions.get(decision).is_some_and(|count| *count >= 5), "{decisions:?}");
    }
}
