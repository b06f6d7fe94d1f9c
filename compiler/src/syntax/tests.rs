use meshwright_policies::finding::Findings;
use meshwright_policies::node::{FileId, Value};
use serde_json::json;

use super::*;

/// The documents and findings of a text.
fn read(text: &[u8]) -> (Vec<Document>, Findings) {
    let mut findings = Findings::new();
    let documents = load(FileId(0), text, &Limits::default(), &mut findings);
    findings.sort();
    (documents, findings)
}

/// The findings of a text: code, line, column, message.
pub(super) fn messages(text: &[u8]) -> Vec<String> {
    let (_, findings) = read(text);
    findings
        .iter()
        .map(|finding| {
            let at = line_column(text, finding.place.span.start);
            format!("{} {}:{} {}", finding.rule.code, at.line, at.column, finding.message)
        })
        .collect()
}

/// The values of a text without findings.
fn values(text: &str) -> Vec<serde_json::Value> {
    let (documents, findings) = read(text.as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    documents.iter().map(|document| document.root.to_json()).collect()
}

#[test]
fn documents_become_trees() {
    let text = "\
# a comment
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
spec:
  podCIDRs: [10.0.0.0/16, 10.1.0.0/16]
  version: \"1.26\"
  nodes:
  - name: a
    ports: {http: 80}
  empty:
  text: |
    one
    two
---
---
kind: Mesh
...
# nothing
---
null
";
    assert_eq!(
        values(text),
        [
            json!({
                "apiVersion": "meshwright.dev/v1alpha1",
                "kind": "Cluster",
                "spec": {
                    "podCIDRs": ["10.0.0.0/16", "10.1.0.0/16"],
                    "version": "1.26",
                    "nodes": [{"name": "a", "ports": {"http": 80}}],
                    "empty": null,
                    "text": "one\ntwo\n",
                },
            }),
            json!({"kind": "Mesh"}),
            json!(null),
        ]
    );
}

#[test]
fn nothing_is_no_document() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "\u{feff}"] {
        assert_eq!(values(text), [] as [serde_json::Value; 0], "{text:?}");
    }
}

fn spans(node: &Node, text: &str, out: &mut Vec<String>) {
    let written = |span: Span| text[span.start as usize..span.end as usize].to_owned();
    out.push(written(node.span));
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| spans(item, text, out)),
        Value::Mapping(entries) => entries.iter().for_each(|entry| {
            out.push(written(entry.key_span));
            spans(&entry.node, text, out);
        }),
        _ => {}
    }
}

#[test]
fn spans_are_what_was_written() {
    let text =
        "\u{feff}é: [1, 'b', {c: \"d\"}]\r\n\"e\":\r\n  - |\r\n    f\r\n    g\r\n  -\r\n\r\nh: i  # j\r\n";
    let (documents, findings) = read(text.as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    let mut found = Vec::new();
    spans(&documents[0].root, text, &mut found);
    assert_eq!(
        found,
        [
            "é: [1, 'b', {c: \"d\"}]\r\n\"e\":\r\n  - |\r\n    f\r\n    g\r\n  -\r\n\r\nh: i",
            "é",
            "[1, 'b', {c: \"d\"}]",
            "1",
            "'b'",
            "{c: \"d\"}",
            "c",
            "\"d\"",
            "\"e\"",
            "- |\r\n    f\r\n    g\r\n  -",
            "f\r\n    g",
            "",
            "h",
            "i",
        ]
    );
}
