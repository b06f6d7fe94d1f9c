use meshwright_policies::finding::Findings;
use meshwright_policies::node::{FileId, Value};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::source::Sources;

/// The documents and findings of a text.
fn read(text: &[u8]) -> (Vec<Document>, Findings) {
    let mut findings = Findings::new();
    let documents = load(FileId(0), text, &Limits::default(), &mut findings);
    findings.sort();
    (documents, findings)
}

/// Line and column of a byte.
fn line_column(text: &[u8], byte: u32) -> (usize, usize) {
    let (sources, file) = Sources::from_text("text", text);
    sources.line_column(Span { file, start: byte, end: byte }).unwrap()
}

/// The findings of a text: code, line, column, message.
pub(super) fn messages(text: &[u8]) -> Vec<String> {
    let (_, findings) = read(text);
    findings
        .iter()
        .map(|finding| {
            let at = line_column(text, finding.place.span.start);
            format!("{} {}:{} {}", finding.rule.code, at.0, at.1, finding.message)
        })
        .collect()
}

/// The first finding of a text with its help.
pub(super) fn explained(text: &str) -> String {
    let (_, findings) = read(text.as_bytes());
    let finding = findings.iter().next().expect(text);
    let at = line_column(text.as_bytes(), finding.place.span.start);
    let help = finding.help.as_deref().unwrap_or("-");
    format!("{} {}:{} {} / {help}", finding.rule.code, at.0, at.1, finding.message)
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

/// The fenced blocks of a page with this mark.
fn examples<'d>(docs: &'d str, mark: &str) -> Vec<&'d str> {
    let open = format!("```{mark}\n");
    docs.split(open.as_str()).skip(1).map(|rest| rest.split("```\n").next().unwrap()).collect()
}

#[test]
fn the_examples_of_every_rule_hold() {
    for rule in reading::READING_RULES {
        assert!(
            rule.docs.contains("\n## Why\n") && rule.docs.contains("\n## How to fix it\n"),
            "{}",
            rule.code
        );
        let refused = examples(rule.docs, "yaml refused");
        // Text on a page is always UTF-8.
        assert!(!refused.is_empty() || rule.code == "MW0008", "{}", rule.code);
        for text in refused {
            let codes: Vec<&str> = read(text.as_bytes()).1.iter().map(|finding| finding.rule.code).collect();
            assert_eq!(codes, [rule.code], "{text}");
        }
        let accepted = examples(rule.docs, "yaml accepted");
        assert!(!accepted.is_empty(), "{}", rule.code);
        for text in accepted {
            assert_eq!(values(text).len(), 1, "{text}");
        }
    }
}

#[test]
fn codes_are_in_order_and_differ() {
    let codes: Vec<&str> = reading::READING_RULES.iter().map(|rule| rule.code).collect();
    let expected: Vec<String> = (1..=codes.len()).map(|number| format!("MW{number:04}")).collect();
    assert_eq!(codes, expected);
}

#[test]
fn scalars_are_those_of_yaml_1_2() {
    let text = "[~, null, true, FALSE, 1, -1, +2, 0x1F, 1.5, .5, 5., -2.5e+3, 9223372036854775807, \
                18446744073709551615, nope, yess, 1.2.3, 1-2, 10.0.0.1, 10.0.0.0/16, 2a, 1.26, 'on', \"0755\", \
                .a, +a, 1:99, 8080:80, 30s, fd00::1, '', 2024-13, 1 2, nan, inf, _1, nUll]";
    assert_eq!(
        values(text),
        [json!([
            null,
            null,
            true,
            false,
            1,
            -1,
            2,
            31,
            1.5,
            0.5,
            5.0,
            -2500.0,
            9223372036854775807_u64,
            18446744073709551615_u64,
            "nope",
            "yess",
            "1.2.3",
            "1-2",
            "10.0.0.1",
            "10.0.0.0/16",
            "2a",
            1.26,
            "on",
            "0755",
            ".a",
            "+a",
            "1:99",
            "8080:80",
            "30s",
            "fd00::1",
            "",
            "2024-13",
            "1 2",
            "nan",
            "inf",
            "_1",
            "nUll"
        ])]
    );
}

#[test]
fn ambiguous_scalars_are_refused_with_both_readings() {
    let texts = [
        "on",
        "No",
        "y",
        "0755",
        "08",
        "0o17",
        "-0o17",
        "0X1F",
        "1_000",
        "1_",
        "0x_0A_74_AE",
        "0b11",
        "685_230.15",
        "1e3",
        "1.5e3",
        "12:30:45",
        "190:20:30.15",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "2024-1-1 1:02:03.5 +1",
        "=",
        "<<",
        ".inf",
        "-.INF",
        ".nan",
        "1e999",
        "99999999999999999999",
    ];
    let shown: Vec<String> = texts.iter().map(|text| explained(&format!("- {text}"))).collect();
    insta::assert_snapshot!(shown.join("\n").replace("MW0003 1:3 ", ""), @r#"
    `on` is text in YAML 1.2 but `true` to Kubernetes (YAML 1.1) / quote it if the text is meant: `"on"`; otherwise write `true`
    `No` is text in YAML 1.2 but `false` to Kubernetes (YAML 1.1) / quote it if the text is meant: `"No"`; otherwise write `false`
    `y` is text in YAML 1.2 but `true` to Kubernetes (YAML 1.1) / quote it if the text is meant: `"y"`; otherwise write `true`
    `0755` is a decimal number in YAML 1.2 but the octal number 493 to Kubernetes (YAML 1.1) / quote it if the text is meant: `"0755"`; write `755` for the number
    `08` is a decimal number in YAML 1.2 but text in YAML 1.1 / quote it if the text is meant: `"08"`; write `8` for the number
    `0o17` is a number in YAML 1.2 but text in YAML 1.1 / quote it: `"0o17"`
    `-0o17` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it: `"-0o17"`
    `0X1F` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it: `"0X1F"`
    `1_000` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it if the text is meant: `"1_000"`; write `1000` for the number
    `1_` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it if the text is meant: `"1_"`; write `1` for the number
    `0x_0A_74_AE` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it: `"0x_0A_74_AE"`
    `0b11` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it: `"0b11"`
    `685_230.15` is text in YAML 1.2 but a number to Kubernetes (YAML 1.1) / quote it: `"685_230.15"`
    `1e3` is a number in YAML 1.2 but text in YAML 1.1 / quote it: `"1e3"`
    `1.5e3` is a number in YAML 1.2 but text in YAML 1.1 / quote it: `"1.5e3"`
    `12:30:45` is text in YAML 1.2 but a number in base 60 in YAML 1.1 / quote it: `"12:30:45"`
    `190:20:30.15` is text in YAML 1.2 but a number in base 60 in YAML 1.1 / quote it: `"190:20:30.15"`
    `2024-01-01` is text in YAML 1.2 but a date in YAML 1.1 / quote it: `"2024-01-01"`
    `2024-01-01T00:00:00Z` is text in YAML 1.2 but a date in YAML 1.1 / quote it: `"2024-01-01T00:00:00Z"`
    `2024-1-1 1:02:03.5 +1` is text in YAML 1.2 but a date in YAML 1.1 / quote it: `"2024-1-1 1:02:03.5 +1"`
    `=` is text in YAML 1.2 but a type of its own in YAML 1.1 / quote it: `"="`
    `<<` is text in YAML 1.2 but a type of its own in YAML 1.1 / quote it: `"<<"`
    `.inf` is a number that JSON, and so Kubernetes, does not have / quote it if the text is meant: `".inf"`
    `-.INF` is a number that JSON, and so Kubernetes, does not have / quote it if the text is meant: `"-.INF"`
    `.nan` is a number that JSON, and so Kubernetes, does not have / quote it if the text is meant: `".nan"`
    `1e999` is a number too large to hold / quote it if the text is meant: `"1e999"`
    `99999999999999999999` is a number of more than 64 bits / quote it if the text is meant: `"99999999999999999999"`
    "#);
}

#[test]
fn keys_are_strings() {
    let text = "1: a\ntrue: b\n~: c\n? [a]\n: d\n? {a: 1}\n: e\n1.5: x\non: 1\n\"2\": z\n'off': z\n: f\n";
    assert_eq!(
        messages(text.as_bytes()),
        [
            "MW0010 1:1 key `1` is a number, not a string",
            "MW0010 2:1 key `true` is a boolean, not a string",
            "MW0010 3:1 key `~` is null, not a string",
            "MW0010 4:3 a list or mapping cannot be a key",
            "MW0010 6:3 a list or mapping cannot be a key",
            "MW0010 8:1 key `1.5` is a number, not a string",
            "MW0003 9:1 `on` is text in YAML 1.2 but `true` to Kubernetes (YAML 1.1)",
            "MW0010 12:1 a key is missing before `:`",
        ]
    );
}

#[test]
fn a_duplicate_key_names_the_first_and_keeps_it() {
    let mut text = String::from("a:\n");
    for number in 0..40 {
        text.push_str(&format!("  k{number}: {number}\n"));
    }
    text.push_str("  k3: 1\n  \"k39\": [{x: 1, x: 2}]\n");
    let (documents, findings) = read(text.as_bytes());
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| {
            let at = |span: Span| line_column(text.as_bytes(), span.start).0;
            let first = at(finding.related[0].place.span);
            format!("{} {} {first} {}", finding.rule.code, at(finding.place.span), finding.place.path)
        })
        .collect();
    assert_eq!(shown, ["MW0002 42 5 a.k3", "MW0002 43 41 a.k39", "MW0002 43 43 a.k39[0].x"]);
    assert_eq!(documents[0].root.at(&"a.k3".into()).unwrap().value, Value::Number(3.into()));
    assert_eq!(documents[0].root.get("a").unwrap().entries().count(), 40);
}

#[test]
fn aliases_are_reported_once() {
    let text = "a: *x\nb: &c 1\nd: *c\n<<: *c\ne: {<<: {f: 1}}\n&k l: m\n'<<': ok\n";
    assert_eq!(
        messages(text.as_bytes()),
        [
            "MW0006 1:4 alias `*x` is not accepted, and nothing has the anchor `&x`",
            "MW0006 3:4 alias `*c` is not accepted",
            "MW0006 4:5 merge key `<<: *c` is not accepted",
            "MW0006 5:5 merge key `<<` is not accepted",
            "MW0006 6:1 anchor `&k` is not accepted",
        ]
    );
}

#[test]
fn tags_are_refused_unless_they_change_nothing() {
    let text = "a: !Ref x\nb: !!str 1\nc: !!int 3\nd: !!int x\ne: !x {a: b}\nf: !!map {a: 1}\ng: !!seq {a: 1}\n\
                h: !!binary aGVsbG8=\n! i: ! 12\nj: !!str on\n";
    assert_eq!(
        messages(text.as_bytes()),
        [
            "MW0009 1:4 tag `!Ref` is not accepted",
            "MW0009 4:4 tag `!!int` is not accepted",
            "MW0009 5:4 tag `!x` is not accepted",
            "MW0009 7:4 tag `!!seq` is not accepted",
            "MW0009 8:4 tag `!!binary` is not accepted",
        ]
    );
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let text = b"a: 1\n---\nb: [1\n---\nc: on\n---\nd: @\n---\ne: 5\n";
    let (documents, _) = read(text);
    let roots: Vec<_> = documents.iter().map(|document| document.root.to_json()).collect();
    assert_eq!(roots, [json!({"a": 1}), json!({"c": "on"}), json!({"e": 5})]);
    assert_eq!(
        messages(text),
        [
            "MW0001 3:4 `[` is never closed",
            "MW0003 5:4 `on` is text in YAML 1.2 but `true` to Kubernetes (YAML 1.1)",
            "MW0001 7:4 `@` cannot begin an unquoted value",
        ]
    );
}

#[test]
fn every_limit_holds() {
    let limits = Limits {
        depth: 3,
        bytes: 200,
        nodes: 12,
        documents: 2,
        scalar_bytes: 20,
        findings: 3,
        aliases: false,
    };
    let found = |text: &str| {
        let mut findings = Findings::new();
        let documents = load(FileId(0), text.as_bytes(), &limits, &mut findings);
        let messages: Vec<String> =
            findings.iter().map(|finding| format!("{} {}", finding.rule.code, finding.message)).collect();
        (documents.len(), messages)
    };
    assert_eq!(found("a: {b: {c: 1}}"), (1, vec![]));
    let deep = "MW0007 lists and mappings are nested more than 3 deep".to_owned();
    assert_eq!(found("a: {b: {c: {d: 1}}}\n---\nx: 1"), (1, vec![deep.clone()]));
    assert_eq!(found("a:\n  b:\n    c:\n      d: 1"), (0, vec![deep.clone()]));
    assert_eq!(found(&"[".repeat(100)), (0, vec![deep]));
    assert_eq!(found(&" ".repeat(201)).1, ["MW0007 the file has 201 bytes, more than the 200 that are read"]);
    assert_eq!(found("[1,2,3,4,5,6,7,8,9,10,11]").1, [] as [&str; 0]);
    assert_eq!(
        found("[1,2,3,4,5]\n---\n[1,2,3,4,5,6]").1,
        ["MW0007 more than 12 keys and values in one file"]
    );
    assert_eq!(found("a\n---\nb\n---\nc").1, ["MW0007 more than 2 documents in one file"]);
    assert_eq!(found("a: xxxxxxxxxxxxxxxxxxxxx").1, ["MW0007 a value has more than 20 bytes"]);
    assert_eq!(found("[on,on,on,on,on]").1.len(), 4);
}

#[test]
fn hostile_text_ends_with_a_finding() {
    let mut nested = String::new();
    for depth in 0..2_000 {
        nested.push_str(&format!("{}a:\n", " ".repeat(depth)));
    }
    let laughs = format!("a: &a [x]\n{}", "b: &b [*a, *a, *a, *a]\n".repeat(50));
    for text in [
        nested,
        "[".repeat(200_000),
        "{".repeat(200_000),
        "- ".repeat(200_000),
        "? ".repeat(200_000),
        "{a: ".repeat(100_000),
        "a: b: ".repeat(1_000),
        "---\n[\n".repeat(20_000),
        "---\n@\n".repeat(20_000),
        laughs,
        format!("[{}]", "on, ".repeat(250_000)),
        format!("a: {}", "x".repeat(2 << 20)),
        "&a ".repeat(1_000),
        "!a ".repeat(1_000),
        "\"".to_owned(),
        "%".repeat(10_000),
    ] {
        let (_, findings) = read(text.as_bytes());
        assert!(findings.has_errors(), "{:?}", text.chars().take(40).collect::<String>());
        assert!(findings.errors() <= Limits::default().findings + 1);
    }
}

fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ab]: |- |\n|  |\"|'|\\[|\\]|\\{|\\}|, |&a |\\*a|<<: |!!str |!x |---\n|\\.\\.\\.\n|\\? |: |\\||>|#|\t|\r\n|%|@",
        1 => any::<char>().prop_map(String::from),
        1 => "[-+0-9_.xobeE:T]{0,6}",
        1 => Just("\u{feff}".to_owned()),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Every node lies within its parent and within the text.
fn assert_nested(node: &Node, outer: Span) {
    assert!(outer.start <= node.span.start && node.span.end <= outer.end, "{node:?} in {outer:?}");
    for item in node.items() {
        assert_nested(item, node.span);
    }
    for entry in node.entries() {
        assert!(node.span.start <= entry.key_span.start && entry.key_span.end <= node.span.end, "{entry:?}");
        assert_nested(&entry.node, node.span);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in yaml_like()) {
        let (documents, findings) = read(text.as_bytes());
        let end = u32::try_from(text.len()).unwrap();
        for document in &documents {
            assert_nested(&document.root, Span { file: FileId(0), start: 0, end });
        }
        for finding in &findings {
            let span = finding.place.span;
            prop_assert!(span.start <= span.end && span.end <= end, "{finding:?}");
            prop_assert!(text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&bytes);
    }

    /// What is accepted means the same to an independent YAML 1.2 reader.
    #[test]
    fn accepted_scalars_mean_the_same_elsewhere(text in "[-+0-9_.xobeEyYnNtTfF:]{1,7}") {
        let written = format!("- {text}\n");
        let (documents, findings) = read(written.as_bytes());
        if let ([document], true) = (documents.as_slice(), findings.is_empty()) {
            let ours = document.root.to_json();
            let libyaml: serde_json::Value = serde_yaml::from_str(&written).unwrap();
            prop_assert_eq!(&ours, &libyaml);
        }
    }
}

/// The documents as JSON where anchors are followed, and the codes of what was found.
fn followed(text: &str) -> (Vec<String>, Vec<&'static str>) {
    let limits = Limits { aliases: true, nodes: 1_000, depth: 12, ..Limits::default() };
    let mut findings = Findings::new();
    let documents = load(FileId(0), text.as_bytes(), &limits, &mut findings);
    let json = documents.iter().map(|document| document.root.to_json().to_string()).collect();
    (json, findings.iter().map(|finding| finding.rule.code).collect())
}

#[test]
fn anchors_are_followed_when_asked() {
    for (text, json) in [
        ("a: &x east\nb: *x\n", r#"{"a":"east","b":"east"}"#),
        ("a: &x {b: [1, &y 2]}\nc: *x\nd: *y\n", r#"{"a":{"b":[1,2]},"c":{"b":[1,2]},"d":2}"#),
        ("x: &x {a: 1, b: 2}\nz: {<<: *x, b: 3}\n", r#"{"x":{"a":1,"b":2},"z":{"b":3,"a":1}}"#),
        (
            "x: &x {a: 1}\nw: &w {a: 2, b: 2}\nz:\n  <<: [*x, *w]\n  c: 3\n",
            r#"{"x":{"a":1},"w":{"a":2,"b":2},"z":{"c":3,"a":1,"b":2}}"#,
        ),
        ("a: &x 1\nb: &x 2\nc: *x\n", r#"{"a":1,"b":2,"c":2}"#),
        ("a: &unused 1\n", r#"{"a":1}"#),
    ] {
        assert_eq!(followed(text), (vec![json.to_owned()], vec![]), "{text}");
    }
    assert_eq!(followed("a: *nobody\n").1, ["MW0006"]);
    let place = |text: &str| {
        let limits = Limits { aliases: true, ..Limits::default() };
        let document = load(FileId(0), text.as_bytes(), &limits, &mut Findings::new()).remove(0);
        let span = document.root.at(&"b".into()).unwrap().span;
        text[span.start as usize..span.end as usize].to_owned()
    };
    assert_eq!(place("a: &x east\nb: *x\n"), "east", "where a person would change it");
}

#[test]
fn anchors_do_not_make_more_than_is_read() {
    let mut bomb = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n".to_owned();
    for at in 1..9 {
        let all = vec![format!("*a{}", at - 1); 9].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{all}]\n"));
    }
    assert_eq!(followed(&bomb).1, ["MW0007"]);
    let mut chain = "a0: &a0 1\n".to_owned();
    (1..40).for_each(|at| chain.push_str(&format!("a{at}: &a{at} {{x: *a{}}}\n", at - 1)));
    assert_eq!(followed(&chain).1, ["MW0007"]);
    assert_eq!(followed("a: &a [*a]\n").1, ["MW0006"], "itself");
}
