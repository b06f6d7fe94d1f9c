//! What is imported of a rendered mesh renders what the mesh claims.

use std::collections::{BTreeMap, BTreeSet};

use meshwright::import;
use meshwright::lint;
use meshwright::publish::Tree;
use meshwright::source::Sources;
use meshwright_tests::intent::{Intent, TODAY, files};
use meshwright_tests::repository;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::meshes::{AnyMesh, any_mesh};

fn sources(tree: &Tree) -> Sources {
    let mut sources = Sources::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".yaml")) {
        sources.add(path.as_str().to_owned(), bytes.into());
    }
    sources
}

/// Every claim of every cluster, wherever it is made.
fn claims(sources: &Sources) -> BTreeMap<String, BTreeSet<String>> {
    let (repository, _) = lint::repository(sources, &[]);
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for cluster in repository.clusters.iter().filter(|cluster| cluster.named) {
        let own = all.entry(cluster.name.clone()).or_default();
        let claims = cluster.subjects.iter().flat_map(|subject| &subject.claims.list);
        own.extend(claims.map(|claim| format!("{:?} = {}", claim.fact, claim.value)));
    }
    all
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn what_is_imported_claims_the_same(
        mesh in any_mesh().prop_filter("says what it is", AnyMesh::speaks_for_itself)
    ) {
        claims_the_same(&mesh)?;
    }

    #[test]
    fn what_is_imported_of_old_values_files_claims_the_same(
        mesh in any_mesh().prop_map(AnyMesh::by_hand).prop_filter("says what it is", AnyMesh::speaks_for_itself)
    ) {
        claims_the_same(&mesh)?;
    }
}

fn claims_the_same(mesh: &AnyMesh) -> Result<(), TestCaseError> {
    let tree = Intent::text(mesh.intent()).build();
    let before = sources(&tree);
    let imported =
        import::import(&before, &[], TODAY).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(
        imported.contradictions.is_empty(),
        "{}\n{}",
        imported.contradictions.join("\n"),
        mesh.intent()
    );
    let mut intent = Intent { files: imported.files };
    let written = intent.file("mesh.yaml").to_owned();
    // Plain values files do not say which release reads them.
    if written.contains("which release of Istio?") {
        let answer = format!("\n  istio:\n    version: \"{}\"\n", mesh.release_text());
        let text = if written.contains("\n  istio:\n") {
            written.replacen("\n  istio:\n", &answer, 1)
        } else if written.contains("\nspec:\n") {
            written.replacen("\nspec:\n", &format!("\nspec:{answer}"), 1)
        } else {
            format!("{}\nspec:{answer}", written.trim_end())
        };
        intent.files.insert("mesh.yaml".into(), text.into_bytes());
    }
    let again =
        intent.try_build().map_err(|said| TestCaseError::fail(format!("{said}\n{}", mesh.intent())))?;
    let after = sources(&again);
    let (before, after) = (claims(&before), claims(&after));
    for (cluster, claims) in &before {
        let now = after.get(cluster).cloned().unwrap_or_default();
        let lost: Vec<_> = claims.difference(&now).collect();
        let new: Vec<_> = now.difference(claims).collect();
        prop_assert!(
            lost.is_empty() && new.is_empty(),
            "{cluster}\nlost {lost:#?}\nnew {new:#?}\n{}",
            mesh.intent()
        );
    }
    let linted = lint::lint_sources(sources(&again), &[]);
    prop_assert!(linted.findings.is_empty(), "{:#?}", linted.findings);
    Ok(())
}

/// Places of everything that a document says below `spec`.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                all.push(at.clone());
                pointers(below, &at, all);
            }
        }
        Value::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                all.push(at.clone());
                pointers(below, &at, all);
            }
        }
        _ => {}
    }
}

fn without(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (above, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(map) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(items) => {
            items.remove(key.parse().unwrap());
        }
        _ => unreachable!(),
    }
    document
}

/// Documents as JSON, which is YAML too: no place of theirs depends on another value.
fn json(documents: &[Value]) -> Vec<u8> {
    let texts: Vec<String> = documents.iter().map(|document| format!("---\n{document}\n")).collect();
    texts.concat().into_bytes()
}

/// Whatever is taken out of an imported intent, something else is rendered, or something is wrong.
#[test]
fn nothing_is_said_that_need_not_be() {
    let mut tried = 0;
    let mut idle = Vec::new();
    for case in [
        "multi-primary-sail-argocd",
        "primary-remote-operator-1.15",
        "hosted-flat-parameters",
        "gateways-several",
        "flux-elsewhere",
        "revision-canary",
    ] {
        let golden = Intent::read(&repository("tests/golden").join(case).join("intent"));
        let imported = import::import(&sources(&golden.build()), &[], TODAY).unwrap();
        let mut documents: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut intent = Intent { files: imported.files };
        for path in intent.files.keys().filter(|path| !path.contains("manifests/")) {
            let all = serde_yaml::Deserializer::from_str(intent.file(path));
            documents.insert(path.clone(), all.map(|one| Value::deserialize(one).unwrap()).collect());
        }
        intent.files.extend(documents.iter().map(|(path, all)| (path.clone(), json(all))));
        let expected = intent.try_build().map(|tree| files(&tree));
        assert!(expected.is_ok(), "{case}: {expected:?}");
        let findings = intent.load().findings.iter().count();
        for (path, all) in &documents {
            for (at, document) in all.iter().enumerate() {
                let mut places = Vec::new();
                if let Some(spec) = document.get("spec") {
                    pointers(spec, "/spec", &mut places);
                }
                for place in places {
                    let mut edited = all.clone();
                    edited[at] = without(document, &place);
                    let mut less = intent.clone();
                    less.files.insert(path.clone(), json(&edited));
                    tried += 1;
                    let other = less.try_build().map(|tree| files(&tree));
                    if other == expected && less.load().findings.iter().count() == findings {
                        idle.push(format!("{case}: {path} {place}"));
                    }
                }
            }
        }
    }
    assert!(idle.is_empty(), "{}", idle.join("\n"));
    assert!(tried > 60, "{tried}");
}
