use meshwright_policies::finding::Findings;
use meshwright_policies::node::FileId;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::syntax;

/// Strings that YAML emitters have got wrong, and their neighbours.
const AWKWARD: &[&str] = &[
    "on",
    "off",
    "yes",
    "no",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "null",
    "~",
    "",
    " ",
    "0755",
    "0o17",
    "0x1F",
    "1_000",
    "1e3",
    "1E+3",
    ".5",
    "5.",
    "+1",
    "-",
    "--",
    "---",
    "...",
    "?",
    ":",
    "a: b",
    "a #b",
    "#a",
    "- a",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "{",
    "[",
    "'",
    "\"",
    "a\nb",
    "a\n",
    "\na",
    "a\n\n",
    " a",
    "a ",
    "\ta",
    "a\tb",
    "\u{e9}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "x\u{feff}y",
    "\u{7f}",
    "\u{1b}",
    "\u{1f642}",
    "12:30:45",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "=",
    "<<",
    "0b11",
    ".inf",
    ".nan",
    "NaN",
    "1.0",
    "0",
    "-0",
    "~foo",
    "null\n",
    "nUll",
    "a: ",
    "key:value",
    "http://x",
    "C:\\x",
    "foo, bar",
    "[x",
    "x]",
    "NULL",
    "Null",
    "0.0",
    "1__0",
    "0_",
    "685_230.15",
    "190:20:30",
    "0x_0A_74_AE",
    "0b1010_0111",
    "1e",
    "e3",
    "12e03",
    "-2E05",
    "+.inf",
    "True",
    "TRUE",
    "YES",
    "Off",
    "a\r\nb",
    "a\rb",
    " \n a",
    "a\n b\n  c\n",
    "\n",
    "\n\n",
    "--- a",
    "a\n---\nb",
    "a\n...\n",
    "? a",
    ": a",
    "a:",
    "-a",
    "1:2",
    "0:0",
    "08",
    "09",
    "0.",
    "_1",
    "1_",
    "+",
    "+0",
    "0b",
    "0x",
    "0o",
    "infinity",
    "Inf",
    ".Inf",
    "-.INF",
    "nan",
    "off ",
    "k=v",
    "a'b",
    "a\"b",
    "a\\nb",
    "tab\there",
    "trail\\",
    "%YAML 1.2",
    "\u{200b}",
    "e\u{301}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{10ffff}",
];

fn awkward() -> impl Iterator<Item = String> {
    AWKWARD.iter().map(|text| (*text).to_owned()).chain(["word ".repeat(40), "x".repeat(200)])
}

/// The text as our own reader, a YAML 1.2 reader on libyaml and a reader that knows YAML 1.1's booleans take it.
fn check(value: &Value) -> Result<(), String> {
    let text = to_yaml(value);
    let mut findings = Findings::new();
    let limits = syntax::Limits { scalar_bytes: usize::MAX, ..syntax::Limits::default() };
    let documents = syntax::load(FileId(0), text.as_bytes(), &limits, &mut findings);
    let refused: Vec<&str> = findings
        .iter()
        .filter(|finding| !matches!(finding.rule.code, "MW0004" | "MW0005"))
        .map(|finding| finding.message.as_str())
        .collect();
    let [document] = documents.as_slice() else {
        return Err(format!("{} documents, {refused:?}:\n{text}", documents.len()));
    };
    let ours = document.root.to_json();
    if ours != *value || !refused.is_empty() {
        return Err(format!("ours {ours}, {refused:?}:\n{text}"));
    }
    let libyaml: Value = serde_yaml::from_str(&text).map_err(|error| format!("libyaml: {error}:\n{text}"))?;
    if libyaml != *value {
        return Err(format!("libyaml {libyaml}:\n{text}"));
    }
    let saphyr: Value = serde_saphyr::from_str(&text).map_err(|error| format!("saphyr: {error}:\n{text}"))?;
    if saphyr != *value {
        return Err(format!("saphyr {saphyr}:\n{text}"));
    }
    Ok(())
}

#[test]
fn awkward_strings_survive_as_values_and_keys() {
    assert_eq!(awkward().count(), 146);
    let mut wrong = Vec::new();
    for text in awkward() {
        let mut map = Map::new();
        map.insert(text.clone(), json!(text));
        for value in
            [json!(text), json!([text]), json!({"a": text}), Value::Object(map), json!([{"b": [text]}])]
        {
            wrong.extend(check(&value).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: Map<String, Value> = awkward().map(|text| (text.clone(), json!(text))).collect();
    check(&Value::Object(all)).unwrap();
}

#[test]
fn shapes_look_as_kubectl_writes_them() {
    let value = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "labels": {"on": "on", "istio.io/rev": "1-26-0"}},
        "data": {"mesh": "a: 1\nb:\n  - 2\n", "strip": "x\ny", "keep": "x\n\n", "empty": {}, "none": []},
        "items": ["10.0.0.0/16", "1.26", "1.15.3-mspider", "30s", "0755", "", null, true, 15443],
        "nested": [[1, [2]], [], {}, {"a": {"b": []}, "c": ["d"]}, {"k": {"l": "m\nn\n"}}],
        "floats": [1.0, 1e100, 1.5e-9, -0.5],
    });
    insta::assert_snapshot!(to_yaml(&value), @r#"
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: istio
      labels:
        "on": "on"
        istio.io/rev: "1-26-0"
    data:
      mesh: |
        a: 1
        b:
          - 2
      strip: |-
        x
        y
      keep: "x\n\n"
      empty: {}
      none: []
    items:
    - 10.0.0.0/16
    - "1.26"
    - 1.15.3-mspider
    - 30s
    - "0755"
    - ""
    - null
    - true
    - 15443
    nested:
    - - 1
      - - 2
    - []
    - {}
    - a:
        b: []
      c:
      - d
    - k:
        l: |
          m
          n
    floats:
    - 1.0
    - 1.0e+100
    - 1.5e-9
    - -0.5
    "#);
    check(&value).unwrap();
}

#[test]
fn few_awkward_strings_need_no_quotes() {
    let lines: Vec<String> =
        awkward().map(|text| to_yaml(&json!(text)).trim_end().replace('\n', "⏎")).collect();
    let plain: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.starts_with('"')).collect();
    insta::assert_snapshot!(plain.join("\n"), @"
    |-⏎  a⏎  b
    |⏎  a
    |⏎  null
    key:value
    http://x
    foo, bar
    e3
    |⏎  a⏎   b⏎    c
    |-⏎  a⏎  ---⏎  b
    |⏎  a⏎  ...
    k=v
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    ");
}

#[test]
fn numbers_keep_their_value_and_kind() {
    for value in [
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.1),
        json!(1.0),
        json!(1e21),
        json!(1e-300),
        json!(f64::MAX),
        json!(f64::MIN_POSITIVE),
        json!(-2.5e-8),
    ] {
        let text = to_yaml(&value);
        let back = syntax::load(FileId(0), text.as_bytes(), &syntax::Limits::default(), &mut Findings::new());
        assert_eq!(back[0].root.to_json(), value, "{text}");
        check(&json!([value])).unwrap();
    }
}

#[test]
fn a_long_key_is_read_back() {
    for key in ["k".repeat(1_000), "k".repeat(1_001), "é".repeat(700), "\"".repeat(600), "\u{1}".repeat(600)]
    {
        for value in [json!(1), json!({"a": 1}), json!([1, {"b": 2}]), json!("x\ny\n"), json!({})] {
            let mut map = Map::new();
            map.insert("first".to_owned(), json!(0));
            map.insert(key.clone(), value);
            map.insert("last".to_owned(), json!(0));
            check(&Value::Object(map.clone())).unwrap();
            check(&json!([map])).unwrap();
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z][a-z0-9./:-]{0,12}",
        2 => "[-+0-9_.xobeE:T ]{0,8}",
        2 => "[ \ta-c\n:#'\"\\\\-]{0,12}",
        1 => any::<String>(),
        1 => proptest::sample::select(AWKWARD).prop_map(str::to_owned),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |float| Number::from_f64(float).map(Value::Number)),
        text().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_read_back(value in tree()) {
        if let Err(wrong) = check(&value) {
            prop_assert!(false, "{value} became {wrong}");
        }
    }
}
