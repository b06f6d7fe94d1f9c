//! The program on real Git repositories: exit codes, and what reaches which stream.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const MESH: &str = "apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec: {istio: {version: \"1.30.3\"}}
";
const CLUSTERS: &str = "apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: n1}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: c1}
spec:
  network: n1
  podCIDRs: [10.1.0.0/16]
  kubernetes: {version: \"1.33\", apiServer: \"https://192.0.2.1:6443\"}
";

struct Repository(TempDir);

impl Repository {
    fn new() -> Repository {
        let repository = Repository(tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}")));
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.0.path())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
            .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
            .output()
            .unwrap_or_else(|error| unreachable!("{error}"));
        assert!(output.status.success(), "git {args:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        assert!(written.is_ok(), "{written:?}");
    }

    fn commit(&self, files: &[(&str, &str)]) {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
    }

    fn run(&self, below: &str, args: &[&str]) -> (Option<i32>, String, String) {
        run(&self.0.path().join(below), args)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(directory: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_meshwright"))
        .current_dir(directory)
        .args(args)
        .output()
        .unwrap_or_else(|error| unreachable!("{error}"));
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Intent in `intent/`: the first commit has one cluster, the second a broken one, the third is right again.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.commit(&[("README.md", "")]);
    repository.git(&["tag", "before"]);
    repository.commit(&[("intent/mesh.yaml", MESH), ("intent/c.yaml", CLUSTERS)]);
    repository.git(&["tag", "good"]);
    repository.commit(&[("intent/c.yaml", &CLUSTERS.replace("network: n1", "network: n7"))]);
    repository.git(&["tag", "broken"]);
    repository.commit(&[("intent/c.yaml", CLUSTERS)]);
    repository
}

#[test]
fn every_command_reads_a_revision() {
    let repository = repository();
    assert_eq!(repository.run("intent", &["check"]).0, Some(0));
    assert_eq!(repository.run("intent", &["check", "--rev", "good"]).0, Some(0));
    let (code, out, _) = repository.run("intent", &["check", "--rev", "HEAD~1", "--format", "json"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("\"path\": \"spec.network\"") && out.contains("\"file\": \"intent/c.yaml\""),
        "{out}"
    );
    let elsewhere = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
    let at = repository.0.path().to_string_lossy().into_owned();
    let with = |command: &[&str]| {
        let args = [command, &["--repo", &at, "--rev", "good"]].concat();
        let (code, out, err) = run(elsewhere.path(), &args);
        assert_eq!(code, Some(0), "{command:?}: {err}");
        out
    };
    with(&["check", "intent"]);
    assert!(with(&["plan", "intent/"]).starts_with("# Plan"));
    assert!(with(&["graph", "./intent"]).contains("c1"));
    assert!(with(&["explain", "cluster", "-n", "c1", "intent"]).contains("intent/c.yaml:10"));
    with(&["render", "intent", "-o", "out"]);
    assert!(elsewhere.path().join("out/clusters/c1").is_dir());
    let (code, _, err) =
        repository.run("intent", &["render", "--check", "--rev", "good", "-o", "../../no/such"]);
    assert_ne!(code, Some(0), "{err}");
    assert_eq!(repository.run("", &["check", "--rev", "nope"]).0, Some(2));
    assert_eq!(repository.run("", &["check", "-", "--rev", "good"]).0, Some(2));
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "nothing was touched");
}

#[test]
fn a_diff_says_by_its_exit_code_whether_there_is_one() {
    let repository = repository();
    let (code, out, err) = repository.run("", &["diff", "intent", "--base", "good"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.ends_with("-> working tree: no differences\n"), "{out}");
    repository.write("intent/c.yaml", &format!("# a comment\n{CLUSTERS}"));
    assert_eq!(repository.run("intent", &["diff", "--base", "HEAD"]).0, Some(0));
    repository.write("intent/mesh.yaml", &MESH.replace("1.30.3", "1.30.4"));
    let (code, out, _) = repository.run("intent", &["diff", "--base", "HEAD"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("`c1`: Istio changes from `1.30.3` to `1.30.4`; the control plane restarts"),
        "{out}"
    );
    let (code, out, _) = repository.run("", &["diff", "intent", "--base", "good", "--head", "HEAD"]);
    assert_eq!(code, Some(0), "the working tree is not the head that was asked for: {out}");
}

#[test]
fn a_side_with_errors_is_no_difference() {
    let repository = repository();
    for (base, head) in [("good", "broken"), ("broken", "good")] {
        let (code, out, err) = repository.run("", &["diff", "intent", "--base", base, "--head", head]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(
            err.contains("error[MW") && err.contains("intent/c.yaml") && err.contains("broken ("),
            "{err}"
        );
    }
    let (code, _, err) = repository.run("", &["diff", "intent", "--base", "good", "--head", "before"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("`intent` does not exist in `before`"), "{err}");
}

#[test]
fn the_first_intent_of_a_repository_is_all_new() {
    let repository = repository();
    let args = ["diff", "intent", "--base", "before", "--head", "good", "--format", "json"];
    let (code, out, err) = repository.run("", &args);
    assert_eq!(code, Some(1), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
    let kinds: Vec<&str> = json["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|change| change["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["cluster-added", "mesh-added"]);
    let bare = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
    let url = format!("file://{}", repository.0.path().display());
    repository.git(&["clone", "-q", "--bare", &url, &bare.path().join("r.git").to_string_lossy()]);
    let args = ["diff", "intent", "--repo", "r.git", "--base", "good", "--head", "main"];
    assert_eq!(run(bare.path(), &args).0, Some(0));
}
