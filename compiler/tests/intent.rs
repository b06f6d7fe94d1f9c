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
fn a_day_that_no_calendar_has_is_told_where_it_stands() {
    let setting = "---\napiVersion: meshwright.dev/v1alpha1\nkind: PolicyConfig\nmetadata: {name: p}\nspec:\n  policies:\n  - \
                   {code: MW3008, severity: \"off\", reason: names are stable, expires: \"2027-02-31\"}\n";
    let loaded = load_text(&format!("{MESH}{setting}"));
    insta::assert_snapshot!(said(&loaded), @"MW0105 spec.policies[0].expires: `2027-02-31` is not a day of the calendar, of the form 2027-01-31");
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
    insta::assert_snapshot!(said(&loaded), @r#"
    MW0103 spec.podCIDR: `spec` has no field `podCIDR` (did you mean `podCIDRs`?)
    MW0104 spec.serviceCIDRs: a list is wanted here, this is text (write a list: [10.2.0.0/16])
    MW0105 spec.clusterID: `nks_kr` is not a cluster ID: at most 63 letters, digits and `-`, starting and ending with a letter or digit (`nks-kr` would be one)
    MW0104 spec.kubernetes.version: text is wanted here, this is a number (quote it: "1.33")
    MW0105 spec.kubernetes.cni: `calicoo` is not one of `calico`, `cilium`, `flannel`, `ovn`, `cloud`, `other` (did you mean `calico`?)
    MW0105 spec.kubernetes.apiServer: `10.0.0.1` is not the URL of an API server, such as https://10.64.30.130:6443
    MW0106 spec.loadBalancer.metallb.pools[0].name: `name` is missing
    MW0105 spec.loadBalancer.metallb.pools[0].addresses[0]: `10.0.0.9-10.0.0.1` is not a range of addresses: the last one comes before the first
    MW0105 spec.loadBalancer.addresses.eastWest: `999.1.1.1` is not an IP address or a DNS name
    MW0105 spec.eastWestGateways[0].port: 0 is less than 1
    MW0107 spec.delivery: `flux`, `none` exclude each other (keep one of them)
    MW0105 spec.istio.install: `helm` is not one of `IstioOperator`, `Helm`, `Sail` (did you mean `Helm`?)
    "#);
}

#[test]
fn a_tagged_choice_reports_what_is_inside() {
    insta::assert_snapshot!(said(&cluster("  delivery: {fluxx: {}}")), @"MW0103 spec.delivery.fluxx: `spec.delivery` has no field `fluxx` (did you mean `flux`?)");
    insta::assert_snapshot!(said(&cluster("  delivery: {flux: {pth: ./a}}")), @"MW0103 spec.delivery.flux.pth: `spec.delivery.flux` has no field `pth` (did you mean `path`?)");
    insta::assert_snapshot!(said(&cluster("  delivery: {}")), @"MW0107 spec.delivery: one of `flux`, `argocd`, `none` is wanted");
}

#[test]
fn levels_are_laid_over_each_other() {
    let loaded = cluster("  kubernetes: {version: \"1.32\"}");
    let mesh = loaded.fleet.meshes.values().next().unwrap();
    let names: Vec<_> = mesh
        .clusters
        .values()
        .map(|c| {
            (
                c.name.as_str(),
                c.spec.kubernetes.version.as_ref().unwrap().as_str(),
                c.spec.kubernetes.cni.unwrap().as_str(),
            )
        })
        .collect();
    assert_eq!(names, [("east", "1.32", "flannel"), ("west", "1.33", "calico")]);
    let east = mesh.clusters.values().next().unwrap();
    let span = |path: &str| east.written.place(path).span;
    let text = |path: &str| {
        let text = format!(
            "{MESH}apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: east}}\nspec:\n  network: network-east\n  kubernetes: {{version: \"1.32\"}}\n"
        );
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
    insta::assert_snapshot!(entries.join("\n"), @"
    network-east east Some(Ip(10.0.0.1)) 15443
    network-west west None 15443
    ");
}
