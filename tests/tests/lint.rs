//! `meshwright lint` on repositories that were generated.

use meshwright::lint::lint_sources;
use meshwright::source::Sources;
use meshwright_tests::manifests::repository;

#[test]
fn a_generated_repository_is_clean() {
    let mut sources = Sources::new();
    for (path, text) in repository(25) {
        sources.add(path, text.into_bytes().into());
    }
    let linted = lint_sources(sources, &[]);
    assert!(linted.findings.is_empty(), "{:#?}", linted.findings);
    let clusters = linted.repository.clusters.iter().filter(|cluster| cluster.named);
    assert_eq!(clusters.filter(|cluster| cluster.cluster_id() == Some(&cluster.name)).count(), 25);
    let meshes: Vec<usize> = linted.repository.meshes().iter().map(Vec::len).collect();
    assert_eq!(meshes, [10, 10, 5], "two meshes of ten clusters and one of five");
}
