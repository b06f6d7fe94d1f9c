//! Any value that is written is read back equal.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use meshwright::syntax::{self, Limits};
use meshwright_policies::finding::Findings;
use meshwright_policies::node::FileId;
use serde_json::{Number, Value};

/// A value whose depth is bounded by how it is drawn.
#[derive(Arbitrary, Debug)]
enum Drawn {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Sequence(Vec<Drawn>),
    Mapping(Vec<(String, Drawn)>),
}

impl Drawn {
    fn value(self, depth: usize) -> Value {
        match self {
            Drawn::Bool(value) => Value::Bool(value),
            Drawn::Integer(value) => Value::from(value),
            Drawn::Unsigned(value) => Value::from(value),
            Drawn::Float(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
            Drawn::Text(value) => Value::String(value),
            Drawn::Sequence(items) if depth > 0 => {
                items.into_iter().map(|item| item.value(depth - 1)).collect::<Vec<_>>().into()
            }
            Drawn::Mapping(entries) if depth > 0 => {
                Value::Object(entries.into_iter().map(|(key, value)| (key, value.value(depth - 1))).collect())
            }
            Drawn::Null | Drawn::Sequence(_) | Drawn::Mapping(_) => Value::Null,
        }
    }
}

fuzz_target!(|drawn: Drawn| {
    let value = drawn.value(32);
    let text = meshwright::yaml::to_yaml(&value);
    let mut findings = Findings::new();
    let documents = syntax::load(FileId(0), text.as_bytes(), &Limits::default(), &mut findings);
    let read = documents.first().map(|document| document.root.to_json());
    assert_eq!(read, Some(value), "{text}");
    // A string may well hold a placeholder or an invisible letter; everything else would be the emitter's fault.
    let faults = findings.iter().filter(|finding| !matches!(finding.rule.code, "MW0004" | "MW0005")).count();
    assert_eq!(faults, 0, "{findings:?}\n{text}");
});
