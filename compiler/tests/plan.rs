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

/// Whose proxies are told by another cluster's istiod dials what that istiod is told, whether `addressFrom` says so or not.
#[test]
fn a_remote_observes_as_its_primary() {
    let intent = r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: shop}
spec:
  istio: {version: "1.30.3"}
  controlPlane: {primaryRemote: {primaries: [east]}}
  gatewayDiscovery: meshNetworks
---
{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {name: net-east}}
---
{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {name: net-south}, spec: {gateways: [{cluster: south, addressFrom: {east: 172.16.0.1}}]}}
---
{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {name: net-west}}
---
{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {name: east}, spec: {network: net-east, loadBalancer: {addresses: {eastWest: 192.0.2.10}}}}
---
{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {name: south}, spec: {network: net-south, loadBalancer: {addresses: {eastWest: 192.0.2.20}}}}
---
{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {name: west}, spec: {network: net-west, loadBalancer: {addresses: {eastWest: 192.0.2.30}}}}
"#;
    let fleet = fleet(intent);
    let (_, mesh) = fleet.meshes.first_key_value().unwrap();
    let facts = meshwright_policies::declaration::MeshFacts::new(&fleet, mesh);
    let dialled = |observer: &str| {
        let (_, cluster) = mesh.clusters.iter().find(|(name, _)| name.as_str() == observer).unwrap();
        let declaration = facts.declare(cluster, false);
        let (_, network) = declaration.networks.iter().find(|(id, _)| id.as_str() == "net-south").unwrap();
        network.gateways.first().unwrap().address.as_ref().unwrap().to_string()
    };
    assert_eq!(["east", "west"].map(dialled), ["172.16.0.1", "172.16.0.1"]);
    // Its own proxies never dial it.
    assert_eq!(dialled("south"), "192.0.2.20");
    let plan = plan(&fleet);
    let rows = |text: &str| plan.lines().filter(|line| line.contains(text)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(rows("172.16.0.1"), @r"
    | `east`, `west` | `net-south` | `172.16.0.1:15443` | `192.0.2.20:15443` |
    | nodes and pods of `east`, `west` | `south` east-west gateway `172.16.0.1` | 15443 | services of this network for workloads of other networks (mutual TLS by SNI) |
    nc -vz -w 5 172.16.0.1 15443   # net-south, from every other network
    ");
}

/// Default pod ranges are everywhere: no finding, a line in the plan.
#[test]
fn pods_of_several_networks_with_the_same_addresses_are_told() {
    let same = include_str!("fixtures/multi-primary.yaml");
    let told = |text: &str| {
        let plan = plan(&load_text(text).fleet);
        plan.lines().find(|line| line.contains("have the same addresses")).map(str::to_owned)
    };
    assert_eq!(told(same), None);
    let line = same.lines().find(|line| line.contains("podCIDRs")).unwrap_or_default();
    let same: String = same
        .lines()
        .map(|other| if other.trim_start().starts_with("podCIDRs") { line } else { other })
        .flat_map(|line| [line, "\n"])
        .collect();
    insta::assert_snapshot!(told(&same).unwrap_or_default(), @"- **Pods of several networks have the same addresses** (`kt-k2p`, `ncloud-nks`, `nhn-nks`): gateways keep them apart, so the mesh does not mind. The networks cannot be joined without a gateway later (`podConnectivity: routed`, a VPN, peered VPCs), and an address in a log or in a rule by `ipBlocks` does not say which cluster it is of.");
}

/// Istio's own guide dials the gateway; an address of its own for istiod is a Service, a record or a rule that somebody makes.
#[test]
fn an_istiod_beside_its_gateways_is_told_how_to_get_its_address() {
    let said = |balancer: &str| {
        let intent = format!(
            r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: shop}}
spec:
  istio: {{version: "1.30.3"}}
  controlPlane: {{primaryRemote: {{primaries: [east]}}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {{name: net}}, spec: {{podConnectivity: routed}}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {{name: east}}, spec: {{network: net, loadBalancer: {balancer}}}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {{name: west}}, spec: {{network: net}}}}
"#
        );
        let plan = plan(&fleet(&intent));
        let section = plan.split_once("### Services that something else makes\n").map(|(_, rest)| rest);
        section.unwrap_or_default().split("\n### ").next().unwrap_or_default().trim().to_owned()
    };
    let pool = "metallb: {pools: [{name: p, addresses: [192.0.2.8-192.0.2.12]}]}";
    insta::assert_snapshot!(said(&format!("{{{pool}, addresses: {{eastWest: 192.0.2.10, controlPlane: 192.0.2.11}}}}")), @r#"
    Remotes reach the istiod of `east` at `192.0.2.11`, which is no gateway's. Ports 15012 and 15017 there have to end at gateway `istio-eastwestgateway` (`192.0.2.10`), which leads on to istiod: nothing rendered asks for that address, this Service does.

    ```sh
    kubectl apply --context=east -f - <<'EOF'
    apiVersion: v1
    kind: Service
    metadata:
      name: istiod-for-remotes
      namespace: istio-system
      annotations:
        metallb.universe.tf/loadBalancerIPs: "192.0.2.11"
        metallb.universe.tf/address-pool: "p"
    spec:
      type: LoadBalancer
      selector: {istio: eastwestgateway}
      ports:
      - {name: tls-istiod, port: 15012}
      - {name: tls-webhook, port: 15017}
    EOF
    ```
    "#);
    insta::assert_snapshot!(said("{addresses: {eastWest: 192.0.2.10, controlPlane: istiod.example.com}}"), @"Remotes reach the istiod of `east` at `istiod.example.com`, which is no gateway's. Ports 15012 and 15017 there have to end at gateway `istio-eastwestgateway` (`192.0.2.10`), which leads on to istiod: by a DNS record, a load balancer by hand or static NAT.");
    assert_eq!(said("{addresses: {eastWest: 192.0.2.10, controlPlane: 192.0.2.10}}"), "");
}
