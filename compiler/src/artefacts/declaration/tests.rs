use std::collections::BTreeMap;

use meshwright_policies::declaration::{DeclarationSpec, MeshDeclaration, MeshFacts};
use meshwright_policies::names::ClusterName;
use meshwright_policies::node::FieldPath;
use serde_json::json;

use super::super::testing::{fleet, hosted, render};
use super::*;
use crate::structural;

const INTENT: &str = r#"
# A comment that moves everything below.
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec:
  istio: {version: "1.30.1"}
  controlPlane: {primaryRemote: {primaries: [east]}}
  gatewayDiscovery: meshNetworks
  delivery: {flux: {}}
  clusterDefaults: {network: network-east}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: network-east}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: network-west}
spec:
  gateways: [{cluster: west, addressFrom: {east: 172.16.0.21}}]
  clusterDefaults: {istio: {profile: minimal}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: east}
spec:
  clusterID: cluster-east
  kubernetes: {apiServer: "https://10.1.0.10:6443"}
  loadBalancer:
    metallb: {pools: [{name: mesh, addresses: [10.1.0.20-10.1.0.29]}]}
    addresses: {eastWest: 10.1.0.21}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: west}
spec:
  network: network-west
  kubernetes: {apiServer: "https://10.2.0.10:6443"}
  loadBalancer: {addresses: {eastWest: 10.2.0.21}}
  previous: {network: network-old}
---
apiVersion: meshwright.dev/v1alpha1
kind: PolicyConfig
metadata: {name: policies}
spec:
  policies:
    - {code: MW2004, severity: warning, clusters: [west], reason: the address moves this week, expires: "2027-01-31"}
"#;

fn declared(out: &Output, cluster: &str) -> Value {
    let root = Root::Declaration(ClusterName::new(cluster).unwrap());
    let [rendered] = out.objects()[&root].as_slice() else { panic!("not one object") };
    assert!(rendered.protected);
    rendered.object.clone().into_json()
}

#[test]
fn a_declaration_says_everything_that_concerns_its_cluster() {
    let out = render(&Declaration, &fleet(INTENT));
    insta::assert_snapshot!(serde_yaml::to_string(&declared(&out, "east")).unwrap(), @"
    apiVersion: meshwright.dev/v1alpha1
    kind: MeshDeclaration
    metadata:
      name: demo
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      mesh:
        name: demo
        id: demo
        trustDomain: cluster.local
        clusterDomain: cluster.local
      cluster:
        name: east
        id: cluster-east
      network: network-east
      controlPlane:
        role: primary
        servesOthers: true
      istio:
        version: 1.30.1
        namespace: istio-system
        install: Helm
        dataPlane: sidecar
      gateways:
      - name: istio-eastwestgateway
        istioLabel: eastwestgateway
        layout: dedicated
        networkView: own
        address: 10.1.0.21
        port: 15443
        ports:
        - name: status-port
          port: 15021
          targetPort: 15021
        - name: tls
          port: 15443
          targetPort: 15443
        - name: tls-istiod
          port: 15012
          targetPort: 15012
        - name: tls-webhook
          port: 15017
          targetPort: 15017
      addresses:
        eastWest: 10.1.0.21
      pools:
      - name: mesh
        namespace: metallb-system
        addresses:
        - 10.1.0.20-10.1.0.29
      networks:
        network-east:
          clusters:
          - cluster-east
          names:
            cluster-east: east
          discovery: meshNetworks
          gateways:
          - cluster: cluster-east
            name: istio-eastwestgateway
            address: 10.1.0.21
            port: 15443
        network-west:
          clusters:
          - west
          previous:
          - network-old
          discovery: meshNetworks
          gateways:
          - cluster: west
            name: istio-eastwestgateway
            address: 172.16.0.21
            port: 15443
      remoteSecrets:
        west: https://10.2.0.10:6443
      provenance:
      - file: intent.yaml
        fields:
          addresses.eastWest: spec.loadBalancer.addresses.eastWest
          cluster.id: spec.clusterID
          cluster.name: metadata.name
          controlPlane: spec.controlPlane
          gateways[0]: spec.eastWestGateways
          gateways[0].address: spec.loadBalancer.addresses.eastWest
          gateways[0].networkView: spec.clusterDefaults.network
          istio.dataPlane: spec.istio.dataPlane
          istio.install: spec.istio.install
          istio.namespace: spec.istio.namespace
          istio.version: spec.istio.version
          mesh.clusterDomain: spec.clusterDomain
          mesh.id: metadata.name
          mesh.name: metadata.name
          mesh.trustDomain: spec.trustDomain
          network: spec.clusterDefaults.network
          networks.network-east: metadata.name
          networks.network-east.discovery: spec.gatewayDiscovery
          networks.network-east.gateways[0]: spec.loadBalancer.addresses.eastWest
          networks.network-west: metadata.name
          networks.network-west.discovery: spec.gatewayDiscovery
          networks.network-west.gateways[0]: spec.loadBalancer.addresses.eastWest
          pools[0]: spec.loadBalancer.metallb.pools[0]
          remoteSecrets: spec.controlPlane
    ");
    let west = declared(&out, "west");
    assert_eq!(west["spec"]["controlPlane"]["address"], "10.1.0.21");
    assert_eq!(west["spec"]["networks"]["network-west"]["gateways"][0]["address"], "10.2.0.21");
    assert_eq!(west["spec"]["exceptions"][0]["code"], "MW2004");
}

#[test]
fn what_is_written_reads_back_as_what_is_judged() {
    for fleet in [fleet(INTENT), hosted()] {
        let out = render(&Declaration, &fleet);
        for (mesh, cluster) in fleet.clusters() {
            let mut read: MeshDeclaration =
                serde_json::from_value(declared(&out, cluster.name.as_str())).unwrap();
            assert!(!std::mem::take(&mut read.spec.provenance).is_empty());
            let judged = MeshFacts::new(&fleet, mesh).declare(cluster, false);
            assert_eq!(read, MeshDeclaration::new(judged));
        }
    }
}

/// Each observer is told what it dialled itself.
#[test]
fn addresses_before_a_change_are_those_of_the_observer() {
    let previous = "previous: {network: network-old, \
                    gateways: [{address: 10.2.0.28, port: 30443, addressFrom: {east: 172.16.0.28}}, {address: 10.2.0.21}]}";
    let text = INTENT.replace("previous: {network: network-old}", previous);
    let out = render(&Declaration, &fleet(&text));
    let entry = |cluster: &str| {
        let spec = declared(&out, cluster)["spec"].clone();
        (
            spec["networks"]["network-west"]["gateways"][0].clone(),
            spec["gateways"][0]["previousAddresses"].clone(),
        )
    };
    let (seen, own) = entry("east");
    assert_eq!(seen["address"], "172.16.0.21");
    assert_eq!(seen["previous"], json!([{"address": "172.16.0.28", "port": 30443}]));
    assert!(own.is_null());
    let (seen, own) = entry("west");
    assert_eq!(seen["address"], "10.2.0.21");
    assert_eq!(seen["previous"], json!([{"address": "10.2.0.28", "port": 30443}]));
    assert_eq!(own, json!(["10.2.0.28"]), "what did not change is not told");
}

/// Something that translates still does: a Service's earlier address was never dialled.
#[test]
fn the_earlier_address_of_a_service_behind_another_is_dialled_by_nobody() {
    let west = "loadBalancer: {addresses: {eastWest: 10.2.0.21}}\n";
    let gateways = "eastWestGateways: [{address: 10.2.0.21, publicAddress: 203.0.113.21}]\n";
    let text = INTENT.replace(west, gateways);
    let text =
        text.replace("previous: {network: network-old}", "previous: {gateways: [{address: 10.2.0.28}]}");
    let out = render(&Declaration, &fleet(&text));
    let spec = declared(&out, "west")["spec"].clone();
    assert_eq!(spec["networks"]["network-west"]["gateways"][0]["address"], "203.0.113.21");
    assert!(spec["networks"]["network-west"]["gateways"][0]["previous"].is_null());
    assert_eq!(spec["gateways"][0]["previousAddresses"], json!(["10.2.0.28"]));
}

#[test]
fn only_members_have_a_declaration() {
    let out = render(&Declaration, &hosted());
    let roots: Vec<String> = out.objects().keys().map(Root::directory).collect();
    assert_eq!(roots, [1, 2, 3].map(|n| format!("clusters/mdemo-cluster{n}/declaration")));
}

/// The declaration's values, as their fields in the intent.
fn sources(cluster: &str) -> BTreeMap<String, String> {
    let out = render(&Declaration, &fleet(INTENT));
    let read: MeshDeclaration = serde_json::from_value(declared(&out, cluster)).unwrap();
    read.spec.provenance.into_iter().flat_map(|source| source.fields).collect()
}

#[test]
fn a_value_of_a_shared_level_names_the_field_of_that_level() {
    let (east, west) = (sources("east"), sources("west"));
    assert_eq!(east["network"], "spec.clusterDefaults.network");
    assert_eq!(west["network"], "spec.network");
    assert_eq!(east["istio.version"], "spec.istio.version");
    assert_eq!(west["istio.profile"], "spec.clusterDefaults.istio.profile");
    assert_eq!(west["controlPlane.address"], "spec.loadBalancer.addresses.eastWest");
}

/// The paths of all values.
fn leaves(value: &Value, path: &FieldPath, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, &path.clone().key(key), found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| leaves(item, &path.clone().index(index), found));
        }
        _ => found.push(path.to_string()),
    }
}

#[test]
fn every_value_has_a_source() {
    let transition = INTENT.replace(
        "previous: {network: network-old}",
        "previous: {network: network-old, clusterID: west-old, gateways: [{layout: shared}]}",
    );
    let mut seen = 0;
    for fleet in [fleet(&transition), hosted()] {
        let out = render(&Declaration, &fleet);
        for (_, cluster) in fleet.clusters() {
            let read: MeshDeclaration =
                serde_json::from_value(declared(&out, cluster.name.as_str())).unwrap();
            let mut object = declared(&out, cluster.name.as_str())["spec"].clone();
            object.as_object_mut().unwrap().remove("provenance");
            let mut paths = Vec::new();
            leaves(&object, &FieldPath::root(), &mut paths);
            seen += paths.len();
            paths.retain(|path| read.spec.source(path).is_none());
            assert_eq!(paths, Vec::<String>::new(), "{}", cluster.name);
            assert_eq!(read.spec.source("nothing.of[3].it"), None);
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn moving_text_changes_nothing() {
    let moved = INTENT.replace("# A comment", "\n\n# another\n# A comment");
    let objects = |text: &str| {
        let out = render(&Declaration, &fleet(text));
        ["east", "west"].map(|cluster| declared(&out, cluster))
    };
    assert_eq!(objects(INTENT), objects(&moved));
}

#[test]
fn every_field_written_is_in_the_schema() {
    fn unknown(value: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let inner = match &schema["additionalProperties"] {
                        Value::Null => &schema["properties"][key],
                        values => values,
                    };
                    match inner {
                        Value::Null => found.push(format!("{path}.{key}")),
                        inner => unknown(value, inner, &format!("{path}.{key}"), found),
                    }
                }
            }
            Value::Array(items) => {
                items.iter().for_each(|item| unknown(item, &schema["items"], path, found));
            }
            _ => {}
        }
    }
    let schema = structural::schema_of::<DeclarationSpec>();
    let mut found = Vec::new();
    for fleet in [fleet(INTENT), hosted()] {
        for rendered in render(&Declaration, &fleet).objects().values().flatten() {
            let object = rendered.object.clone().into_json();
            unknown(&object["spec"], &schema, "spec", &mut found);
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
