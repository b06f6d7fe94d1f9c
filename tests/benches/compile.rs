//! Time of every step of a compile, in memory: `cargo bench -p meshwright-tests --bench compile`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by a panic")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use meshwright::assemble::assemble;
use meshwright::build::build;
use meshwright::compile::render;
use meshwright_policies::policy;
use meshwright_tests::fleet::fleet;

/// Clusters and networks.
const SIZES: [(u32, u32); 2] = [(50, 5), (500, 50)];

fn compile(criterion: &mut Criterion) {
    for (clusters, networks) in SIZES {
        let intent = fleet(clusters, networks);
        let loaded = intent.load();
        assert!(loaded.findings.is_empty(), "{:#?}", loaded.findings);
        let fleet = loaded.fleet;
        let mut group = criterion.benchmark_group("compile");
        group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
        let id = |step: &str| BenchmarkId::new(step, clusters);
        group.bench_function(id("load"), |b| b.iter_with_large_drop(|| intent.load()));
        group.bench_function(id("policies"), |b| b.iter(|| policy::check(black_box(&fleet))));
        group.bench_function(id("render"), |b| b.iter_with_large_drop(|| render(black_box(&fleet))));
        group.bench_function(id("assemble"), |b| {
            let assembled = |output| assemble(&fleet, output).unwrap();
            b.iter_batched(|| render(&fleet), assembled, BatchSize::PerIteration);
        });
        group.bench_function(id("whole"), |b| {
            b.iter_with_large_drop(|| {
                let loaded = intent.load();
                let tree = build(&loaded.fleet).unwrap();
                (loaded, tree)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, compile);
criterion_main!(benches);
