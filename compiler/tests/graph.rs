//! Pictures: every cluster is in every format, and nothing in a name breaks one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshwright::compile::load_text;
use meshwright::graph::{GraphFormat, graph};
use meshwright_policies::mesh::Fleet;

const FORMATS: [GraphFormat; 3] = [GraphFormat::Mermaid, GraphFormat::Dot, GraphFormat::Svg];

/// A multi-primary mesh of so many networks with so many clusters each.
fn fleet(networks: usize, clusters: usize) -> Fleet {
    let mut text = String::from(
        "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: demo}\nspec: {istio: {version: \"1.30.3\"}}\n",
    );
    for n in 0..networks {
        let _ = write!(
            text,
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: network-{n}}}\nspec: {{podConnectivity: routed, gateways: [{{cluster: c{n}-0}}]}}\n"
        );
        for c in 0..clusters {
            let _ = write!(
                text,
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: c{n}-{c}}}\nspec:\n  network: network-{n}\n  podCIDRs: [10.{n}.{c}.0/24]\n  kubernetes: {{version: \"1.33\", distribution: 'a \"b\" <c> & d | e; f', apiServer: \"https://192.0.{n}.{c}\"}}\n  loadBalancer: {{addresses: {{eastWest: 198.51.{n}.{c}}}}}\n"
            );
        }
    }
    load_text(&text).fleet
}

#[test]
fn every_cluster_is_in_every_format() {
    for (networks, clusters) in [(1, 2), (3, 1), (4, 3), (20, 3), (1, 60)] {
        let fleet = fleet(networks, clusters);
        assert_eq!(fleet.clusters().count(), networks * clusters);
        for format in FORMATS {
            let picture = graph(&fleet, format);
            for (_, cluster) in fleet.clusters() {
                let name = cluster.name.as_str();
                let found =
                    picture.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == name);
                assert!(found, "{name} in {format:?}");
            }
            assert_eq!(picture, graph(&fleet, format));
        }
    }
}

#[test]
fn ids_of_mermaid_nodes_are_unique() {
    for (networks, clusters) in [(3, 1), (4, 3), (12, 12)] {
        let picture = graph(&fleet(networks, clusters), GraphFormat::Mermaid);
        let mut ids = BTreeSet::new();
        for line in picture.lines() {
            let line = line.trim().trim_start_matches("subgraph ");
            let id: String = line.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            let defines = line.get(id.len()..).is_some_and(|rest| rest.starts_with(['[', '(', '{']));
            if defines && !id.is_empty() {
                assert!(ids.insert(id.clone()), "{id} twice");
            }
        }
        assert!(ids.len() >= networks * clusters, "{}", ids.len());
    }
}

#[test]
fn no_text_ends_a_label() {
    let fleet = fleet(2, 1);
    let mermaid = graph(&fleet, GraphFormat::Mermaid);
    assert!(mermaid.contains("a #34;b#34; #60;c#62; #38; d #124; e#59; f"), "{mermaid}");
    let dot = graph(&fleet, GraphFormat::Dot);
    assert!(dot.contains(r#"a \"b\" <c> &amp; d | e; f"#), "{dot}");
    let svg = graph(&fleet, GraphFormat::Svg);
    assert!(svg.contains("a &quot;b&quot; &lt;c&gt; &amp; d | e; f"), "{svg}");
    assert!(!svg.contains("<script") && !svg.contains("href"), "{svg}");
}

#[test]
fn a_hosted_mesh_in_dot() {
    let fleet = load_text(include_str!("fixtures/hosted.yaml")).fleet;
    insta::assert_snapshot!(graph(&fleet, GraphFormat::Dot));
}

/// Writes the pictures for a look at them: `GRAPH_PICTURES=/tmp/pictures cargo test -p meshwright --test graph`.
#[test]
fn pictures_are_written_when_asked_for() {
    let Ok(directory) = std::env::var("GRAPH_PICTURES") else { return };
    let hosted = load_text(include_str!("fixtures/hosted.yaml")).fleet;
    let shared = load_text(include_str!("fixtures/multi-primary.yaml")).fleet;
    let fleets = [
        ("hosted", hosted),
        ("multi-primary", shared),
        ("2x1", fleet(2, 1)),
        ("4x3", fleet(4, 3)),
        ("20x3", fleet(20, 3)),
        ("1x60", fleet(1, 60)),
    ];
    for (name, fleet) in fleets {
        for (format, ending) in FORMATS.into_iter().zip(["mmd", "dot", "svg"]) {
            std::fs::write(format!("{directory}/{name}.{ending}"), graph(&fleet, format)).unwrap();
        }
    }
}
