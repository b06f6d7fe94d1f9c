//! Laws of the whole program: what holds for every intent, not only for the examples.

use std::collections::BTreeMap;

use meshwright::compile::{self, SourceText};
use meshwright_policies::node::FileId;
use meshwright_tests::intent::{Intent, TODAY, difference, files};
use proptest::prelude::*;

/// The tree of the example with everything that names intent files and fields.
fn tree(intent: &Intent) -> BTreeMap<String, Vec<u8>> {
    files(&intent.build())
}

fn assert_same(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>, why: &str) {
    let differences = difference(expected, found);
    assert!(differences.is_empty(), "{why}:\n{}", differences.join("\n"));
}

#[test]
fn two_runs_give_the_same_bytes() {
    assert_same(&tree(&Intent::example()), &tree(&Intent::example()), "second run");
}

/// A comment, an empty line or trailing spaces change nothing that is rendered.
#[test]
fn comments_and_spaces_change_nothing() {
    let example = Intent::example();
    let expected = tree(&example);
    for path in example.files.keys() {
        let text = example.file(path);
        for (what, edited) in [
            ("a comment on top", format!("# a comment\n{text}")),
            ("empty lines on top", format!("\n\n{text}")),
            ("a comment at the end", format!("{text}# a comment\n")),
            ("a comment behind every line", text.replace('\n', "  # a comment\n")),
            ("CRLF", text.replace('\n', "\r\n")),
        ] {
            let mut intent = example.clone();
            intent.files.insert(path.clone(), edited.into_bytes());
            assert_same(&expected, &tree(&intent), &format!("{path}: {what}"));
        }
    }
}

/// One commit must not make every agent reconcile: what one cluster says of itself changes its own files alone.
#[test]
fn one_clusters_change_touches_its_own_files_alone() {
    let example = Intent::example();
    let path = "mdemo/clusters/mdemo-cluster2.yaml";
    let changed = example.clone().edit(path, "helloworld: {version: vc2}", "helloworld: {version: vc4}");
    let differences = difference(&tree(&example), &tree(&changed));
    let others: Vec<&String> = differences
        .iter()
        .filter(|line| !line.starts_with("clusters/mdemo-cluster2/") && !line.starts_with("PLAN.md"))
        .collect();
    assert!(!differences.is_empty());
    assert!(others.is_empty(), "{others:#?}");
}

/// The files in another order, with other IDs: the paths say which is which.
fn in_order(intent: &Intent, order: &[usize]) -> BTreeMap<String, Vec<u8>> {
    let all: Vec<_> = intent.files.iter().collect();
    let sources = (0..).map(FileId).zip(order.iter().map(|index| all[*index]));
    let loaded = compile::load(sources.map(|(id, (path, text))| SourceText { id, path, text }), TODAY);
    assert!(!loaded.findings.has_errors(), "{:#?}", loaded.findings);
    files(&meshwright::build::build(&loaded.fleet).unwrap())
}

/// What does not say in which file a value was written.
fn without_places(mut tree: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    tree.retain(|path, _| !path.contains("/declaration/") && path != "PLAN.md");
    tree
}

/// Every document of the example, on its own.
fn documents() -> Vec<String> {
    let example = Intent::example();
    let texts = example.files.keys().map(|path| example.file(path));
    texts.flat_map(|text| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>()).collect()
}

proptest! {
    #![proptest_config(crate::cases(24))]

    #[test]
    fn the_order_of_files_changes_nothing(order in Just((0..Intent::example().files.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let example = Intent::example();
        assert_same(&tree(&example), &in_order(&example, &order), "shuffled");
    }

    /// One document per file, all in one file, or anything between: the layout is the person's own.
    #[test]
    fn the_layout_of_files_changes_nothing(
        documents in Just(documents()).prop_shuffle(),
        homes in prop::collection::vec(0..6_u8, 64),
    ) {
        let mut intent = Intent::default();
        for (document, home) in documents.iter().zip(homes) {
            intent = intent.append(&format!("dir{}/file{home}.yaml", home % 2), &format!("---\n{document}\n"));
        }
        let expected = without_places(tree(&Intent::example()));
        assert_same(&expected, &without_places(tree(&intent)), "another layout");
    }
}

/// One change of bytes, as slips of the hand and of merges make them.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(u8),
    Insert(Vec<u8>),
    Delete(usize),
    Double(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let text = prop::sample::select(vec![
        "\n",
        " ",
        "\t",
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "#",
        "&a ",
        "*a",
        "!!str ",
        "|",
        ">",
        "%",
        "---\n",
        "...",
        "\u{feff}",
        "\u{2028}",
        "\u{85}",
        "\u{201c}",
        "\0",
        "null",
        "on",
        "0755",
        "1_000",
        "1e999",
        "<<: ",
        "? ",
        "${X}",
        "mesh: other\n",
        "spec: {}\n",
        "99999999999999999999",
    ]);
    prop_oneof![
        any::<u8>().prop_map(Mutation::Replace),
        text.prop_map(|text| Mutation::Insert(text.as_bytes().to_vec())),
        prop::collection::vec(any::<u8>(), 1..4).prop_map(Mutation::Insert),
        (1..40_usize).prop_map(Mutation::Delete),
        (1..200_usize).prop_map(Mutation::Double),
    ]
}

fn mutate(text: &mut Vec<u8>, at: usize, mutation: &Mutation) {
    let at = at % (text.len() + 1);
    let end = |length: usize| (at + length).min(text.len());
    match mutation {
        Mutation::Replace(byte) => text.splice(at..end(1), [*byte]).for_each(drop),
        Mutation::Insert(bytes) => text.splice(at..at, bytes.iter().copied()).for_each(drop),
        Mutation::Delete(length) => text.drain(at..end(*length)).for_each(drop),
        Mutation::Double(length) => {
            let again = text[at..end(*length)].to_vec();
            text.splice(at..at, again).for_each(drop);
        }
    }
}

proptest! {
    #![proptest_config(crate::cases(400))]

    /// Whatever happens to a file: an answer, never a panic, and no tree from intent with an error.
    #[test]
    fn broken_files_are_answered(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<u16>(), mutation()), 1..4),
    ) {
        let mut intent = Intent::example();
        let path = intent.files.keys().nth(file.index(intent.files.len())).unwrap().clone();
        let text = intent.files.get_mut(&path).unwrap();
        for (at, change) in &changes {
            mutate(text, usize::from(*at), change);
        }
        let loaded = intent.load();
        let said = intent.human(&loaded.findings);
        prop_assert_eq!(said.contains("error["), loaded.findings.has_errors());
        if !loaded.findings.has_errors() {
            // Whatever it means now, it either renders or says why not.
            let _tree_or_findings = meshwright::build::build(&loaded.fleet);
        } else {
            prop_assert!(intent.try_build().is_err());
        }
        let finding_without_place = loaded.findings.iter().find(|finding| {
            finding.rule.code.starts_with("MW00") && !finding.place.span.is_written()
        });
        prop_assert!(finding_without_place.is_none(), "{:?}", finding_without_place);
    }
}
