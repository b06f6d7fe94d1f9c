//! `render` of an output directory that is as it was left: the same words, no work, and never a wrong answer.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

struct Place {
    dir: TempDir,
}

impl Place {
    /// Forty clusters, two of which have overlapping service ranges: a warning.
    fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        let mut text = String::from(
            "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: demo}\nspec:\n  istio: {version: \"1.30.3\", install: Helm}\n  \
             ca: {provider: certManager}\n  delivery: {flux: {path: ./out}}\n  clusterDefaults: {network: flat}\n---\n\
             apiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {name: flat}\nspec: {podConnectivity: routed}\n",
        );
        for number in 0..50 {
            let services = number.max(1);
            text.push_str(&format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: c{number}}}\nspec:\n  \
                 kubernetes: {{version: \"1.35\", apiServer: \"https://10.9.{number}.10:6443\"}}\n  \
                 podCIDRs: [10.{}.0.0/16]\n  serviceCIDRs: [172.16.{services}.0/24]\n  \
                 namespaces: [{{name: shop}}, {{name: payments}}]\n",
                100 + number
            ));
        }
        fs::create_dir(place.path("intent")).unwrap();
        fs::write(place.path("intent/mesh.yaml"), text).unwrap();
        place
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn command(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_meshwright"))
            .current_dir(self.dir.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("NO_COLOR", "1")
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn render(&self, out: &str) -> (i32, String) {
        self.command(&["render", "intent", "-o", out, "--date", "2026-01-01"])
    }

    fn cache(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache/meshwright")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn edit(&self, old: &str, new: &str) {
        let path = self.path("intent/mesh.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old));
        fs::write(path, text.replacen(old, new, 1)).unwrap();
    }
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                all.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn a_second_run_says_the_same_findings_without_a_compile() {
    let place = Place::new();
    let (code, first) = place.render("out");
    assert_eq!(code, 0, "{first}");
    assert!(first.contains("warning[MW2013]"), "{first}");
    assert_eq!(place.cache().len(), 1, "{first}");
    let findings = first.rsplit_once("out: ").unwrap().0;
    let (code, second) = place.render("out");
    assert_eq!((code, second.rsplit_once("out is up to date: ").unwrap().0), (0, findings));
    let (code, check) = place.command(&["render", "intent", "-o", "out", "--check", "--date", "2026-01-01"]);
    assert_eq!((code, &check), (0, &second));
    // That nothing is compiled shows when what is remembered is falsified.
    let cache = &place.cache()[0];
    let text = fs::read_to_string(cache).unwrap();
    fs::write(cache, text.replace("service CIDRs overlap", "REMEMBERED")).unwrap();
    assert!(place.render("out").1.contains("REMEMBERED"));
    // Nothing of it lies in the output.
    let names: Vec<String> =
        files(&place.path("out/.meshwright")).keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, ["manifest.json"]);
}

#[test]
fn whatever_changed_is_compiled() {
    let place = Place::new();
    place.render("out");
    let as_new = |what: &str| {
        let (code, said) = place.render("out");
        assert_eq!(code, 0, "{what}: {said}");
        fs::remove_dir_all(place.path("new")).unwrap_or_default();
        place.render("new");
        assert!(files(&place.path("out")) == files(&place.path("new")), "{what}: {said}");
        said
    };
    as_new("nothing");
    place.edit("name: payments", "name: billing");
    assert!(as_new("the intent").contains("created"));
    place.edit("name: billing", "name: payments");
    assert!(as_new("the intent, back").contains("created"));
    let object = place.path("out/clusters/c7/mesh/install/namespace-shop.yaml");
    let text = fs::read_to_string(&object).unwrap();
    fs::write(&object, text.replace("shop", "shoq")).unwrap();
    assert!(as_new("a file by hand").contains("changed by hand"));
    fs::remove_file(&object).unwrap();
    assert!(as_new("a removed file").contains("1 created"));
    fs::rename(place.path("out"), place.path("moved")).unwrap();
    assert!(as_new("no directory").contains("created"));
    fs::write(place.path("intent/more.yaml"), "# nothing\n").unwrap();
    as_new("one more file");
    for cache in place.cache() {
        fs::write(cache, "{").unwrap();
    }
    as_new("a broken cache");
    as_new("nothing again");
}

#[test]
fn a_setting_that_expires_is_seen() {
    let place = Place::new();
    let path = place.path("intent/policies.yaml");
    fs::write(
        path,
        "apiVersion: meshwright.dev/v1alpha1\nkind: PolicyConfig\nmetadata: {name: p}\nspec:\n  policies:\n    \
         - {code: MW2013, severity: \"off\", reason: renumbered soon, expires: \"2026-03-31\"}\n",
    )
    .unwrap();
    let on = |day: &str| place.command(&["render", "intent", "-o", "out", "--date", day]).1;
    assert!(!on("2026-01-01").contains("MW2013"));
    assert!(on("2026-03-31").contains("up to date") && !on("2026-03-31").contains("MW2013"));
    let after = on("2026-04-01");
    assert!(after.contains("MW2013") && after.contains("MW0121"), "{after}");
    assert_eq!(on("2026-05-01"), after);
    assert!(!on("2026-02-01").contains("MW2013"));
}

#[test]
fn an_error_is_never_hidden() {
    let place = Place::new();
    place.render("out");
    let path = place.path("intent/mesh.yaml");
    let right = fs::read_to_string(&path).unwrap();
    place.edit("podCIDRs: [10.101.0.0/16]", "podCIDRs: [10.100.0.0/16]");
    for _ in 0..2 {
        let (code, said) = place.render("out");
        assert!(code == 1 && said.contains("MW2004"), "{said}");
    }
    fs::write(path, right).unwrap();
    assert_eq!(place.render("out").0, 0);
}
