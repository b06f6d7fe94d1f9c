//! Golden trees, laws and end-to-end tests of the whole program, as one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says by a panic that it failed"
)]

mod example;
mod golden;
mod laws;
mod refusals;
