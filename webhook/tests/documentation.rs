//! The page of the documentation, run.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use meshwright_webhook::metrics::PolicyLabels;
use support::{Options, Running};

const PAGE: &str = include_str!("../../docs/webhook.md");

const README: &str = include_str!("../../README.md");

/// The text of a page between two marks, after a third.
fn between<'a>(page: &'a str, after: &str, from: &str, to: &str) -> &'a str {
    let (_, text) = page.split_once(after).expect(after);
    let (_, text) = text.split_once(from).expect(from);
    text.split_once(to).expect(to).0
}

#[tokio::test]
async fn trying_it_without_a_cluster_goes_as_described() {
    let declaration = between(PAGE, "## Try it", "```yaml\n", "\n```").to_owned();
    let running = Running::start(Options { declaration: Some(declaration), ..Options::default() }).await;
    let review = between(PAGE, "## Try it", "--json '", "' |");
    let response = running.ask(review.as_bytes()).await;
    assert_eq!(response["status"]["message"], between(PAGE, "The answer names", "```text\n", "\n```"));
}

#[tokio::test]
async fn the_example_refuses_as_the_readme_shows() {
    let file = between(README, "## In the cluster", "--declaration ", "\n");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let declaration = Some(std::fs::read_to_string(path).unwrap());
    let running = Running::start(Options { declaration, ..Options::default() }).await;
    let review = between(README, "## In the cluster", "--json '", "' |");
    let response = running.ask(review.as_bytes()).await;
    assert_eq!(response["status"]["message"], between(README, "response.status.message", "\n", "\n```"));
}

#[tokio::test]
async fn every_metric_is_described_and_exists() {
    let running = Running::start(Options::default()).await;
    running.ask(&support::wrong()).await;
    let finding = PolicyLabels { policy: "MW2101", severity: "error" };
    drop(running.metrics.audit_findings.get_or_create(&finding));
    let text = running.observe("/metrics").await.1;
    let mut described: Vec<&str> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `meshwright_"))
        .map(|line| line.split(['{', '`']).next().unwrap_or_default())
        .map(|name| name.strip_suffix("_total").or(name.strip_suffix("_info")).unwrap_or(name))
        .collect();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE meshwright_"));
    let mut exist: Vec<&str> = types.map(|line| line.split(' ').next().unwrap_or_default()).collect();
    described.sort_unstable();
    exist.sort_unstable();
    assert_eq!(described, exist);
}

#[test]
fn every_flag_on_the_page_exists() {
    use clap::CommandFactory;
    let command = meshwright_webhook::args::Args::command();
    let known: Vec<String> = command
        .get_arguments()
        .chain(command.get_subcommands().flat_map(|command| command.get_arguments()))
        .filter_map(|a| a.get_long().map(str::to_owned))
        .collect();
    for word in PAGE.split(['`', ' ', '\n']).filter_map(|word| word.strip_prefix("--")) {
        let curl = ["silent", "insecure", "json"].contains(&word) || word.chars().all(|c| c == '-');
        assert!(curl || known.iter().any(|flag| flag == word), "--{word}");
    }
}

/// Argo CD runs health checks in Lua 5.1 (argoproj/argo-cd: `util/lua/lua.go`).
const LUA: &str = "
import json, sys
from lupa.lua51 import LuaRuntime
program, objects = json.load(sys.stdin)
for obj in objects:
    lua = LuaRuntime()
    lua.globals().obj = lua.table_from(obj, recursive=True)
    hs = lua.execute(program)
    print(hs.status, '-', hs.message)
";

#[test]
fn argo_cd_waits_for_what_is_in_force_and_for_nobody_who_is_gone() {
    use serde_json::json;
    use std::io::Write;
    use std::process::{Command, Stdio};
    let python = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    let there = Command::new(&python).args(["-c", "import lupa.lua51"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        let required = std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "`lupa` is not in .venv: run tests/run.sh");
        eprintln!("skipped: there is no .venv with `lupa`; tests/run.sh makes it");
        return;
    }
    let program = between(PAGE, "Argo CD takes", "health.meshwright.dev_MeshDeclaration: |\n", "```");
    let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "message": type_});
    let object = |status: serde_json::Value| json!({"metadata": {"generation": 2}, "status": status});
    let objects = [
        json!({"metadata": {"generation": 2}}),
        object(json!({})),
        object(json!({"observedGeneration": 1, "conditions": [condition("Ready", "True")]})),
        object(json!({"observedGeneration": 1, "conditions": [condition("Ready", "False")]})),
        object(json!({
            "observedGeneration": 2, "conditions": [condition("Ready", "True"), condition("Conforming", "False")],
        })),
        object(json!({"conditions": [condition("Withdrawn", "True")]})),
    ];
    let mut child =
        Command::new(python).args(["-c", LUA]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(json!([program, objects]).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let expected = "Healthy - no webhook says anything of it
Healthy - no webhook says anything of it
Progressing - the webhook judges by an earlier generation
Degraded - Ready
Healthy - Ready
Healthy - no webhook says anything of it
";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
