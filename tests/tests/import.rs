//! What is imported of a rendered mesh renders what the mesh claims.

use std::collections::{BTreeMap, BTreeSet};

use meshwright::import;
use meshwright::lint;
use meshwright::publish::Tree;
use meshwright::source::Sources;
use meshwright_tests::intent::{Intent, TODAY};
use proptest::prelude::*;

use crate::meshes::{AnyMesh, any_mesh};

fn sources(tree: &Tree) -> Sources {
    let mut sources = Sources::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".yaml")) {
        sources.add(path.as_str().to_owned(), bytes.into());
    }
    sources
}

/// Every claim of every cluster, wherever it is made.
fn claims(sources: &Sources) -> BTreeMap<String, BTreeSet<String>> {
    let (repository, _) = lint::repository(sources, &[]);
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for cluster in repository.clusters.iter().filter(|cluster| cluster.named) {
        let own = all.entry(cluster.name.clone()).or_default();
        let claims = cluster.subjects.iter().flat_map(|subject| &subject.claims.list);
        own.extend(claims.map(|claim| format!("{:?} = {}", claim.fact, claim.value)));
    }
    all
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn what_is_imported_claims_the_same(
        mesh in any_mesh().prop_filter("says what it is", AnyMesh::speaks_for_itself)
    ) {
        let tree = Intent::text(mesh.intent()).build();
        let before = sources(&tree);
        let imported = import::import(&before, &[], TODAY).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(imported.contradictions.is_empty(), "{}\n{}", imported.contradictions.join("\n"), mesh.intent());
        let mut intent = Intent { files: imported.files };
        let written = intent.file("mesh.yaml").to_owned();
        // Plain values files do not say which release reads them.
        if written.contains("which release of Istio?") {
            let answer = format!("\n  istio:\n    version: \"{}\"\n", mesh.release_text());
            intent.files.insert("mesh.yaml".into(), written.replacen("\n  istio:\n", &answer, 1).into_bytes());
        }
        let again = intent.try_build().map_err(|said| TestCaseError::fail(format!("{said}\n{}", mesh.intent())))?;
        let after = sources(&again);
        let (before, after) = (claims(&before), claims(&after));
        for (cluster, claims) in &before {
            let now = after.get(cluster).cloned().unwrap_or_default();
            let lost: Vec<_> = claims.difference(&now).collect();
            let new: Vec<_> = now.difference(claims).collect();
            prop_assert!(lost.is_empty() && new.is_empty(), "{cluster}\nlost {lost:#?}\nnew {new:#?}\n{}", mesh.intent());
        }
        let linted = lint::lint_sources(sources(&again), &[]);
        prop_assert!(linted.findings.is_empty(), "{:#?}", linted.findings);
    }
}
