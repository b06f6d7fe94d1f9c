//! Time of every step of a compile, in memory: `cargo bench -p meshwright-tests --bench compile`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by a panic")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use meshwright::assemble::assemble;
use meshwright::build::build;
use meshwright::compile::render;
use meshwright::incremental::Compiler;
use meshwright::source::Found;
use meshwright_policies::policy;
use meshwright_tests::fleet::{cluster_file, fleet};
use meshwright_tests::intent::{Intent, TODAY};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        group.bench_function(id("one cluster edited"), |b| one_cluster_edited(b, &intent));
        group.finish();
    }
}

/// What `watch` does when a commit changes a file of one cluster.
fn one_cluster_edited(bencher: &mut Bencher<'_>, intent: &Intent) {
    let file = cluster_file(0);
    let mut label = 0_u32;
    let mut edited = || {
        label += 1;
        let namespaces =
            format!("  namespaces:\n    - {{name: shop, injection: enabled, labels: {{team: t{label}}}}}\n");
        let sources = intent.clone().append(&file, &namespaces).sources();
        let files = sources.iter().map(|(id, _)| id).collect();
        Found { sources, files, ..Found::default() }
    };
    let mut compiler = Compiler::new();
    let mut last = compiler.compile(edited(), Path::new("."), TODAY);
    bencher.iter_custom(|rounds| {
        let mut took = Duration::ZERO;
        for _ in 0..rounds {
            let found = edited();
            let start = Instant::now();
            // As `watch` does: who lets go of the last tree lets it be changed in place.
            last.tree = None;
            last = compiler.compile(found, Path::new("."), TODAY);
            took += start.elapsed();
            assert!(last.tree.is_some(), "{:#?}", last.findings);
        }
        took
    });
}

criterion_group!(benches, compile);
criterion_main!(benches);
