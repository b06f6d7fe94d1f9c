//! What holds for every valid mesh, whatever its shape, versions and names.

use std::collections::{BTreeMap, BTreeSet};

use meshwright::publish::Tree;
use meshwright_tests::intent::Intent;
use meshwright_tests::objects::{File, objects};
use meshwright_tests::{chart_values, kustomize, schemas};
use proptest::prelude::*;
use serde_json::Value;

use crate::meshes::any_mesh;

proptest! {
    #![proptest_config(crate::cases(96))]

    #[test]
    fn every_valid_mesh_renders_soundly(mesh in any_mesh()) {
        let intent = Intent::text(mesh.intent());
        let tree = intent.try_build().map_err(|said| TestCaseError::fail(format!("{said}\n{}", mesh.intent())))?;
        let mut wrong = schemas::check(&tree);
        wrong.extend(mesh.release().into_iter().flat_map(|release| chart_values::unknown(&tree, release)));
        wrong.extend(two_owners(&tree));
        wrong.extend(dangling(&tree));
        wrong.extend(secrets(&tree));
        prop_assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), mesh.intent());
        kustomize::everything_is_listed(&tree);
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Objects that two files would own: on the API server of one cluster, and in the places where agents run.
fn two_owners(tree: &Tree) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let mut twice = Vec::new();
    for file in objects(tree) {
        let parts: Vec<&str> = file.path.split('/').collect();
        let server = match parts.as_slice() {
            ["clusters", cluster, "istioctl" | "helm", ..] => format!("files of {cluster}"),
            ["clusters", cluster, ..] => (*cluster).to_owned(),
            [first, ..] => (*first).to_owned(),
            [] => String::new(),
        };
        let group =
            text(&file.value, "/apiVersion").split_once('/').map_or("", |(group, _)| group).to_owned();
        if let Some(first) = seen.insert((server, group, file.reference()), file.path.clone()) {
            twice.push(format!("{}: {first} has {} too", file.path, file.reference()));
        }
    }
    twice
}

/// Paths, sources and dependencies that name what is not in the tree.
fn dangling(tree: &Tree) -> Vec<String> {
    let files = objects(tree);
    let references: BTreeSet<(String, String)> =
        files.iter().map(|file| (holder(file), file.reference())).collect();
    let mut wrong = Vec::new();
    let is_root = |path: &str| tree.get(&format!("{path}/kustomization.yaml")).is_some();
    let mut path_is_there = |file: &File, path: &str| {
        let below = path.trim_start_matches("./").strip_prefix("rendered/").unwrap_or("(outside)");
        if !is_root(below) {
            wrong.push(format!("{}: `{path}` is no kustomize root", file.path));
        }
    };
    let mut missing = Vec::new();
    let mut is_there = |file: &File, wanted: String| {
        if !references.contains(&(holder(file), wanted.clone())) {
            missing.push(format!("{}: {wanted} is not there", file.path));
        }
    };
    for file in &files {
        let api = text(&file.value, "/apiVersion");
        let namespace = text(&file.value, "/metadata/namespace");
        let depends_on = file.value.pointer("/spec/dependsOn").and_then(Value::as_array);
        match (api.split('/').next().unwrap_or_default(), text(&file.value, "/kind")) {
            ("kustomize.toolkit.fluxcd.io", kind) => {
                path_is_there(file, text(&file.value, "/spec/path"));
                for other in depends_on.into_iter().flatten() {
                    is_there(file, format!("{kind}/{namespace}/{}", text(other, "/name")));
                }
            }
            ("helm.toolkit.fluxcd.io", kind) => {
                for other in depends_on.into_iter().flatten() {
                    is_there(file, format!("{kind}/{namespace}/{}", text(other, "/name")));
                }
                let source = text(&file.value, "/spec/chart/spec/sourceRef/name");
                is_there(file, format!("HelmRepository/{namespace}/{source}"));
            }
            (_, "ApplicationSet") => {
                let elements =
                    file.value.pointer("/spec/generators/0/list/elements").and_then(Value::as_array);
                let sources = file.value.pointer("/spec/template/spec/sources").and_then(Value::as_array);
                for element in elements.unwrap() {
                    for source in sources.unwrap() {
                        let path = text(source, "/path").replace("{{ .cluster }}", text(element, "/cluster"));
                        path_is_there(file, &path);
                    }
                }
            }
            (_, "Application") if file.value.pointer("/spec/source/path").is_some() => {
                path_is_there(file, text(&file.value, "/spec/source/path"));
            }
            _ => {}
        }
    }
    wrong.extend(missing);
    wrong
}

/// Where an object lives: `clusters/<name>` or the first directory.
fn holder(file: &File) -> String {
    let mut parts = file.path.split('/');
    match (parts.next(), parts.next()) {
        (Some("clusters"), Some(cluster)) => cluster.to_owned(),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

/// Private keys, tokens and the Secrets that would hold them.
fn secrets(tree: &Tree) -> Vec<String> {
    let mut wrong: Vec<String> = objects(tree)
        .iter()
        .filter(|file| file.value["kind"] == "Secret")
        .map(|file| file.path.clone())
        .collect();
    for (path, bytes) in tree.iter() {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("PRIVATE KEY") || text.contains("eyJhbGciOi") {
            wrong.push(format!("{}: holds a secret", path.as_str()));
        }
    }
    wrong
}
