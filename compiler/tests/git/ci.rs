//! What runs on a pull request, as people would have it: the hooks by the real `pre-commit`, and the steps of the GitHub
//! Action and of the GitLab template by a shell, with a code host that only notes what it is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::support::{Repository, alone, cluster, ended, git};

fn project(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(project(file)).unwrap()
}

fn executable(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// A PATH that begins with a directory, in which the built program is found too.
fn path_with(directory: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_meshwright")).parent().unwrap().display().to_string();
    format!("{}:{program}:{}", directory.display(), std::env::var("PATH").unwrap())
}

/// Whether a program is there. Where all tools are required, it has to be.
fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_none(), "{program} is needed");
    there
}

#[test]
fn hooks_run_by_the_real_pre_commit() {
    if !is_there("pre-commit") {
        return;
    }
    // The repository of the hooks, at a commit.
    let hooks = Repository::new();
    executable(&hooks.path().join("ci/pre-commit"), &read("ci/pre-commit"));
    let pinned = hooks.commit("Hooks", &[(".pre-commit-hooks.yaml", &read(".pre-commit-hooks.yaml"))]);
    let repository = Repository::with_intent();
    let hook = |id: &str, args: &str| format!("      - id: {id}\n        args: {args}\n");
    let mut config = format!("repos:\n  - repo: {}\n    rev: {pinned}\n    hooks:\n", hooks.path().display());
    for suffix in ["", "-system"] {
        config += &hook(&format!("meshwright-check{suffix}"), "[intent]");
        config += &hook(&format!("meshwright-render-check{suffix}"), "[intent, -o, rendered]");
        config += &hook(&format!("meshwright-lint{suffix}"), "[rendered]");
    }
    repository.write(".pre-commit-config.yaml", &config);
    let (code, _, err) = repository.run("", &["render", "intent", "-o", "rendered"]);
    assert_eq!(code, Some(0), "{err}");
    repository.commit("Rendered", &[]);
    // A `cargo` that installs what the test's own has built.
    let bin = repository.home.path().join("bin");
    let cargo = format!(
        "#!/bin/sh\necho \"$*\" >> '{0}/cargo.log'\nwhile [ $# -gt 1 ]; do [ \"$1\" = --root ] && root=$2; shift; done\nmkdir -p \"$root/bin\" && cp '{1}' \"$root/bin/meshwright\"\n",
        bin.display(),
        env!("CARGO_BIN_EXE_meshwright")
    );
    executable(&bin.join("cargo"), &cargo);
    let run = || {
        let mut command = Command::new("pre-commit");
        command.args(["run", "--all-files", "--color=never"]).current_dir(repository.path());
        command
            .env("PATH", path_with(&bin))
            .env("PRE_COMMIT_HOME", repository.home.path().join("pre-commit"));
        ended(alone(&mut command).output().unwrap())
    };
    let (code, out, err) = run();
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(out.lines().filter(|line| line.ends_with("Passed")).count(), 6, "{out}");
    let built = std::fs::read_to_string(bin.join("cargo.log")).unwrap();
    assert_eq!(built.lines().count(), 1, "built once: {built}");
    assert!(built.contains("install --quiet --locked --path"), "{built}");
    // Output that was forgotten, then intent that is wrong.
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    let (code, out, _) = run();
    assert_eq!(code, Some(1));
    assert_eq!(out.lines().filter(|line| line.ends_with("Failed")).count(), 2, "{out}");
    assert!(out.contains("rendered is not up to date"), "{out}");
    repository.commit("Broken", &[("intent/c2.yaml", "kind: [")]);
    let (code, out, _) = run();
    assert_eq!(code, Some(1));
    assert!(out.contains("intent/c2.yaml:1") && out.matches("Failed").count() == 4, "{out}");
}

/// The steps of the action, by name: what they run, and their environment.
fn steps() -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let action: Value = serde_yaml::from_str(&read("action.yml")).unwrap();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = |step: &Value| {
        let env = step["env"].as_object().into_iter().flatten();
        let env = env.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
        assert_eq!(step["shell"], "bash", "{step}");
        (step["name"].as_str().unwrap().to_owned(), (step["run"].as_str().unwrap().to_owned(), env))
    };
    steps.iter().map(step).collect()
}

/// A runner of steps: directories as GitHub's has them, and a `gh` that notes what it is called with.
struct Runner {
    repository: Repository,
    inputs: BTreeMap<String, String>,
}

impl Runner {
    fn new(repository: Repository) -> Runner {
        let runner = Runner { repository, inputs: BTreeMap::new() };
        let gh = format!(
            r#"#!/bin/bash
printf '%s\n' "$*" >> '{0}/gh.log'
for arg; do case "$arg" in
    body=@*) cp "${{arg#body=@}}" '{0}/body.md';;
    sarif=@*) base64 -d "${{arg#sarif=@}}" | gunzip > '{0}/sent.sarif';;
esac; done
case "$*" in
    *--paginate*) cat '{0}/comments' 2>/dev/null || true;;
    *) [ ! -e '{0}/forbidden' ];;
esac
"#,
            runner.at("").display()
        );
        executable(&runner.at("bin/gh"), &gh);
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.repository.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// What an expression of the environment is.
    fn value(&self, expression: &str) -> String {
        let Some(name) = expression.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) else {
            return expression.to_owned();
        };
        let output = |key: &str| {
            let outputs = self.text("output");
            let line = outputs
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix(&format!("{key}=")).map(str::to_owned));
            line.unwrap_or_default()
        };
        match name.rsplit('.').next().unwrap() {
            key if name.contains(".outputs.") => output(key),
            "number" => "7".to_owned(),
            key if name.starts_with("inputs.") => self.inputs.get(key).cloned().unwrap_or_default(),
            _ => panic!("{name} is not known here"),
        }
    }

    fn step(&self, name: &str) -> (Option<i32>, String, String) {
        let (script, env) = steps().remove(name).unwrap();
        let mut command = Command::new("bash");
        // As GitHub runs `shell: bash`.
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script])
            .current_dir(self.repository.path());
        alone(&mut command).env("PATH", path_with(&self.at("bin"))).env("RUNNER_TEMP", self.at(""));
        for (key, file) in
            [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary"), ("GITHUB_PATH", "path")]
        {
            command.env(key, self.at(file));
        }
        let head = self.repository.git(&["rev-parse", "HEAD"]);
        command
            .envs([("GITHUB_REPOSITORY", "o/r"), ("GITHUB_REF", "refs/pull/7/merge")])
            .env("GITHUB_SHA", head);
        command.env("GITHUB_ACTION_PATH", project(""));
        command.envs(env.iter().map(|(key, value)| (key, self.value(value))));
        ended(command.output().unwrap())
    }
}

/// A pull request, checked out as its merge.
fn pull_request() -> Runner {
    let repository = Repository::with_intent();
    repository.git(&["checkout", "-q", "-b", "topic"]);
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    repository.git(&["checkout", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "Merge", "topic"]);
    let mut runner = Runner::new(repository);
    runner.inputs.insert("root".to_owned(), "intent".to_owned());
    runner
}

#[test]
fn the_action_reports_findings_and_keeps_one_comment() {
    let runner = pull_request();
    let good = |step: &str| {
        let (code, out, err) = runner.step(step);
        assert_eq!(code, Some(0), "{step}: {out}{err}");
        out
    };
    good("Install");
    assert_eq!(runner.text("path"), "", "a meshwright on the PATH is used");
    good("Check");
    good("Upload findings");
    let sent: Value = serde_json::from_str(&runner.text("sent.sarif")).unwrap();
    assert_eq!(sent["version"], "2.1.0");
    let log = runner.text("gh.log");
    let head = runner.repository.git(&["rev-parse", "HEAD"]);
    assert!(
        log.contains("repos/o/r/code-scanning/sarifs") && log.contains(&format!("commit_sha={head}")),
        "{log}"
    );
    good("What the change means");
    assert!(runner.text("output").contains("changed=true"));
    assert!(runner.text("summary").contains("the cluster is new"));
    // The first time a comment is made, from then on it is changed.
    good("Comment");
    assert!(
        runner.text("gh.log").contains("--method POST repos/o/r/issues/7/comments"),
        "{}",
        runner.text("gh.log")
    );
    assert!(runner.text("body.md").starts_with("<!-- meshwright diff -->\n"));
    std::fs::write(runner.at("comments"), "41\n42\n").unwrap();
    good("Comment");
    assert!(
        runner.text("gh.log").contains("--method PATCH repos/o/r/issues/comments/41 "),
        "{}",
        runner.text("gh.log")
    );
    // A token that may only read is no reason to fail.
    std::fs::write(runner.at("forbidden"), "").unwrap();
    for step in ["Upload findings", "Comment"] {
        assert!(good(step).contains("::warning title=meshwright::"), "{step}");
    }
}

#[test]
fn the_action_needs_no_more_history_than_it_fetches() {
    let runner = pull_request();
    let url = format!("file://{}", runner.repository.path().display());
    let shallow = Repository::new();
    git(shallow.path(), &["remote", "add", "origin", &url]);
    git(shallow.path(), &["fetch", "-q", "--depth=1", "origin", "main"]);
    git(shallow.path(), &["checkout", "-q", "--detach", "FETCH_HEAD"]);
    let mut runner = Runner::new(shallow);
    runner.inputs.insert("root".to_owned(), "intent".to_owned());
    let (code, out, err) = runner.step("What the change means");
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(runner.text("output").contains("changed=true"));
}

#[test]
fn the_action_fails_on_errors_and_on_stale_output() {
    let mut runner = pull_request();
    runner.repository.commit("Broken", &[("intent/c2.yaml", "kind: [")]);
    let (code, out, _) = runner.step("Check");
    assert_eq!(code, Some(0), "findings are uploaded before the job fails");
    assert!(out.contains("::error file=intent/c2.yaml,line=1"), "{out}");
    assert!(runner.text("output").contains("code=1"));
    assert_eq!(runner.step("Result").0, Some(1));
    runner.inputs.insert("root".to_owned(), "nowhere".to_owned());
    assert_eq!(runner.step("Check").0, Some(2));
    runner.inputs.insert("root".to_owned(), "intent".to_owned());
    runner.inputs.insert("rendered".to_owned(), "rendered".to_owned());
    runner.repository.commit("Mended", &[("intent/c2.yaml", &cluster(2))]);
    assert_eq!(runner.step("Check").0, Some(0));
    assert_eq!(runner.step("Committed output").0, Some(1));
    assert_eq!(runner.repository.run("", &["render", "intent", "-o", "rendered"]).0, Some(0));
    assert_eq!(runner.step("Committed output").0, Some(0));
}

#[test]
fn the_action_has_the_inputs_and_outputs_that_its_page_names() {
    let action: Value = serde_yaml::from_str(&read("action.yml")).unwrap();
    let page = read("docs/ci.md");
    for name in
        action["inputs"].as_object().unwrap().keys().chain(action["outputs"].as_object().unwrap().keys())
    {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
    let hooks: Value = serde_yaml::from_str(&read(".pre-commit-hooks.yaml")).unwrap();
    for hook in hooks.as_array().unwrap() {
        assert!(page.contains(&format!("`{}`", hook["id"].as_str().unwrap())), "{hook}");
    }
}

#[test]
fn the_gitlab_jobs_check_and_keep_one_note() {
    if !is_there("jq") {
        return;
    }
    let template: Value = serde_yaml::from_str(&read("ci/gitlab-ci.yml")).unwrap();
    let script = |job: &str| {
        let lines = template[job]["script"].as_array().unwrap();
        lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
    };
    let runner = pull_request();
    let repository = &runner.repository;
    let curl = format!(
        r#"#!/bin/bash
printf '%s\n' "$*" >> '{0}/curl.log'
cat >> '{0}/config.log'
case "$*" in
    *'page=1') cat '{0}/notes.json';;
    *'page='*) echo '[]';;
esac
"#,
        runner.at("").display()
    );
    executable(&runner.at("bin/curl"), &curl);
    std::fs::write(runner.at("notes.json"), r#"[{"id": 1, "body": "looks good"}]"#).unwrap();
    let run = |job: &str, rendered: &str| {
        let mut command = Command::new("bash");
        // As GitLab's runner: the first failing line ends the job.
        command.args(["-eo", "pipefail", "-c", &script(job)]).current_dir(repository.path());
        alone(&mut command).env("PATH", path_with(&runner.at("bin")));
        command.envs([
            ("MESHWRIGHT_ROOT", "intent"),
            ("MESHWRIGHT_RENDERED", rendered),
            ("CI_PROJECT_ID", "9"),
        ]);
        command.envs([("CI_API_V4_URL", "https://gitlab.example.com/api/v4"), ("CI_MERGE_REQUEST_IID", "3")]);
        command.envs([("MESHWRIGHT_TOKEN", "glpat-secret"), ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "HEAD^1")]);
        let (code, out, err) = ended(command.output().unwrap());
        (code, format!("{out}{err}"))
    };
    assert_eq!(run("meshwright-check", "").0, Some(0));
    assert_eq!(run("meshwright-check", "rendered").0, Some(1));
    let (code, text) = run("meshwright-diff", "");
    assert_eq!(code, Some(0), "{text}");
    let log = runner.text("curl.log");
    let notes = "https://gitlab.example.com/api/v4/projects/9/merge_requests/3/notes";
    assert!(log.contains(&format!("--request POST --data-urlencode body@meshwright.md {notes}\n")), "{log}");
    assert!(!log.contains("glpat-secret") && runner.text("config.log").contains("glpat-secret"));
    std::fs::write(
        runner.at("notes.json"),
        r#"[{"id": 1, "body": "looks good"}, {"id": 5, "body": "<!-- meshwright diff -->\nold"}]"#,
    )
    .unwrap();
    assert_eq!(run("meshwright-diff", "").0, Some(0));
    assert!(
        runner
            .text("curl.log")
            .contains(&format!("--request PUT --data-urlencode body@meshwright.md {notes}/5\n"))
    );
    repository.commit("Broken", &[("intent/c2.yaml", "kind: [")]);
    assert_eq!(run("meshwright-check", "").0, Some(1));
    assert_eq!(run("meshwright-diff", "").0, Some(2));
}
