//! The planning form and the pictures of both kinds of mesh.

use meshwright::compile::load_text;
use meshwright::plan::plan;
use meshwright_policies::mesh::Fleet;

fn fleet(text: &str) -> Fleet {
    let loaded = load_text(text);
    let errors: Vec<_> = loaded
        .findings
        .iter()
        .filter(|f| f.severity == meshwright_policies::finding::Severity::Error)
        .map(|f| format!("{} {} {}", f.rule.code, f.place.path, f.message))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    loaded.fleet
}

#[test]
fn a_hosted_mesh() {
    insta::assert_snapshot!(plan(&fleet(include_str!("fixtures/hosted.yaml"))));
}

#[test]
fn a_multi_primary_mesh() {
    insta::assert_snapshot!(plan(&fleet(include_str!("fixtures/multi-primary.yaml"))));
}
