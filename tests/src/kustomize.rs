//! `kubectl kustomize`, the third reader: what Flux, Argo CD and `kubectl apply -k` make of a directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use meshwright::publish::Tree;
use serde_json::Value;

use crate::objects::{objects, reference, yaml_files};

/// Whether a program is there. Without it the caller skips, and says so, unless `MESHWRIGHT_REQUIRE_TOOLS=1`.
///
/// # Panics
/// It is not there and has to be.
#[must_use]
pub fn has(program: &str, arguments: &str) -> bool {
    let there =
        Command::new(program).args(arguments.split(" ")).output().is_ok_and(|output| output.status.success());
    if !there {
        let required = std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "{program} is not there: run tests/run.sh");
        eprintln!("skipped: {program} is not there (tests/run.sh installs it)");
    }
    there
}

/// Writes a tree below a directory, for programs that read files.
pub fn write(tree: &Tree, directory: &Path) {
    for (path, bytes) in tree.iter() {
        let path = path.under(directory);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The directories with a `kustomization.yaml`.
#[must_use]
pub fn roots(tree: &Tree) -> Vec<String> {
    let paths = tree.iter().map(|(path, _)| path.as_str());
    paths.filter_map(|path| path.strip_suffix("/kustomization.yaml")).map(str::to_owned).collect()
}

/// What a root lists, followed down: its objects by reference. Every entry has to be there.
fn listed(files: &BTreeMap<String, Value>, root: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    collect(files, root, &mut all);
    all
}

fn by_path(tree: &Tree) -> BTreeMap<String, Value> {
    yaml_files(tree).into_iter().map(|file| (file.path, file.value)).collect()
}

fn collect(files: &BTreeMap<String, Value>, root: &str, all: &mut BTreeMap<String, Value>) {
    let kustomization = &files[&format!("{root}/kustomization.yaml")];
    for entry in kustomization["resources"].as_array().unwrap() {
        let path = format!("{root}/{}", entry.as_str().unwrap());
        match files.get(&path) {
            Some(object) => {
                let twice = all.insert(reference(object), object.clone());
                assert!(twice.is_none(), "{path} is in {root} twice");
            }
            None => collect(files, &path, all),
        }
    }
}

/// The roots that no other root includes: building one builds all below it.
fn outermost(tree: &Tree) -> Vec<String> {
    let mut all = roots(tree);
    let included: Vec<String> = all
        .iter()
        .flat_map(|root| {
            let listed = crate::objects::read("", tree.get(&format!("{root}/kustomization.yaml")).unwrap());
            let entries = listed["resources"].as_array().unwrap().clone();
            entries.into_iter().map(move |entry| format!("{root}/{}", entry.as_str().unwrap()))
        })
        .collect();
    all.retain(|root| !included.contains(root));
    all
}

/// Builds every root of the tree with kubectl and compares it with the objects that the root lists.
///
/// # Panics
/// They differ, or kubectl refuses one.
pub fn build_all(tree: &Tree) {
    let files = by_path(tree);
    let directory = tempfile::tempdir().unwrap();
    write(tree, directory.path());
    for root in outermost(tree) {
        let output =
            Command::new("kubectl").arg("kustomize").arg(directory.path().join(&root)).output().unwrap();
        let (text, said) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{root}: {said}");
        let mut built = BTreeMap::new();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object: Value = serde::Deserialize::deserialize(document).unwrap();
            built.insert(reference(&object), object);
        }
        assert_eq!(built, listed(&files, &root), "{root}: kustomize makes something else of it");
    }
}

/// Every object is in exactly one file, and every file of a root is listed by the `kustomization.yaml` beside it.
///
/// # Panics
/// One is not.
pub fn everything_is_listed(tree: &Tree) {
    let (roots, files) = (roots(tree), by_path(tree));
    for file in objects(tree) {
        let (directory, name) = file.path.rsplit_once('/').unwrap();
        if directory.ends_with("/istioctl") || directory.ends_with("/helm") {
            continue;
        }
        assert!(roots.iter().any(|root| root == directory), "{} is in no kustomize root", file.path);
        let listed = files[&format!("{directory}/kustomization.yaml")]["resources"].as_array().unwrap();
        assert!(listed.iter().any(|entry| entry == name), "{} is not listed", file.path);
    }
    roots.iter().for_each(|root| drop(listed(&files, root)));
}
