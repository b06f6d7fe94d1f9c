//! Commands on a revision: exit codes, and what reaches which stream.

use super::support::{CLUSTERS, MESH, Repository, run};

/// Intent in `intent/`: the first commit has one cluster, the second a broken one, the third is right again.
fn repository() -> Repository {
    let repository = Repository::new();
    repository.commit("x", &[("README.md", "")]);
    repository.git(&["tag", "before"]);
    repository.commit("x", &[("intent/mesh.yaml", MESH), ("intent/c.yaml", CLUSTERS)]);
    repository.git(&["tag", "good"]);
    repository.commit("x", &[("intent/c.yaml", &CLUSTERS.replace("network: n1", "network: n7"))]);
    repository.git(&["tag", "broken"]);
    repository.commit("x", &[("intent/c.yaml", CLUSTERS)]);
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
    let elsewhere = tempfile::tempdir().unwrap();
    let at = repository.path().to_string_lossy().into_owned();
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
    let bare = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.path().display());
    repository.git(&["clone", "-q", "--bare", &url, &bare.path().join("r.git").to_string_lossy()]);
    let args = ["diff", "intent", "--repo", "r.git", "--base", "good", "--head", "main"];
    assert_eq!(run(bare.path(), &args).0, Some(0));
}
