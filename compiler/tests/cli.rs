//! The program itself: what it prints where, with which exit code, and what it leaves on disk.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// `meshwright` with its arguments separated by spaces, in `directory`.
fn command(directory: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.current_dir(directory).args(arguments.split(' '));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn run(directory: &Path, arguments: &str) -> Ran {
    command(directory, arguments).output().unwrap().into()
}

fn run_with(directory: &Path, arguments: &str, stdin: &str) -> Ran {
    let mut child = command(directory, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn expect(ran: &Ran, code: i32) {
    assert_eq!(ran.code, code, "stdout:\n{}\nstderr:\n{}", ran.stdout, ran.stderr);
}

/// A directory with the intent that `init` writes in `repo`.
fn started() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    expect(&run(directory.path(), "init repo"), 0);
    directory
}

/// As [`started`], rendered into `out`.
fn rendered() -> TempDir {
    let directory = started();
    expect(&run(directory.path(), "render repo -o out"), 0);
    directory
}

fn edit(directory: &TempDir, path: &str, old: &str, new: &str) {
    let path = directory.path().join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{text}");
    fs::write(path, text.replace(old, new)).unwrap();
}

/// Every file below a directory, by path, with its bytes.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(
                files(&entry.path()).into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)),
            );
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    all
}

/// All documents of the intent, in one text.
fn whole_intent(directory: &TempDir) -> String {
    let repo = directory.path().join("repo");
    let texts = files(&repo).into_iter().filter(|(path, _)| path.ends_with(".yaml"));
    texts.map(|(_, bytes)| format!("---\n{}", String::from_utf8(bytes).unwrap())).collect()
}

#[test]
fn init_writes_intent_that_is_clean_and_renders() {
    let directory = started();
    let check = run(directory.path(), "check repo");
    expect(&check, 0);
    assert_eq!((check.stdout.as_str(), check.stderr.as_str()), ("", "no findings\n"));
    expect(&run(directory.path(), "render repo -o out"), 0);
    let out = files(&directory.path().join("out"));
    for path in [
        "PLAN.md",
        "clusters/east/mesh/kustomization.yaml",
        "clusters/west/mesh/kustomization.yaml",
        ".meshwright/manifest.json",
    ] {
        assert!(out.contains_key(path), "{:?}", out.keys());
    }
}

#[test]
fn init_overwrites_nothing() {
    let directory = started();
    edit(&directory, "repo/mesh.yaml", "my-mesh", "their-mesh");
    fs::remove_file(directory.path().join("repo/networks.yaml")).unwrap();
    let before = files(directory.path());
    let again = run(directory.path(), "init repo");
    expect(&again, 2);
    assert!(again.stderr.contains("mesh.yaml` is there already: nothing was written"), "{}", again.stderr);
    assert_eq!(files(directory.path()), before);
}

#[test]
fn exit_codes_of_check() {
    let directory = started();
    expect(&run(directory.path(), "check repo"), 0);
    edit(&directory, "repo/clusters/east.yaml", "network: network-east", "network: network-eats");
    let wrong = run(directory.path(), "check repo");
    expect(&wrong, 1);
    assert_eq!(wrong.stdout, "", "what people read goes to standard error");
    assert!(wrong.stderr.contains("repo/clusters/east.yaml:8:12"), "{}", wrong.stderr);
    expect(&run(directory.path(), "check nowhere"), 2);
    expect(&run(directory.path(), "check repo --format yaml"), 2);
    expect(&run(directory.path(), "chekc repo"), 2);
    // The root is the current directory when nothing is said.
    expect(&run(&directory.path().join("repo"), "check"), 1);
}

#[test]
fn a_warning_is_no_error() {
    let directory = started();
    edit(&directory, "repo/mesh.yaml", "install: Helm", "install: Helm\n    profile: demo");
    let warned = run(directory.path(), "check repo");
    expect(&warned, 0);
    assert!(warned.stderr.contains("warning[MW6009]"), "{}", warned.stderr);
    assert!(warned.stderr.ends_with("\n1 warning\n"), "{}", warned.stderr);
}

#[test]
fn render_check_writes_nothing_and_says_what_is_stale() {
    let directory = started();
    let missing = run(directory.path(), "render repo -o out --check");
    expect(&missing, 1);
    assert!(!directory.path().join("out").exists());

    expect(&run(directory.path(), "render repo -o out"), 0);
    expect(&run(directory.path(), "render repo -o out --check"), 0);

    edit(&directory, "repo/clusters/east.yaml", "helloworld: {version: v1}", "helloworld: {version: v7}");
    fs::write(directory.path().join("out/clusters/west/kustomization.yaml"), "mine").unwrap();
    let before = files(directory.path());
    let stale = run(directory.path(), "render repo -o out --check");
    expect(&stale, 1);
    let said = |text: &str| assert!(stale.stderr.contains(text), "{text}:\n{}", stale.stderr);
    said("clusters/east/mesh/traffic/deployment-helloworld-v1.yaml: left over\n");
    said("clusters/east/mesh/traffic/deployment-helloworld-v7.yaml: missing\n");
    said("clusters/west/kustomization.yaml: was changed by hand since it was rendered\n");
    said("out is not up to date");
    let stale = run(directory.path(), "render repo -o out --check --format json");
    expect(&stale, 1);
    let report: Value = serde_json::from_str(&stale.stdout).unwrap();
    let found = report["findings"].as_array().unwrap();
    let found: Vec<_> = found.iter().filter(|one| one["code"] == "MW8012").collect();
    assert!(found.len() >= 3 && found.iter().all(|one| one["file"].as_str().unwrap().starts_with("out/")));
    assert_eq!(files(directory.path()), before);
}

#[test]
fn rendering_again_touches_only_what_changes() {
    let directory = rendered();
    let out = directory.path().join("out");
    let west = out.join("clusters/west/mesh/install/kustomization.yaml");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&west).unwrap().set_modified(old).unwrap();
    edit(&directory, "repo/clusters/east.yaml", "helloworld: {version: v1}", "helloworld: {version: v7}");
    expect(&run(directory.path(), "render repo -o out"), 0);
    assert_eq!(fs::metadata(&west).unwrap().modified().unwrap(), old);
    let traffic = out.join("clusters/east/mesh/traffic");
    assert!(traffic.join("deployment-helloworld-v7.yaml").exists());
    assert!(!traffic.join("deployment-helloworld-v1.yaml").exists(), "what is no longer rendered is removed");
}

#[test]
fn intent_with_an_error_leaves_the_output_as_it_was() {
    let directory = rendered();
    edit(&directory, "repo/clusters/east.yaml", "helloworld: {version: v1}", "helloworld: {version: v7}");
    edit(&directory, "repo/clusters/west.yaml", "podCIDRs: [10.20.0.0/16]", "podCIDRs: [10.20.0.0/160]");
    let before = files(&directory.path().join("out"));
    let refused = run(directory.path(), "render repo -o out");
    expect(&refused, 1);
    assert!(refused.stderr.contains("10.20.0.0/160"), "{}", refused.stderr);
    assert_eq!(files(&directory.path().join("out")), before);
    expect(&run(directory.path(), "render repo -o out --check"), 1);
    expect(&run(directory.path(), "render repo -o out --force"), 1);
    assert_eq!(files(&directory.path().join("out")), before);
}

#[test]
fn files_of_others_are_never_touched() {
    let directory = rendered();
    let out = directory.path().join("out");
    fs::write(out.join("README.md"), "ours").unwrap();
    fs::write(out.join("clusters/east/mesh/notes.yaml"), "ours: 1").unwrap();
    edit(&directory, "repo/clusters/east.yaml", "helloworld: {version: v1}", "helloworld: {version: v7}");
    expect(&run(directory.path(), "render repo -o out"), 0);
    assert_eq!(fs::read(out.join("README.md")).unwrap(), b"ours");
    assert_eq!(fs::read(out.join("clusters/east/mesh/notes.yaml")).unwrap(), b"ours: 1");

    // One that stands where a file has to go is named, and nothing is written.
    fs::write(out.join("clusters/east/mesh/traffic/deployment-helloworld-v8.yaml"), "ours").unwrap();
    edit(&directory, "repo/clusters/east.yaml", "helloworld: {version: v7}", "helloworld: {version: v8}");
    let before = files(&out);
    let refused = run(directory.path(), "render repo -o out");
    expect(&refused, 2);
    assert!(refused.stderr.contains("deployment-helloworld-v8.yaml"), "{}", refused.stderr);
    assert_eq!(files(&out), before);
}

#[test]
fn an_output_that_loses_most_clusters_is_refused_unless_forced() {
    let directory = rendered();
    edit(&directory, "repo/clusters/east.yaml", "name: east\n", "name: eastern\n");
    edit(&directory, "repo/clusters/west.yaml", "name: west\n", "name: western\n");
    let before = files(&directory.path().join("out"));
    let refused = run(directory.path(), "render repo -o out");
    expect(&refused, 2);
    assert!(refused.stderr.contains("2 of 2 clusters would disappear: `east`, `west`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(files(&directory.path().join("out")), before);
    expect(&run(directory.path(), "render repo -o out --force"), 0);
    assert!(directory.path().join("out/clusters/eastern").exists());
    assert!(!directory.path().join("out/clusters/east").exists());
}

#[test]
fn a_rendered_tree_below_the_root_is_not_intent() {
    let directory = started();
    expect(&run(directory.path(), "render repo -o repo/rendered"), 0);
    let first = files(&directory.path().join("repo/rendered"));
    expect(&run(directory.path(), "check repo"), 0);
    expect(&run(directory.path(), "render repo -o repo/rendered --check"), 0);
    expect(&run(&directory.path().join("repo"), "render -o rendered"), 0);
    assert_eq!(files(&directory.path().join("repo/rendered")), first);
}

#[test]
fn a_dash_reads_standard_input() {
    let directory = started();
    let intent = whole_intent(&directory);
    expect(&run_with(directory.path(), "check -", &intent), 0);
    expect(&run_with(directory.path(), "render - -o out", &intent), 0);
    let wrong = run_with(
        directory.path(),
        "check -",
        &intent.replace("network: network-east", "network: network-eats"),
    );
    expect(&wrong, 1);
    assert!(wrong.stderr.contains("--> <stdin>:"), "{}", wrong.stderr);
    expect(&run_with(directory.path(), "check -", ""), 1);
}

#[test]
fn json_has_the_promised_keys() {
    let directory = started();
    edit(&directory, "repo/clusters/west.yaml", "network: network-west", "network: network-east");
    let wrong = run(directory.path(), "check repo --format json");
    expect(&wrong, 1);
    assert_eq!(wrong.stderr, "", "what programs read goes to standard output, alone");
    let report: Value = serde_json::from_str(&wrong.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let promised = [
        "code",
        "severity",
        "message",
        "help",
        "file",
        "line",
        "column",
        "path",
        "found",
        "declared",
        "declaredAt",
        "cluster",
        "object",
    ];
    for finding in findings {
        promised.iter().for_each(|key| assert!(finding.get(*key).is_some(), "{key} of {finding}"));
    }
    let count = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
    assert_eq!(report["summary"]["errors"], count("error"));
    assert_eq!(report["summary"]["warnings"], count("warning"));
    let shared = findings.iter().find(|finding| finding["code"] == "MW2002").unwrap();
    assert_eq!(shared["file"], "repo/clusters/west.yaml");
    assert_eq!((&shared["line"], &shared["column"]), (&8.into(), &12.into()));
    assert_eq!(shared["path"], "spec.network");
}

#[test]
fn every_format_is_one_document_on_standard_output() {
    let directory = started();
    edit(&directory, "repo/clusters/west.yaml", "network: network-west", "network: network-eats");
    let format = |name: &str| {
        let ran = run(directory.path(), &format!("check repo --format {name}"));
        expect(&ran, 1);
        assert_eq!(ran.stderr, "");
        ran.stdout
    };
    let sarif: Value = serde_json::from_str(&format("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    assert!(
        format("github").starts_with("::error file=repo/clusters/west.yaml,line=8,"),
        "{}",
        format("github")
    );
    assert!(format("markdown").contains("MW2001"));
}

/// What was asked for is the only thing on standard output.
#[test]
fn a_plan_and_a_picture_are_not_mixed_with_findings() {
    let directory = started();
    edit(&directory, "repo/mesh.yaml", "install: Helm", "install: Helm\n    profile: demo");
    for (command, begins) in [("plan", "# Plan"), ("graph", "flowchart"), ("graph --as svg", "<svg")] {
        let ran = run(directory.path(), &format!("{command} repo --format json"));
        expect(&ran, 0);
        assert!(ran.stdout.starts_with(begins), "{command}: {}", ran.stdout);
        assert!(serde_json::from_str::<Value>(&ran.stderr).unwrap()["findings"][0]["code"] == "MW6009");
    }
}

#[test]
fn explain_tells_codes_and_effective_values() {
    let directory = started();
    let code = run(directory.path(), "explain MW2004");
    expect(&code, 0);
    assert!(code.stdout.starts_with("# MW2004: pod CIDRs overlap inside a network\n"));
    assert_eq!(run(directory.path(), "explain mw2004").stdout, code.stdout);
    assert_eq!(run(directory.path(), "explain overlapping-pod-cidrs").stdout, code.stdout);
    expect(&run(directory.path(), "explain MW9999"), 2);

    let cluster = run(directory.path(), "explain cluster --name east repo");
    expect(&cluster, 0);
    let line = |start: &str| {
        let line = cluster.stdout.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("network "), "network network-east repo/clusters/east.yaml:8");
    assert_eq!(line("istio.version"), "istio.version 1.30.3 repo/mesh.yaml:9");
    assert_eq!(line("clusterID"), "clusterID east the cluster's name");
    assert_eq!(line("istio.namespace"), "istio.namespace istio-system default");
    assert_eq!(line("istio.tag"), "istio.tag (the charts' own) default");
    assert_eq!(line("(mesh) trustDomain"), "(mesh) trustDomain cluster.local default");
    assert_eq!(line("(mesh) meshID"), "(mesh) meshID my-mesh the mesh's name");
    assert_eq!(line("(network) gatewayDiscovery"), "(network) gatewayDiscovery labels default");
    assert_eq!(
        line("loadBalancer.provider"),
        "loadBalancer.provider metallb default, since pools of MetalLB are declared"
    );
    assert_eq!(line("eastWestGateways[0].layout"), "eastWestGateways[0].layout dedicated default");
    assert_eq!(line("eastWestGateways[0].port"), "eastWestGateways[0].port 15443 default");

    let unknown = run(directory.path(), "explain cluster --name eest repo");
    expect(&unknown, 2);
    assert_eq!(unknown.stderr, "error: cluster `eest` is not declared; did you mean `east`?\n");
    let unknown = run(directory.path(), "explain cluster --name nope repo");
    assert_eq!(unknown.stderr, "error: cluster `nope` is not declared; declared are `east`, `west`\n");
    expect(&run(directory.path(), "explain cluster repo"), 2);
}

#[test]
fn what_commands_print_is_what_files_hold() {
    let directory = rendered();
    let plan = run(directory.path(), "plan repo");
    expect(&plan, 0);
    assert_eq!(plan.stdout.as_bytes(), fs::read(directory.path().join("out/PLAN.md")).unwrap());
    let schema = run(directory.path(), "schema");
    expect(&schema, 0);
    let file = directory.path().join("repo/.schema/intent.schema.json");
    assert_eq!(schema.stdout.as_bytes(), fs::read(file).unwrap());
    let kind = run(directory.path(), "schema cluster");
    expect(&kind, 0);
    assert_eq!(
        kind.stdout.as_bytes(),
        fs::read(directory.path().join("repo/.schema/cluster.schema.json")).unwrap()
    );
    expect(&run(directory.path(), "schema Clusterr"), 2);
    for (format, start) in [("mermaid", "flowchart"), ("dot", "graph"), ("svg", "<svg")] {
        let picture = run(directory.path(), &format!("graph repo --as {format}"));
        expect(&picture, 0);
        assert!(picture.stdout.contains(start), "{format}: {}", picture.stdout);
    }
    let policies = run(directory.path(), "policies --format json");
    let list: Value = serde_json::from_str(&policies.stdout).unwrap();
    assert!(list.as_array().unwrap().iter().any(|policy| policy["code"] == "MW2004"));
}

#[test]
fn what_is_wrong_is_neither_planned_nor_drawn() {
    let directory = started();
    edit(&directory, "repo/clusters/west.yaml", "network: network-west", "network: network-eats");
    for arguments in ["plan repo", "graph repo"] {
        let refused = run(directory.path(), arguments);
        expect(&refused, 1);
        assert_eq!(refused.stdout, "");
        assert!(refused.stderr.contains("error[MW2001]"), "{}", refused.stderr);
    }
}

#[test]
fn completions_are_for_the_shell_that_asks() {
    let directory = tempfile::tempdir().unwrap();
    for (shell, part) in [
        ("bash", "complete -F _meshwright"),
        ("zsh", "#compdef meshwright"),
        ("fish", "complete -c meshwright"),
    ] {
        let ran = run(directory.path(), &format!("completions {shell}"));
        expect(&ran, 0);
        assert!(ran.stdout.contains(part), "{shell}");
    }
    expect(&run(directory.path(), "completions tcsh"), 2);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let directory = started();
    edit(&directory, "repo/clusters/west.yaml", "network: network-west", "network: network-eats");
    let colourful = |name: Option<(&str, &str)>| {
        let mut command = command(directory.path(), "check repo");
        command.envs(name);
        let ran = Ran::from(command.output().unwrap());
        ran.stderr.contains('\u{1b}')
    };
    assert!(!colourful(None), "standard error is no terminal");
    assert!(colourful(Some(("CLICOLOR_FORCE", "1"))));
    assert!(!colourful(Some(("NO_COLOR", "1"))));
    let mut both = command(directory.path(), "check repo");
    both.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1");
    assert!(!Ran::from(both.output().unwrap()).stderr.contains('\u{1b}'), "NO_COLOR wins");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::os::unix::process::ExitStatusExt;

    let directory = tempfile::tempdir().unwrap();
    let mut child = command(directory.path(), "policies --format markdown")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), None);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_root_is_refused() {
    let directory = rendered();
    let elsewhere = directory.path().join("elsewhere.yaml");
    fs::write(&elsewhere, "apiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {name: stolen}\n")
        .unwrap();
    std::os::unix::fs::symlink(&elsewhere, directory.path().join("repo/networks-more.yaml")).unwrap();
    let before = files(&directory.path().join("out"));
    let refused = run(directory.path(), "render repo -o out");
    expect(&refused, 1);
    assert!(refused.stderr.contains("error[MW0011]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("repo/networks-more.yaml"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("stolen"), "what it points to is not read");
    assert_eq!(files(&directory.path().join("out")), before);
}

#[cfg(unix)]
#[test]
fn an_output_below_a_link_is_refused() {
    let directory = rendered();
    let elsewhere = directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_dir_all(directory.path().join("out/clusters/west")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, directory.path().join("out/clusters/west")).unwrap();
    let refused = run(directory.path(), "render repo -o out");
    expect(&refused, 2);
    assert!(files(&elsewhere).is_empty(), "nothing is written through a link");
}

#[test]
fn policy_settings_end_on_their_day() {
    let directory = started();
    edit(&directory, "repo/mesh.yaml", "install: Helm", "install: Helm\n    profile: demo");
    fs::write(
        directory.path().join("repo/policies.yaml"),
        "apiVersion: meshwright.dev/v1alpha1\nkind: PolicyConfig\nmetadata: {name: policies}\nspec:\n  policies:\n    \
         - {code: MW6009, severity: \"off\", reason: a demonstration, expires: \"2026-06-30\"}\n",
    )
    .unwrap();
    let silent = run(directory.path(), "check repo --date 2026-06-30");
    expect(&silent, 0);
    assert!(!silent.stderr.contains("MW6009"), "{}", silent.stderr);
    let said = run(directory.path(), "check repo --date 2026-07-01");
    assert!(said.stderr.contains("MW6009"), "{}", said.stderr);
    expect(&run(directory.path(), "check repo --date tomorrow"), 2);
}

#[test]
fn output_does_not_go_where_intent_is() {
    let directory = started();
    for (arguments, below) in [
        ("render repo -o repo", ""),
        ("render . -o .", "repo"),
        ("render repo -o repo/clusters", ""),
        ("render -o clusters", "repo"),
        ("watch . -o .", "repo"),
    ] {
        let before = files(directory.path());
        let refused = run(&directory.path().join(below), arguments);
        expect(&refused, 2);
        assert!(refused.stderr.contains("name another directory"), "{arguments}: {}", refused.stderr);
        assert_eq!(files(directory.path()), before, "{arguments}");
    }
    // Beside the intent's directory is not in it.
    expect(&run(directory.path(), "render repo -o ."), 0);
    expect(&run(directory.path(), "check repo"), 0);
}

#[test]
fn a_root_may_be_written_in_any_way() {
    let directory = rendered();
    let plain = files(&directory.path().join("out"));
    let absolute = directory.path().display().to_string();
    for root in ["./repo", "repo/", "repo//", "./repo/.", ".//repo", &format!("{absolute}//repo/./")] {
        expect(&run(directory.path(), &format!("render {root} -o again")), 0);
        assert_eq!(files(&directory.path().join("again")), plain, "{root}");
    }
}

#[test]
fn documents_with_errors_of_their_own_are_no_second_mistake_of_others() {
    let errors = |path: &str, old: &str, new: &str| {
        let directory = started();
        edit(&directory, path, old, new);
        let ran = run(directory.path(), "check repo --format json");
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(errors("repo/mesh.yaml", "install: Helm", "install: Helmm"), ["MW0105"]);
    assert_eq!(errors("repo/mesh.yaml", "spec:\n", "spec:\n  bogus: 1\n"), ["MW0103"]);
    let network = "  name: network-east\n";
    assert_eq!(errors("repo/networks.yaml", network, &format!("{network}spec: {{mesh: [1]}}\n")), ["MW0104"]);
    assert_eq!(errors("repo/clusters/east.yaml", "spec:\n", "spec:\n  bogus: 1\n"), ["MW0103"]);
}

#[test]
fn a_cluster_on_an_undeclared_network_is_told_its_network_among_several_meshes_too() {
    let directory = started();
    let other = "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: other}\n\
                 spec: {istio: {version: \"1.30.3\"}}\n";
    fs::write(directory.path().join("repo/other.yaml"), other).unwrap();
    for network in ["network-east\n", "network-west\n"] {
        edit(&directory, "repo/networks.yaml", network, &format!("{network}spec: {{mesh: my-mesh}}\n"));
    }
    edit(&directory, "repo/clusters/east.yaml", "network: network-east", "network: network-eest");
    let ran = run(directory.path(), "check repo --format json");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = report["findings"].as_array().unwrap().iter().find(|one| one["code"] == "MW2001").cloned();
    let found = found.unwrap_or_else(|| panic!("{}", ran.stdout));
    assert!(found["help"].as_str().unwrap().contains("did you mean"), "{found}");
}
