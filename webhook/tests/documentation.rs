//! The page of the documentation, run.

#![allow(clippy::expect_used, reason = "helpers of tests, outside the test functions")]

mod support;

use meshwright_webhook::metrics::PolicyLabels;
use support::{Options, Running};

const PAGE: &str = include_str!("../../docs/webhook.md");

/// The text between two marks, after a third.
fn between<'a>(after: &str, from: &str, to: &str) -> &'a str {
    let (_, text) = PAGE.split_once(after).expect(after);
    let (_, text) = text.split_once(from).expect(from);
    text.split_once(to).expect(to).0
}

#[tokio::test]
async fn trying_it_without_a_cluster_goes_as_described() {
    let declaration = between("## Try it", "```yaml\n", "\n```").to_owned();
    let running = Running::start(Options { declaration: Some(declaration), ..Options::default() }).await;
    let review = between("## Try it", "--json '", "' |");
    let response = running.ask(review.as_bytes()).await;
    assert_eq!(response["status"]["message"], between("The answer names", "```text\n", "\n```"));
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
