//! What the tests and benchmarks of the whole program share. Everything here fails by a panic: it runs in tests only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says by a panic that it failed"
)]

pub mod chart_values;
pub mod charts;
pub mod fleet;
pub mod fuzz;
pub mod intent;
pub mod kustomize;
pub mod manifests;
pub mod objects;
pub mod schemas;

use std::path::PathBuf;

/// A path below the root of this repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Whether to write what is expected instead of comparing with it.
#[must_use]
pub fn updating() -> bool {
    std::env::var_os("MESHWRIGHT_UPDATE").is_some_and(|value| value == "1")
}
