//! The planning form and the pictures of both kinds of mesh.

use meshwright::compile::load_text;
use meshwright::plan::plan;
use meshwright_policies::mesh::Fleet;

fn fleet(text: &str) -> Fleet {
    let loaded = load_text(text);
    let errors: Vec<_> = loaded
        .findings
        .iter()
        // What is read wrongly; what is judged wrong is other tests' business.
        .filter(|f| f.rule.code < "MW1")
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

/// Networks of ten clusters each, all alike but for names and addresses.
fn large(networks: usize) -> Fleet {
    use std::fmt::Write as _;
    let mut text = String::from(
        "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: demo}\nspec:\n  istio: {version: \"1.30.3\"}\n  clusterDefaults: {kubernetes: {version: \"1.33\", cni: calico}, locality: r1/z1}\n",
    );
    for n in 0..networks {
        let _ = write!(
            text,
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: network-{n}}}\nspec: {{podConnectivity: routed, gateways: [{{cluster: c{n}-0}}]}}\n"
        );
        for c in 0..10 {
            let _ = write!(
                text,
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: c{n}-{c}}}\nspec:\n  network: network-{n}\n  podCIDRs: [10.{n}.{c}.0/24]\n  kubernetes: {{apiServer: \"https://192.0.{n}.{c}\"}}\n  loadBalancer: {{addresses: {{eastWest: 198.51.{n}.{c}}}}}\n"
            );
        }
    }
    load_text(&text).fleet
}

#[test]
fn a_large_fleet_stays_readable() {
    let fleet = large(50);
    let plan = plan(&fleet);
    for (_, cluster) in fleet.clusters() {
        assert!(plan.contains(&format!("| `{}` |", cluster.name)), "{}", cluster.name);
    }
    let section = |name: &str| {
        let (_, rest) = plan.split_once(&format!("\n### {name}\n")).unwrap();
        rest.split("\n### ").next().unwrap().to_owned()
    };
    assert!(plan.lines().count() < 2200, "{}", plan.lines().count());
    insta::assert_snapshot!(section("Firewall"));
    // Mermaid refuses more than 50,000 characters and 500 lines between nodes.
    assert!(section("Topology").len() < 20_000);
    insta::assert_snapshot!(section("Remote secrets"));
}

#[test]
fn several_meshes_have_a_heading_each() {
    let second = include_str!("fixtures/multi-primary.yaml")
        .replace("kind: Cluster\n", "kind: Cluster\n")
        .replace(
            "kind: Network, metadata: {name: network1}",
            "kind: Network, metadata: {name: network1}, spec: {mesh: usmesh}",
        )
        .replace(
            "kind: Network, metadata: {name: network2}",
            "kind: Network, metadata: {name: network2}, spec: {mesh: usmesh}",
        )
        .replace(
            "kind: Network, metadata: {name: network3}",
            "kind: Network, metadata: {name: network3}, spec: {mesh: usmesh}",
        );
    let first = include_str!("fixtures/hosted.yaml")
        .replace("metadata: {name: network-c1}", "metadata: {name: network-c1}, spec: {mesh: mdemo-mesh}")
        .replace("metadata: {name: network-c2}", "metadata: {name: network-c2}, spec: {mesh: mdemo-mesh}")
        .replace("metadata: {name: network-c3}", "metadata: {name: network-c3}, spec: {mesh: mdemo-mesh}");
    let plan = plan(&fleet(&format!("{first}---\n{second}")));
    let headings: Vec<&str> = plan
        .lines()
        .filter(|line| line.starts_with("# ") || line.starts_with("## "))
        .filter(|line| !line.starts_with("# kt") && !line.starts_with("# n"))
        .collect();
    assert_eq!(headings, ["# Plan", "## Mesh mdemo-mesh", "## Mesh usmesh"]);
    assert!(plan.contains("- [usmesh](#mesh-usmesh)\n"));
}

#[test]
fn a_plan_is_part_of_what_is_rendered() {
    let fleet = fleet(include_str!("fixtures/hosted.yaml"));
    let output = meshwright::compile::render(&fleet);
    assert_eq!(output.files().get("PLAN.md").unwrap(), plan(&fleet).as_bytes());
}

/// With a remote behind the gateway that exposes istiod, another address per observer, and texts that look like markup.
#[test]
fn a_primary_with_remotes() {
    insta::assert_snapshot!(plan(&load_text(include_str!("fixtures/primary-remote.yaml")).fleet));
}
