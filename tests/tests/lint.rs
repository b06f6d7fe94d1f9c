//! `meshwright lint` on repositories that were generated, and against the programs that apply them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use meshwright::lint::{kustomized, lint_sources, options};
use meshwright::source::{Sources, discover};
use meshwright_policies::node::Node;
use meshwright_policies::repository::Manifest;
use meshwright_tests::manifests::repository as generated;
use meshwright_tests::{kustomize, repository};
use serde_json::Value;

#[test]
fn a_generated_repository_is_clean() {
    let mut sources = Sources::new();
    for (path, text) in generated(25) {
        sources.add(path, text.into_bytes().into());
    }
    let linted = lint_sources(sources, &[]);
    assert!(linted.findings.is_empty(), "{:#?}", linted.findings);
    let clusters = linted.repository.clusters.iter().filter(|cluster| cluster.named);
    assert_eq!(clusters.filter(|cluster| cluster.cluster_id() == Some(&cluster.name)).count(), 25);
    let meshes: Vec<usize> = linted.repository.meshes().iter().map(Vec::len).collect();
    assert_eq!(meshes, [10, 10, 5], "two meshes of ten clusters and one of five");
}

/// Claims by the object that makes them, generated names without their hash. Lists in any order: kustomize's is its own.
fn claims(manifests: &[Manifest]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for manifest in manifests {
        let name = manifest.name.as_str();
        let (bare, hash) = name.rsplit_once('-').unwrap_or((name, ""));
        let hashed = manifest.kind == "ConfigMap" && hash.len() == 10;
        let name = if hashed { bare } else { name };
        let key = format!("{} {} {name}", manifest.kind, manifest.namespace.as_deref().unwrap_or_default());
        let lines = all.entry(key).or_default();
        for claim in &manifest.claims.list {
            let mut value: Vec<&str> = claim.value.split(',').collect();
            value.sort_unstable();
            lines.push(format!("{:?} = {}", claim.fact, value.join(",")));
        }
        lines.sort();
    }
    all
}

/// The roots below a directory, by kustomization file; components are none.
fn roots(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            roots(&path, found);
        } else if path.file_name().is_some_and(|name| name == "kustomization.yaml")
            && !std::fs::read_to_string(&path).unwrap().contains("kind: Component")
        {
            found.push(path.parent().unwrap().to_owned());
        }
    }
}

#[test]
fn roots_come_to_what_kubectl_makes_of_them() {
    if !kustomize::has("kubectl", "version --client") {
        return;
    }
    let mut directories = Vec::new();
    roots(&repository("tests/lint"), &mut directories);
    let (mut compared, mut with_claims) = (0, 0);
    for directory in directories {
        let output = Command::new("kubectl").arg("kustomize").arg(&directory).output().unwrap();
        let (case, _) = directory
            .strip_prefix(repository("tests/lint"))
            .unwrap()
            .iter()
            .fold((String::new(), 0), |(first, n), part| {
                (if n == 0 { part.to_string_lossy().into_owned() } else { first }, n + 1)
            });
        let found = discover(&repository("tests/lint").join(case), options()).unwrap();
        let (ours, complete) = kustomized(&found.sources, &directory.display().to_string()).unwrap();
        if !output.status.success() {
            assert!(
                !complete,
                "{}: kubectl refuses it: {}",
                directory.display(),
                String::from_utf8_lossy(&output.stderr)
            );
            continue;
        }
        if !complete {
            continue;
        }
        let mut theirs = Vec::new();
        for document in serde_yaml::Deserializer::from_slice(&output.stdout) {
            let object: Value = serde::Deserialize::deserialize(document).unwrap();
            let text = serde_json::to_vec(&object).unwrap();
            let (sources, _) = Sources::from_text("built.yaml", text);
            theirs
                .extend(lint_sources(sources, &[]).repository.clusters.into_iter().flat_map(|c| c.subjects));
            if theirs.last().is_none_or(|last| Some(last.kind.as_str()) != object["kind"].as_str()) {
                theirs.push(Manifest::object(Node::from_json(&object)));
            }
        }
        let (ours, theirs) = (claims(&ours), claims(&theirs));
        assert_eq!(ours, theirs, "{}", directory.display());
        compared += 1;
        with_claims += usize::from(ours.values().any(|claims| !claims.is_empty()));
    }
    assert!(compared >= 10 && with_claims >= 8, "{compared} {with_claims}");
}
