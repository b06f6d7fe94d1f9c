//! Golden trees: `tests/golden/<case>/intent/` renders `expected/` and says `diagnostics.txt`.
//!
//! `MESHWRIGHT_UPDATE=1 cargo test -p meshwright-tests golden` writes what is expected; the diff is the review.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshwright::compile;
use meshwright::decorate::{Agents, decorate};
use meshwright::destination::destinations;
use meshwright::publish::Tree;
use meshwright_policies::chart_keys::Chart;
use meshwright_policies::version::Minor;
use meshwright_tests::intent::{Intent, difference, files, files_below};
use meshwright_tests::{chart_values, kustomize, objects, repository, schemas, updating};
use serde_json::{Value, json};

/// The case whose tree is kept whole.
const WHOLE: &str = "whole-tree";

/// Left out of the other cases: what changes with every field or document, and is tested where it is made.
const LEFT_OUT: [&str; 4] = [".gitattributes", "PLAN.md", "crds/", "/declaration/"];

fn kept(case: &Path, path: &str) -> bool {
    case.ends_with(WHOLE)
        || !LEFT_OUT.iter().any(|part| match part.strip_prefix('/') {
            Some(_) => path.contains(part),
            None => path.starts_with(part),
        })
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(repository("tests/golden")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 10, "{cases:?}");
    cases
}

fn intent(case: &Path) -> Intent {
    Intent::read(&case.join("intent"))
}

#[test]
fn golden_trees_are_as_expected() {
    let mut wrong = Vec::new();
    for case in cases() {
        let intent = intent(&case);
        let mut found: BTreeMap<String, Vec<u8>> =
            intent.try_build().map(|tree| files(&tree)).unwrap_or_default();
        found.retain(|path, _| kept(&case, path));
        let mut found: BTreeMap<String, Vec<u8>> =
            found.into_iter().map(|(path, bytes)| (format!("expected/{path}"), bytes)).collect();
        found.insert("diagnostics.txt".to_owned(), intent.check().into_bytes());
        let mut expected = files_below(&case);
        expected.retain(|path, _| !path.starts_with("intent/"));
        let differences = difference(&expected, &found);
        if !differences.is_empty() && updating() {
            let _absent = std::fs::remove_dir_all(case.join("expected"));
            for (path, bytes) in found {
                std::fs::create_dir_all(case.join(&path).parent().unwrap()).unwrap();
                std::fs::write(case.join(path), bytes).unwrap();
            }
        } else {
            let name = case.file_name().unwrap().to_str().unwrap();
            wrong.extend(differences.into_iter().map(|line| format!("{name}/{line}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "if it is meant, run `MESHWRIGHT_UPDATE=1 cargo test -p meshwright-tests golden`:\n{}",
        wrong.join("\n")
    );
}

/// A rendered tree, of which every other question is asked.
struct Case {
    name: String,
    intent: Intent,
    tree: Tree,
    /// The release that it installs with values files: they do not say it themselves.
    release: Minor,
}

/// The golden trees and the example.
fn rendered() -> Vec<Case> {
    let golden = cases().into_iter().filter_map(|case| {
        let intent = intent(&case);
        let tree = intent.try_build().ok()?;
        let release =
            intent.load().fleet.clusters().map(|(_, cluster)| cluster.istio.version.minor()).next()?;
        Some(Case { name: case.file_name().unwrap().to_str().unwrap().to_owned(), intent, tree, release })
    });
    let (intent, tree) = (Intent::example(), Intent::example().build());
    golden.chain([Case { name: "example".to_owned(), intent, tree, release: Minor(1, 30) }]).collect()
}

#[test]
fn rendered_objects_are_valid() {
    let mut wrong = Vec::new();
    for case in rendered() {
        wrong.extend(schemas::check(&case.tree).into_iter().map(|line| format!("{}: {line}", case.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The schemas are strict: a misspelt, a missing and a mistyped field are found at their place.
#[test]
fn what_the_api_server_would_refuse_is_found() {
    let example = Intent::example().build();
    let change = |path: &str, wanted: &str, pointer: &str, value: Option<Value>| {
        let mut object = objects::object(&example, path, wanted);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(key.to_owned(), value),
            None => parent.remove(key),
        };
        schemas::violations(&object).join("\n")
    };
    let (kt, atlas) = ("clusters/kt-k2p", "clusters/seoul-1");
    insta::assert_snapshot!(
        change(kt, "Deployment/sample/reviews-v1", "/spec/template/spec/containers/0/imagePullPolic", Some(json!("Always"))),
        @"/spec/template/spec/containers/0: Additional properties are not allowed ('imagePullPolic' was unexpected)"
    );
    insta::assert_snapshot!(change(kt, "HelmRelease/flux-system/istiod", "/spec/interval", None), @r#"/spec: "interval" is a required property"#);
    insta::assert_snapshot!(change(kt, "HelmRelease/flux-system/istiod", "/spec/chart/spec/versoin", Some(json!("1"))), @"/spec/chart/spec: Additional properties are not allowed ('versoin' was unexpected)");
    insta::assert_snapshot!(change(atlas, "Istio/default", "/spec/values/global/newtork", Some(json!("seoul"))), @"/spec/values/global: Additional properties are not allowed ('newtork' was unexpected)");
    insta::assert_snapshot!(
        change(atlas, "Gateway/istio-system/cross-network-gateway", "/spec/servers/0/port/number", Some(json!("15443"))),
        @r#"/spec/servers/0/port/number: "15443" is not of type "integer""#
    );
    insta::assert_snapshot!(change(kt, "Namespace/istio-system", "/metadata/labels/team", Some(json!(true))), @r#"/metadata/labels/team: true is not of type "string""#);
    insta::assert_snapshot!(change(kt, "Namespace/istio-system", "/kind", Some(json!("Namespaces"))), @"no schema for v1 Namespaces: add it to tests/schemas/derive.py");
}

#[test]
fn charts_know_every_value() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for case in rendered() {
        let values = chart_values::chart_values(&case.tree, case.release);
        seen.extend(values.into_iter().map(|one| (one.chart, one.version)));
        let unknown = chart_values::unknown(&case.tree, case.release);
        wrong.extend(unknown.into_iter().map(|line| format!("{}: {line}", case.name)));
    }
    for chart in
        [Chart::Base, Chart::Istiod, Chart::IstiodRemote, Chart::Gateway, Chart::Cni, Chart::Operator]
    {
        assert!(seen.iter().any(|(one, _)| *one == chart), "no values for {}", chart.name());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_readers_see_the_object_that_was_rendered() {
    for case in rendered() {
        let fleet = case.intent.load().fleet;
        let destinations = destinations(&fleet);
        let files = objects::yaml_files(&case.tree);
        let mut count = 0;
        for (root, rendered) in compile::render(&fleet).into_parts().0 {
            let agents = Agents::of(&root, &destinations);
            for one in rendered {
                let object = decorate(Arc::unwrap_or_clone(one), &root, agents);
                let (reference, object) = (object.reference(), object.into_json());
                let below = format!("{}/", root.directory());
                let read = files
                    .iter()
                    .filter(|file| file.path.starts_with(&below) && file.reference() == reference);
                assert!(read.clone().any(|file| file.value == object), "{}: {below}{reference}", case.name);
                count += 1;
            }
        }
        assert_eq!(count, files.iter().filter(|file| file.is_object()).count(), "{}", case.name);
    }
}

#[test]
fn kustomize_sees_the_objects_that_were_rendered() {
    if !kustomize::has("kubectl", "kustomize --help") {
        return;
    }
    for case in rendered() {
        eprintln!("{}", case.name);
        kustomize::everything_is_listed(&case.tree);
        kustomize::build_all(&case.tree);
    }
}
