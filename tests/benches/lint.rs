//! Time of `meshwright lint`, in memory: `cargo bench -p meshwright-tests --bench lint`.
#![allow(missing_docs, clippy::panic, reason = "a benchmark fails by a panic")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use meshwright::lint::lint_sources;
use meshwright::source::Sources;
use meshwright_tests::manifests::{MANIFESTS, repository};

/// Manifests.
const SIZES: [u32; 2] = [1_000, 10_000];

fn lint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lint");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    for manifests in SIZES {
        let mut sources = Sources::new();
        for (path, text) in repository(manifests / MANIFESTS) {
            sources.add(path, text.into_bytes().into());
        }
        let linted = lint_sources(sources.clone(), &[]);
        assert!(linted.findings.is_empty() && linted.notes.is_empty(), "{:#?}", linted.findings);
        group.bench_function(BenchmarkId::new("whole", manifests), |b| {
            b.iter_with_large_drop(|| lint_sources(black_box(sources.clone()), &[]));
        });
    }
    group.finish();
}

criterion_group!(benches, lint);
criterion_main!(benches);
