//! The example repository: up to date, and what it renders for the two documented meshes.

use std::collections::BTreeMap;

use meshwright::graph::{GraphFormat, graph};
use meshwright::publish::{Options, plan};
use meshwright_tests::intent::{Intent, difference, files, files_below};
use meshwright_tests::objects::{object, objects};
use meshwright_tests::repository;
use serde_json::json;

#[test]
fn the_rendered_example_is_up_to_date() {
    let out = repository("example-repo/rendered");
    let expected = files(&Intent::example().build());
    let mut committed = files_below(&out);
    committed.retain(|path, _| !path.starts_with(".meshwright/"));
    let stale = difference(&expected, &committed);
    assert!(
        stale.is_empty(),
        "run `cargo run -p meshwright -- render example-repo -o example-repo/rendered` and commit the result:\n{}",
        stale.iter().take(20).map(|line| format!("{line}\n")).collect::<String>()
    );
    let changes = plan(&out, &Intent::example().build(), &Options::default()).unwrap();
    assert!(changes.is_up_to_date(), "the manifest is out of date");
}

#[test]
fn the_schemas_for_editors_are_up_to_date() {
    let there = std::fs::read_dir(repository("example-repo/.schema")).expect("no example-repo/.schema");
    let there: BTreeMap<String, String> = there
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let expected: BTreeMap<String, String> = meshwright::schema::files().into_iter().collect();
    assert!(
        there == expected,
        "run `cargo run -p meshwright -- schema --write example-repo/.schema` and commit the result"
    );
}

#[test]
fn the_page_of_policies_is_up_to_date() {
    let page = std::fs::read_to_string(repository("docs/policies.md")).expect("no docs/policies.md");
    assert!(
        page == meshwright::rules::page(),
        "run `cargo run -p meshwright -- policies --format markdown > docs/policies.md` and commit the result"
    );
}

#[test]
fn the_page_of_the_intent_is_up_to_date() {
    let page = std::fs::read_to_string(repository("docs/intent.md")).expect("no docs/intent.md");
    assert!(
        page == meshwright::schema::page(),
        "run `cargo run -p meshwright -- schema --markdown > docs/intent.md` and commit the result"
    );
}

#[test]
fn the_picture_of_the_readme_is_up_to_date() {
    let picture = std::fs::read_to_string(repository("docs/topology.svg")).expect("no docs/topology.svg");
    assert!(
        picture == graph(&Intent::example().load().fleet, GraphFormat::Svg),
        "run `cargo run -p meshwright -- graph example-repo --as svg > docs/topology.svg` and commit the result"
    );
}

/// The example has no error, whatever warnings its documents earn.
#[test]
fn the_example_has_no_error() {
    let intent = Intent::example();
    let loaded = intent.load();
    assert!(!loaded.findings.has_errors(), "{}", intent.human(&loaded.findings));
}

#[test]
fn mdemo_cluster2_is_on_its_network() {
    let tree = Intent::example().build();
    let namespace = object(&tree, "clusters/mdemo-cluster2", "Namespace/istio-system");
    assert_eq!(namespace["metadata"]["labels"]["topology.istio.io/network"], "network-c2");
}

#[test]
fn mdemo_cluster2_has_its_east_west_gateway() {
    let tree = Intent::example().build();
    let operator = object(&tree, "clusters/mdemo-cluster2", "IstioOperator/istio-system/eastwest");
    let gateways = operator["spec"]["components"]["ingressGateways"].as_array().unwrap();
    assert_eq!(gateways.len(), 1);
    let gateway = &gateways[0];
    assert_eq!(gateway["enabled"], true);
    let service = &gateway["k8s"]["service"];
    assert_eq!(service["type"], "LoadBalancer");
    assert_eq!(service["loadBalancerIP"], "10.6.136.29");
    let ports: Vec<_> = service["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (&p["name"], &p["port"], &p["targetPort"]))
        .collect();
    assert_eq!(
        ports,
        [
            (&json!("status-port"), &json!(15021), &json!(15021)),
            (&json!("tls"), &json!(15443), &json!(15443))
        ],
        "a health port comes first"
    );
    let view = json!({"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "network-c2"});
    assert!(gateway["k8s"]["env"].as_array().unwrap().contains(&view), "{gateway}");
    assert_eq!(gateway["label"]["istio"], "eastwestgateway");
    // The addresses come from meshNetworks: a Service with the label would be registered a second time.
    assert_eq!(gateway["label"].get("topology.istio.io/network"), None);
    let values = &operator["spec"]["values"];
    assert_eq!(
        values["gateways"]["istio-ingressgateway"]["injectionTemplate"], "gateway",
        "the key has a hyphen"
    );
    assert_eq!(values["global"]["network"], "network-c2");
    assert_eq!(values["global"]["multiCluster"]["clusterName"], "mdemo-cluster2");
    assert_eq!(values["global"]["meshID"], "mdemo-mesh");
}

#[test]
fn mspider_knows_the_network_of_each_cluster() {
    let tree = Intent::example().build();
    for (cluster, network) in
        [("mdemo-cluster1", "network-c1"), ("mdemo-cluster2", "network-c2"), ("mdemo-cluster3", "network-c3")]
    {
        let reference = format!("MeshCluster/mspider-system/{cluster}");
        let object = object(&tree, "clusters/kpanda-global-cluster", &reference);
        let params = &object["spec"]["meshedParams"][0]["params"];
        assert_eq!(params["istio.custom_params.values.global.network"], network);
        assert_eq!(params["global.meshID"], "mdemo-mesh");
    }
}

#[test]
fn the_global_mesh_knows_every_gateway_and_the_hosted_istiod() {
    let tree = Intent::example().build();
    let mesh = object(&tree, "clusters/kpanda-global-cluster", "GlobalMesh/mspider-system/mdemo-mesh");
    let params = &mesh["spec"]["ownerConfig"]["controlPlaneParams"];
    for (network, address) in
        [("network-c1", "10.64.30.73"), ("network-c2", "10.6.136.29"), ("network-c3", "10.64.30.77")]
    {
        let key = |field: &str| {
            format!("istio.custom_params.values.global.meshNetworks.{network}.gateways[0].{field}")
        };
        assert_eq!(params[key("address")], address);
        assert_eq!(params[key("port")], "15443");
    }
    assert_eq!(params["istio.custom_params.values.global.remotePilotAddress"], "10.64.30.71");
}

/// The hosted API server takes mesh resources, the workers everything else.
#[test]
fn each_object_of_the_hosted_mesh_has_its_own_api_server() {
    let tree = Intent::example().build();
    let gateways: Vec<String> = objects(&tree)
        .into_iter()
        .filter(|file| file.value["kind"] == "Gateway" && file.path.contains("/mdemo-"))
        .map(|file| file.path)
        .collect();
    assert!(!gateways.is_empty());
    assert!(gateways.iter().all(|path| path.starts_with("clusters/mdemo-mesh-hosted/mesh/")), "{gateways:?}");
    let global = objects(&tree)
        .into_iter()
        .filter(|file| file.path.starts_with("clusters/kpanda-global-cluster/mesh/"));
    let kinds: Vec<_> = global.map(|file| file.value["kind"].as_str().unwrap().to_owned()).collect();
    assert!(kinds.iter().all(|kind| kind == "GlobalMesh" || kind == "MeshCluster"), "{kinds:?}");
}

/// K-PaaS: one gateway for users and clusters, found by its label, on each of three clouds.
#[test]
fn the_shared_gateways_of_usmesh_are_found_by_label() {
    let tree = Intent::example().build();
    for (cluster, network) in [("kt-k2p", "network1"), ("ncloud-nks", "network2"), ("nhn-nks", "network3")] {
        let root = format!("clusters/{cluster}");
        let release = object(&tree, &root, "HelmRelease/flux-system/istio-ingressgateway");
        assert_eq!(release["spec"]["chart"]["spec"]["version"], "1.26.8");
        let values = &release["spec"]["values"];
        assert_eq!(
            values["networkGateway"].as_str().or(values["labels"]["topology.istio.io/network"].as_str()),
            Some(network)
        );
        let namespace = object(&tree, &root, "Namespace/istio-system");
        assert_eq!(namespace["metadata"]["labels"]["topology.istio.io/network"], network);
        let istiod = object(&tree, &root, "HelmRelease/flux-system/istiod");
        let global = &istiod["spec"]["values"]["global"];
        assert_eq!((&global["network"], &global["meshID"]), (&json!(network), &json!("usmesh")));
        assert_eq!(global.get("meshNetworks"), None, "addresses come from labels alone");
    }
}

/// Frankfurt reaches Seoul directly, Seoul reaches Frankfurt by its tunnel.
#[test]
fn gateway_addresses_of_atlas_depend_on_who_dials() {
    let tree = Intent::example().build();
    let flux = object(&tree, "clusters/frankfurt-1", "HelmRelease/flux-system/istiod");
    let sail = object(&tree, "clusters/seoul-1", "Istio/default");
    let addresses = |values: &serde_json::Value, network: &str| -> Vec<String> {
        let gateways = values["global"]["meshNetworks"][network]["gateways"].as_array().unwrap();
        gateways.iter().map(|gateway| gateway["address"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(addresses(&flux["spec"]["values"], "seoul"), ["10.82.1.10"]);
    assert_eq!(addresses(&flux["spec"]["values"], "frankfurt"), ["10.40.1.10", "10.40.1.11"]);
    assert_eq!(addresses(&sail["spec"]["values"], "frankfurt"), ["172.31.0.10", "172.31.0.11"]);
}
