//! The program on real Git repositories: reading revisions, publishing to branches, watching.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by a panic that it failed"
)]

mod ci;
mod http;
mod publish;
mod revisions;
mod support;
mod transports;
mod watch;
