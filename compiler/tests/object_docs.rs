//! The objects on the pages of the policies that judge objects, run: each is judged against the declaration of cluster
//! `east` of `policies/docs/base.yaml`. A page's refused objects are refused with its code and no other, its accepted
//! ones with none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::fmt::Write as _;

use meshwright::artefact::{Output, Root};
use meshwright::compile::{load_text, render};
use meshwright_policies::declaration::MeshDeclaration;
use meshwright_policies::finding::Findings;
use meshwright_policies::judge::judge_object;
use meshwright_policies::policies::POLICIES;

const BASE: &str = include_str!("../../policies/docs/base.yaml");

/// The declaration as it is written, with the source of every value.
fn declaration() -> MeshDeclaration {
    let out: Output = render(&load_text(BASE).fleet);
    let of_east = |root: &&Root| root.directory() == "clusters/east/declaration";
    let root = out.objects().keys().find(of_east).unwrap();
    serde_json::from_value(out.objects()[root][0].object.clone().into_json()).unwrap()
}

fn blocks<'a>(docs: &'a str, tag: &str) -> Vec<&'a str> {
    let opening = format!("```yaml {tag}\n");
    let block = |rest: &'a str| rest.split_once("\n```").map_or(rest, |(block, _)| block);
    docs.split(opening.as_str()).skip(1).map(block).collect()
}

fn judged(declaration: &MeshDeclaration, block: &str) -> Findings {
    let object: serde_json::Value = serde_yaml::from_str(block).unwrap_or_else(|e| panic!("{e}\n{block}"));
    judge_object(&declaration.spec, object.as_object().unwrap())
}

#[test]
fn refused_objects_are_refused_and_accepted_ones_accepted() {
    let declaration = declaration();
    let mut pages = 0;
    for rule in POLICIES.iter().map(|policy| policy.rule()) {
        let (refused, accepted) = (blocks(rule.docs, "refused-object"), blocks(rule.docs, "accepted-object"));
        assert_eq!(refused.is_empty(), accepted.is_empty(), "{} shows one side only", rule.code);
        pages += usize::from(!refused.is_empty());
        for block in refused {
            let codes: Vec<_> = judged(&declaration, block).iter().map(|finding| finding.rule.code).collect();
            assert!(!codes.is_empty() && codes.iter().all(|code| *code == rule.code), "{codes:?}\n{block}");
        }
        for block in accepted {
            let findings = judged(&declaration, block);
            let said: Vec<_> = findings.iter().map(|f| format!("{}: {}", f.rule.code, f.message)).collect();
            assert!(said.is_empty(), "{}: {said:?}\n{block}", rule.code);
        }
    }
    assert_eq!(pages, 10);
}

#[test]
fn a_refusal_names_field_value_declaration_and_the_nearest_right_change() {
    let declaration = declaration();
    let mut text = String::new();
    for rule in POLICIES.iter().map(|policy| policy.rule()) {
        for block in blocks(rule.docs, "refused-object") {
            for finding in &judged(&declaration, block) {
                writeln!(text, "{} {}: {}", rule.code, finding.place.path, finding.message).unwrap();
                for related in &finding.related {
                    writeln!(text, "  {}: {}", related.place.path, related.label).unwrap();
                }
                writeln!(text, "  help: {}", finding.help.as_deref().unwrap_or_default()).unwrap();
            }
        }
    }
    insta::assert_snapshot!(text, @r#"
    MW1101 spec.values.global.meshID: the mesh ID `other` is claimed where `demo` is declared
      spec.mesh.id: declared in `intent.yaml`, `metadata.name`
      help: set `spec.values.global.meshID` to what is declared, `demo`, or change `metadata.name` in `intent.yaml` first
    MW1101 spec.values.meshConfig.defaultConfig.meshId: the mesh ID `other` is claimed where `demo` is declared
      spec.mesh.id: declared in `intent.yaml`, `metadata.name`
      help: set `spec.values.meshConfig.defaultConfig.meshId` to what is declared, `demo`, or change `metadata.name` in `intent.yaml` first
    MW1102 spec.values.global.multiCluster.clusterName: cluster ID `west` is claimed where `east` is declared
      spec.cluster.id: declared in `intent.yaml`, `metadata.name`
      help: set `spec.values.global.multiCluster.clusterName` to what is declared, `east`, or change `metadata.name` in `intent.yaml` first
    MW1102 spec.values.istiodRemote.injectionPath: cluster ID `west` is claimed where `east` is declared
      spec.cluster.id: declared in `intent.yaml`, `metadata.name`
      help: put `east` in the place of `west` in `spec.values.istiodRemote.injectionPath`, or change `metadata.name` in `intent.yaml` first
    MW1103 spec.meshConfig.trustDomain: trust domain `east.example` is claimed where `cluster.local` is declared
      spec.mesh.trustDomain: declared in `intent.yaml`, `spec.trustDomain`
      help: set `spec.meshConfig.trustDomain` to what is declared, `cluster.local`, or change `spec.trustDomain` in `intent.yaml` first
    MW1103 spec.meshConfig.trustDomainAliases[0]: identities of trust domain `old.example` are accepted, which is not declared
      spec.mesh.trustDomainAliases: declared by the mesh `demo`
      help: remove `spec.meshConfig.trustDomainAliases[0]`, or change the intent first
    MW2101 metadata.labels["topology.istio.io/network"]: network `network-west` is claimed where cluster `east` is declared on `network-east`
      spec.network: declared in `intent.yaml`, `spec.network`
      help: set `metadata.labels["topology.istio.io/network"]` to what is declared, `network-east`, or change `spec.network` in `intent.yaml` first
    MW2101 metadata.labels["topology.istio.io/network"]: network `network-west` is claimed where cluster `east` is declared on `network-east`
      spec.network: declared in `intent.yaml`, `spec.network`
      help: set `metadata.labels["topology.istio.io/network"]` to what is declared, `network-east`, or change `spec.network` in `intent.yaml` first
    MW2101 spec.values.global.network: network `network-est` is claimed where cluster `east` is declared on `network-east`
      spec.network: declared in `intent.yaml`, `spec.network`
      help: set `spec.values.global.network` to what is declared, `network-east`, or change `spec.network` in `intent.yaml` first
    MW2102 spec.values.global.meshNetworks.network-nowhere: meshNetworks names network `network-nowhere`, which is not declared
      spec.networks: declared by the mesh `demo`
      help: declared are `network-east, network-west`; otherwise change the intent first
    MW2102 spec.values.global.meshNetworks.network-west.gateways: meshNetworks has gateways of `network-west`, which are declared to be found by their label
      spec.networks.network-west.discovery: declared in `intent.yaml`, `spec.gatewayDiscovery`
      help: remove `spec.values.global.meshNetworks.network-west.gateways`, or change `spec.gatewayDiscovery` in `intent.yaml` first
    MW3101 metadata.annotations["metallb.io/loadBalancerIPs"]: gateway `istio-eastwestgateway` asks for `10.1.0.29`, but is declared at `10.1.0.21`
      spec.gateways[0].address: declared in `intent.yaml`, `spec.loadBalancer.addresses.eastWest`
      help: put `10.1.0.21` in the place of `10.1.0.29` in `metadata.annotations["metallb.io/loadBalancerIPs"]`, or change `spec.loadBalancer.addresses.eastWest` in `intent.yaml` first
    MW3101 spec.loadBalancerIP: `web` asks for `10.1.0.21`, which is planned for gateway `istio-eastwestgateway`
      spec.gateways[0].address: declared in `intent.yaml`, `spec.loadBalancer.addresses.eastWest`
      help: remove `spec.loadBalancerIP`, or change `spec.loadBalancer.addresses.eastWest` in `intent.yaml` first
    MW3102 spec.values.global.remotePilotAddress: istiod is sought at `10.2.0.21`, but this cluster is declared to run its own
      spec.controlPlane: declared in `intent.yaml`, `spec.controlPlane`
      help: remove `spec.values.global.remotePilotAddress`, or change `spec.controlPlane` in `intent.yaml` first
    MW3103 spec.addresses: pool `mesh` lacks `10.1.0.20-10.1.0.29`, from which declared addresses may come
      spec.pools[0].addresses: declared in `intent.yaml`, `spec.loadBalancer.metallb.pools[0]`
      help: set `spec.addresses` to what is declared, `10.1.0.20-10.1.0.29`, or change `spec.loadBalancer.metallb.pools[0]` in `intent.yaml` first
    MW3103 spec.addresses[0]: pool `mesh` has `10.1.0.30-10.1.0.39`, which is not declared
      spec.pools[0].addresses: declared in `intent.yaml`, `spec.loadBalancer.metallb.pools[0]`
      help: set `spec.addresses[0]` to what is declared, `10.1.0.20-10.1.0.29`, or change `spec.loadBalancer.metallb.pools[0]` in `intent.yaml` first
    MW3103 spec.addresses[0]: pool `other`, which is not declared, has addresses of the declared pool `mesh`
      spec.pools[0].addresses: declared in `intent.yaml`, `spec.loadBalancer.metallb.pools[0]`
      help: remove `spec.addresses[0]`, or change `spec.loadBalancer.metallb.pools[0]` in `intent.yaml` first
    MW4101 spec.components.ingressGateways[0].k8s.env[0].value: gateway `istio-eastwestgateway` sees the endpoints of `network-west`, but is declared to see those of `network-east`
      spec.gateways[0].networkView: declared in `intent.yaml`, `spec.network`
      help: set `spec.components.ingressGateways[0].k8s.env[0].value` to what is declared, `network-east`, or change `spec.network` in `intent.yaml` first
    MW4102 spec.servers[0].port.number: other networks are let in at port `15444`, not `15443`
      spec.gateways[0]: declared in `intent.yaml`, `spec.network`
      help: set `spec.servers[0].port.number` to what is declared, `15443`, or change `spec.network` in `intent.yaml` first
    MW4102 spec.servers[0].hosts[0]: other networks are let in to `*`, which is wider than `*.local`
      spec.gateways[0]: declared in `intent.yaml`, `spec.network`
      help: set `spec.servers[0].hosts[0]` to what is declared, `*.local`, or change `spec.network` in `intent.yaml` first
    MW4102 spec.servers[0].tls.mode: port 15443 of `eastwestgateway` does not pass other networks' traffic through
      spec.gateways[0]: declared in `intent.yaml`, `spec.network`
      help: set `spec.servers[0].tls.mode` to what is declared, `AUTO_PASSTHROUGH`, or change `spec.network` in `intent.yaml` first
    MW4102 spec.ports: gateway `istio-eastwestgateway` lacks port `15443` (tls), which is declared
      spec.gateways[0].ports: declared in `intent.yaml`, `spec.network`
      help: set `spec.ports` to what is declared, `15021,15443`, or change `spec.network` in `intent.yaml` first
    "#);
}
