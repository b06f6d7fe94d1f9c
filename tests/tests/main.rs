//! Golden trees, laws and end-to-end tests of the whole program, as one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says by a panic that it failed"
)]

mod admission;
mod charts;
mod example;
mod fuzz;
mod golden;
mod import;
mod incremental;
mod laws;
mod lint;
mod lint_declaration;
mod lint_law;
mod meshes;
mod refusals;
mod sarif;
mod valid_meshes;

use proptest::test_runner::Config;

/// How many examples of a law are tried: `PROPTEST_CASES`, or as many as are worth the time in every run.
fn cases(usual: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: wanted.unwrap_or(usual), failure_persistence: None, ..Config::default() }
}
