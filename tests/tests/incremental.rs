//! A compiler that remembers gives what one gives that does not, after any sequence of edits.

use std::path::Path;

use meshwright::artefact::Output;
use meshwright::artefacts::ARTEFACTS;
use meshwright::build::build_with_warnings;
use meshwright::compile::{self, SourceText};
use meshwright::incremental::{Compilation, Compiler};
use meshwright::outline::outline;
use meshwright::publish::{Content, Tree};
use meshwright::source::Found;
use meshwright_policies::intent::Date;
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::node::FileId;
use meshwright_tests::fleet::{cluster_file, fleet};
use meshwright_tests::intent::{Intent, TODAY, difference, files};
use proptest::prelude::*;

use crate::meshes::any_mesh;

/// A day on which every setting of a policy has expired.
const LATER: Date = Date { year: 2199, month: 1, day: 1 };

fn compile_again(compiler: &mut Compiler, intent: &Intent, today: Date) -> Compilation {
    let sources = intent.sources();
    let files = sources.iter().map(|(id, _)| id).collect();
    compiler.compile(Found { sources, files, ..Found::default() }, Path::new("."), today)
}

/// Compiles with and without memory and compares everything that comes out.
fn assert_same_as_new(compiler: &mut Compiler, intent: &Intent, today: Date) {
    let again = compile_again(compiler, intent, today);
    let sources = (0..).map(FileId).zip(&intent.files);
    let loaded = compile::load(sources.map(|(id, (path, text))| SourceText { id, path, text }), today);
    let mut findings = loaded.findings;
    let mut tree = None;
    if !findings.has_errors() {
        match build_with_warnings(&loaded.fleet) {
            Ok((built, warnings)) => {
                tree = Some(built);
                findings.extend(warnings);
            }
            Err(unsound) => findings.extend(unsound),
        }
        findings.sort();
    }
    assert_eq!(intent.human(&again.findings), intent.human(&findings));
    assert_eq!(again.tree.is_some(), tree.is_some());
    if let (Some(again), Some(tree)) = (&again.tree, &tree) {
        let differences = difference(&files(tree), &files(again));
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        assert!(
            again
                .contents()
                .all(|(_, content)| content.digest() == Content::new(content.bytes().to_vec()).digest())
        );
    }
}

/// One change of some intent, by numbers that are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Edit {
    DeleteLine(usize, usize),
    RepeatLine(usize, usize),
    SwapLines(usize, usize),
    ChangeDigit(usize, usize),
    Comment(usize),
    Labels(usize),
    Remove(usize),
    Rename(usize),
    Restore(usize),
    RestoreAll,
    Nothing,
    Later,
}

fn edit() -> impl Strategy<Value = Edit> {
    let two = || (any::<usize>(), any::<usize>());
    prop_oneof![
        1 => two().prop_map(|(file, line)| Edit::DeleteLine(file, line)),
        1 => two().prop_map(|(file, line)| Edit::RepeatLine(file, line)),
        1 => two().prop_map(|(file, line)| Edit::SwapLines(file, line)),
        2 => two().prop_map(|(file, line)| Edit::ChangeDigit(file, line)),
        1 => any::<usize>().prop_map(Edit::Comment),
        2 => any::<usize>().prop_map(Edit::Labels),
        1 => any::<usize>().prop_map(Edit::Remove),
        1 => any::<usize>().prop_map(Edit::Rename),
        2 => any::<usize>().prop_map(Edit::Restore),
        2 => Just(Edit::RestoreAll),
        1 => Just(Edit::Nothing),
        1 => Just(Edit::Later),
    ]
}

fn apply(edit: Edit, first: &Intent, intent: &mut Intent, today: &mut Date) {
    let path = |intent: &Intent, file: usize| {
        let count = intent.files.len().max(1);
        intent.files.keys().nth(file % count).cloned().unwrap_or_default()
    };
    let lines = |intent: &mut Intent, file: usize, change: &dyn Fn(&mut Vec<String>)| {
        let path = path(intent, file);
        let text = intent.files.get(&path).map(|text| String::from_utf8_lossy(text).into_owned());
        let mut lines: Vec<String> = text.unwrap_or_default().lines().map(str::to_owned).collect();
        if !lines.is_empty() {
            change(&mut lines);
            intent.files.insert(path, (lines.join("\n") + "\n").into_bytes());
        }
    };
    match edit {
        Edit::DeleteLine(file, line) => lines(intent, file, &|lines| drop(lines.remove(line % lines.len()))),
        Edit::RepeatLine(file, line) => lines(intent, file, &|lines| {
            let at = line % lines.len();
            lines.insert(at, lines[at].clone());
        }),
        Edit::SwapLines(file, line) => lines(intent, file, &|lines| {
            let at = line % lines.len();
            let next = (at + 1) % lines.len();
            lines.swap(at, next);
        }),
        Edit::ChangeDigit(file, line) => lines(intent, file, &|lines| {
            let at = line % lines.len();
            lines[at] = lines[at].replacen('1', "2", 1);
        }),
        Edit::Comment(file) => lines(intent, file, &|lines| lines.insert(0, "# a comment".to_owned())),
        Edit::Labels(file) => lines(intent, file, &|lines| {
            if lines.iter().any(|line| line == "kind: Cluster") {
                lines.push(
                    "  namespaces: [{name: shop, injection: enabled, labels: {team: other}}]".to_owned(),
                );
            }
        }),
        Edit::Remove(file) => drop(intent.files.remove(&path(intent, file))),
        Edit::Rename(file) => {
            let path = path(intent, file);
            if let Some(text) = intent.files.remove(&path) {
                intent.files.insert(format!("a-{}", path.replace('/', "-")), text);
            }
        }
        Edit::Restore(file) => {
            if let Some((path, text)) = first.files.iter().nth(file % first.files.len()) {
                intent.files.insert(path.clone(), text.clone());
            }
        }
        Edit::RestoreAll => intent.clone_from(first),
        Edit::Nothing => {}
        Edit::Later => *today = if *today == TODAY { LATER } else { TODAY },
    }
}

fn sequence(first: &Intent, edits: &[Edit]) {
    let mut compiler = Compiler::new();
    let (mut intent, mut today) = (first.clone(), TODAY);
    assert_same_as_new(&mut compiler, &intent, today);
    for edit in edits {
        apply(*edit, first, &mut intent, &mut today);
        assert_same_as_new(&mut compiler, &intent, today);
    }
}

proptest! {
    #![proptest_config(crate::cases(6))]

    #[test]
    fn edits_of_the_example_compile_as_if_new(edits in prop::collection::vec(edit(), 1..8)) {
        sequence(&Intent::example(), &edits);
    }

    #[test]
    fn edits_of_a_fleet_compile_as_if_new(edits in prop::collection::vec(edit(), 1..8)) {
        sequence(&fleet(12, 3), &edits);
    }
}

/// All that the artefacts render for one cluster of a mesh.
fn rendered(mesh: &Mesh, cluster: &Cluster) -> Vec<String> {
    let mut out = Output::default();
    for artefact in ARTEFACTS {
        out.begin(artefact.name());
        artefact.render_cluster(mesh, cluster, &mut out);
    }
    let objects = out.objects().iter().flat_map(|(root, objects)| {
        objects.iter().map(move |one| format!("{} {:?}", root.directory(), one.object))
    });
    let files = out.files().iter().map(|(path, bytes)| format!("{path}\n{}", String::from_utf8_lossy(bytes)));
    objects.chain(files).collect()
}

fn assert_outline_is_enough(intent: &Intent) {
    let fleet = intent.load().fleet;
    for (mesh, cluster) in fleet.clusters() {
        assert_eq!(rendered(&outline(mesh), cluster), rendered(mesh, cluster), "{}", cluster.name);
    }
}

#[test]
fn a_cluster_of_the_example_needs_no_more_than_the_outline_of_its_mesh() {
    assert_outline_is_enough(&Intent::example());
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn a_cluster_needs_no_more_than_the_outline_of_its_mesh(mesh in any_mesh()) {
        assert_outline_is_enough(&Intent::text(mesh.intent()));
    }
}

/// Each kind of edit, one after the other and back, so that no case is left to chance.
#[test]
fn every_kind_of_edit_compiles_as_if_new() {
    use Edit::*;
    let each = |file| {
        let edits =
            [Labels(file), Comment(file), ChangeDigit(file, 9), DeleteLine(file, 3), SwapLines(file, 6)];
        let edits =
            edits.into_iter().chain([RepeatLine(file, 4), Remove(file), Rename(file), Later, Nothing]);
        edits.flat_map(|edit| [edit, RestoreAll]).collect::<Vec<_>>()
    };
    sequence(&fleet(6, 2), &each(0));
    sequence(&fleet(6, 2), &each(7));
    sequence(&Intent::example(), &each(2));
}

/// A change of one cluster writes that cluster's files anew and takes all others as they are.
#[test]
fn what_did_not_change_is_not_written_again() {
    let first = fleet(20, 4);
    let mut compiler = Compiler::new();
    let before = compile_again(&mut compiler, &first, TODAY).tree.unwrap();
    let edited = first.append(&cluster_file(7), "  namespaces: [{name: other}]\n");
    let after = compile_again(&mut compiler, &edited, TODAY).tree.unwrap();
    let kept = |path: &str| {
        let content =
            |tree: &'_ Tree| std::ptr::from_ref(tree.contents().find(|(p, _)| p.as_str() == path).unwrap().1);
        content(&before) == content(&after)
    };
    let written: Vec<&str> = after
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| before.get(path).is_none() || !kept(path))
        .collect();
    assert!(
        written.iter().all(|path| path.starts_with("clusters/cluster-00008/") || *path == "PLAN.md"),
        "{written:#?}"
    );
    assert!(written.contains(&"clusters/cluster-00008/mesh/install/namespace-other.yaml"), "{written:#?}");
}
