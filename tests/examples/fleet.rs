//! Writes the intent of a fleet: `cargo run -p meshwright-tests --example fleet -- 500 50 DIR`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a tool of the benchmarks fails by a panic")]

use std::path::PathBuf;

use meshwright_tests::fleet;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [clusters, networks, directory] = arguments.as_slice() else {
        panic!("usage: fleet CLUSTERS NETWORKS DIRECTORY");
    };
    let intent = fleet::fleet(clusters.parse().unwrap(), networks.parse().unwrap());
    fleet::write(&intent, &PathBuf::from(directory));
}
