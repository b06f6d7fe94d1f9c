//! Writes a repository of manifests: `cargo run -p meshwright-tests --example manifests -- 10000 DIR`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a tool of the benchmarks fails by a panic")]

use std::path::PathBuf;

use meshwright_tests::manifests;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [count, directory] = arguments.as_slice() else {
        panic!("usage: manifests MANIFESTS DIRECTORY");
    };
    let clusters = count.parse::<u32>().unwrap() / manifests::MANIFESTS;
    manifests::write(&manifests::repository(clusters), &PathBuf::from(directory));
}
