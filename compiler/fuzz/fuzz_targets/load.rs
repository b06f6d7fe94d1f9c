//! Any bytes are read or refused: no panic, every place within the text, nothing silently dropped from a document
//! that is accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meshwright::syntax::{self, Limits};
use meshwright_policies::finding::Findings;
use meshwright_policies::node::FileId;

fuzz_target!(|bytes: &[u8]| {
    let mut findings = Findings::new();
    let documents = syntax::load(FileId(0), bytes, &Limits::default(), &mut findings);
    for finding in &findings {
        let span = finding.place.span;
        assert!(span.start <= span.end && span.end as usize <= bytes.len(), "{finding:?}");
    }
    if findings.is_empty() {
        for document in &documents {
            let json = document.root.to_json();
            let written = meshwright::yaml::to_yaml(&json);
            let mut findings = Findings::new();
            let again = syntax::load(FileId(0), written.as_bytes(), &Limits::default(), &mut findings);
            assert_eq!(again.first().map(|document| document.root.to_json()), Some(json), "{written}");
        }
    }
});
