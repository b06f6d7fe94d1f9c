//! Reading intent: what is said about documents that are wrong, and what a cluster's layers become.

use meshwright::compile::{Loaded, load_text};

const MESH: &str = r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec:
  istio: {version: "1.30.3", install: Helm}
  clusterDefaults:
    kubernetes: {version: "1.33", cni: calico}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: network-east}
spec:
  clusterDefaults:
    kubernetes: {cni: flannel}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: network-west}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: west}
spec: {network: network-west}
---
"#;

fn cluster(spec: &str) -> Loaded {
    let text = format!(
        "{MESH}apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: east}}\nspec:\n  network: network-east\n{spec}\n"
    );
    load_text(&text)
}

/// Messages of rules of reading (MW00, MW01), which this file is about.
fn said(loaded: &Loaded) -> String {
    let line = |f: &meshwright_policies::finding::Finding| {
        let help = f.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {}: {}{help}", f.rule.code, f.place.path, f.message)
    };
    loaded.findings.iter().filter(|f| f.rule.code < "MW1").map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_document_has_nothing_to_say() {
    assert_eq!(said(&cluster("")), "");
}

#[test]
fn every_mistake_of_a_document_is_said_at_once() {
    let loaded = cluster(
        r#"
  podCIDR: [10.1.0.0/16]
  serviceCIDRs: 10.2.0.0/16
  clusterID: nks_kr
  kubernetes: {version: 1.33, cni: calicoo, apiServer: 10.0.0.1}
  loadBalancer:
    metallb:
      pools: [{addresses: [10.0.0.9-10.0.0.1]}]
    addresses: {eastWest: 999.1.1.1}
  eastWestGateways: [{port: 0}]
  delivery: {flux: {}, none: {}}
  istio: {install: helm}
"#,
    );
    insta::assert_snapshot!(said(&loaded), @"");
}

#[test]
fn a_tagged_choice_reports_what_is_inside() {
    insta::assert_snapshot!(said(&cluster("  delivery: {fluxx: {}}")), @"");
    insta::assert_snapshot!(said(&cluster("  delivery: {flux: {pth: ./a}}")), @"");
    insta::assert_snapshot!(said(&cluster("  delivery: {}")), @"");
}

#[test]
fn levels_are_laid_over_each_other() {
    let loaded = cluster("  kubernetes: {version: \"1.32\"}");
    let mesh = loaded.fleet.meshes.values().next().unwrap();
    let names: Vec<_> = mesh
        .clusters
        .values()
        .map(|c| (c.name.as_str(), c.spec.kubernetes.version.as_ref().unwrap().as_str(), c.spec.kubernetes.cni.unwrap().as_str()))
        .collect();
    assert_eq!(names, [("east", "1.32", "flannel"), ("west", "1.33", "calico")]);
    let east = mesh.clusters.values().next().unwrap();
    let span = |path: &str| east.written.place(path).span;
    let text = |path: &str| {
        let text = format!("{MESH}apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: east}}\nspec:\n  network: network-east\n  kubernetes: {{version: \"1.32\"}}\n");
        text.get(span(path).start as usize..span(path).end as usize).unwrap().to_owned()
    };
    assert_eq!(text("spec.kubernetes.version"), "\"1.32\"");
    assert_eq!(text("spec.kubernetes.cni"), "flannel");
    assert_eq!(text("spec.istio.version"), "\"1.30.3\"");
}

#[test]
fn gateways_follow_from_the_networks() {
    let loaded = cluster("  loadBalancer: {addresses: {eastWest: 10.0.0.1}}");
    let mesh = loaded.fleet.meshes.values().next().unwrap();
    let entries: Vec<_> = mesh
        .networks
        .values()
        .flat_map(|n| n.entries.iter().map(|e| format!("{} {} {:?} {}", n.id, e.cluster, e.address, e.port)))
        .collect();
    insta::assert_snapshot!(entries.join("\n"), @"");
}
