use roxmltree::{Document, Node};

use super::*;

fn tests<'a>(document: &'a Document<'a>) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.has_tag_name("testcase")).collect()
}

#[test]
fn errors_fail_and_warnings_speak() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Junit, &findings, &sources));
}

#[test]
fn counts_are_those_of_the_elements() {
    let (sources, findings) = two_files();
    let text = print(Format::Junit, &findings, &sources);
    let document = Document::parse(&text).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    let root = document.root_element();
    assert_eq!(root.attribute("tests"), Some(count("testcase").to_string().as_str()));
    assert_eq!(root.attribute("failures"), Some(count("failure").to_string().as_str()));
    assert_eq!((count("failure"), count("system-out")), (findings.errors(), findings.warnings()));
    for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
        let tests = suite.children().filter(|node| node.has_tag_name("testcase")).count();
        assert_eq!(suite.attribute("tests"), Some(tests.to_string().as_str()));
    }
}

#[test]
fn no_finding_is_one_test_that_passed() {
    let text = print(Format::Junit, &Findings::new(), &Sources::new());
    let document = Document::parse(&text).unwrap();
    assert_eq!(tests(&document).len(), 1);
    assert!(!text.contains("<failure"));
}

#[test]
fn hostile_text_is_well_formed_and_comes_back() {
    let hostile = "<b>&amp;]]>\"'\u{0}\u{1b}[31m\u{fffe}\u{ffff}\u{d7ff}<!--`";
    let mut sources = Sources::new();
    let file = sources.add(format!("a{hostile}.yaml"), (*b"a: 1\n").into());
    let mut findings = Findings::new();
    let place = Place { span: Span { file, start: 0, end: 4 }, path: FieldPath::parse(hostile) };
    findings.push(NETWORK.at(place.clone(), hostile).help(hostile).cluster(hostile).object(hostile));
    findings.push(VERSION.at(place.clone(), hostile).related(place, hostile));
    let text = print(Format::Junit, &findings, &sources);
    let document = Document::parse(&text).unwrap();
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let message = failure.attribute("message").unwrap();
    assert!(message.starts_with("<b>&amp;]]>\"'") && message.ends_with("<!--`"), "{message}");
    assert!(failure.text().unwrap().contains("]]>"));
}
