//! East-west gateways: layouts, Services, addresses, discovery, and what opens them.

use serde_json::json;

use super::*;

fn operator_istio(version: &str) -> String {
    format!("version: \"{version}\", install: IstioOperator, appliedBy: istioctl")
}

/// The first gateway of `cluster1` by IstioOperator, and the values of its chart by Helm.
fn gateway(case: &Case<'_>) -> (Value, Value) {
    let istio = operator_istio("1.26.8");
    let operator = Case { istio: &istio, delivery: "none: {}", ..*case }.render();
    let operator = object(&operator, &istioctl_root("cluster1"), "IstioOperator/istio-system/eastwest");
    let istio = "version: \"1.26.8\", install: Helm";
    let mut helm = flux_values(&Case { istio, delivery: FLUX, ..*case }.render(), "cluster1");
    helm.retain(|(_, chart, _)| chart == "gateway");
    (at(&operator, "/spec/components/ingressGateways/0").clone(), helm.remove(0).2)
}

fn with_lines(cluster1: &str) -> (Value, Value) {
    gateway(&Case { cluster1, ..Case::default() })
}

/// `name port/target` of each port.
fn ports(service: &Value) -> Vec<String> {
    let item = |port: &Value| {
        let number = |key: &str| port[key].as_u64().unwrap();
        format!("{} {}/{}", port["name"].as_str().unwrap(), number("port"), number("targetPort"))
    };
    at(service, "/ports").as_array().unwrap().iter().map(item).collect()
}

#[test]
fn istiod_is_reachable_only_where_it_serves_remotes() {
    let (operator, chart) = with_lines("");
    for service in [at(&operator, "/k8s/service"), at(&chart, "/service")] {
        assert_eq!(ports(service), ["status-port 15021/15021", "tls 15443/15443"]);
    }
    assert_eq!(at(&chart, "/networkGateway"), &Value::Null);
    let out = Case { istio: "version: \"1.26.8\", install: Sail", ..Case::default() }.render();
    assert!(references(&out, &mesh_root("cluster1")).iter().all(|name| !name.contains("istiod-")));

    let (operator, chart) = gateway(&Case { shape: PRIMARY_REMOTE, ..Case::default() });
    assert_eq!(
        ports(at(&operator, "/k8s/service")),
        ["status-port 15021/15021", "tls 15443/15443", "tls-istiod 15012/15012", "tls-webhook 15017/15017"]
    );
    // The chart's own four ports.
    assert_eq!(
        chart,
        json!({
            "name": "istio-eastwestgateway", "networkGateway": "network1", "service": {"type": "LoadBalancer"},
        })
    );
}

#[test]
fn a_remotes_own_gateway_does_not_expose_istiod() {
    let istio = operator_istio("1.26.8");
    let out = Case { shape: PRIMARY_REMOTE, istio: &istio, ..Case::default() }.render();
    let eastwest = object(&out, &istioctl_root("cluster2"), "IstioOperator/istio-system/eastwest");
    let service = at(&eastwest, "/spec/components/ingressGateways/0/k8s/service");
    assert_eq!(ports(service), ["status-port 15021/15021", "tls 15443/15443"]);
    // One object in the primary configures the gateways of both.
    object(&out, &mesh_root("cluster1"), "Gateway/istio-system/cross-network-gateway");
    assert_eq!(references(&out, &mesh_root("cluster2")), ["Namespace/istio-system"]);
}

#[test]
fn one_network_still_exposes_istiod_to_its_remotes() {
    let out = Case {
        shape: PRIMARY_REMOTE,
        networks: ["network1"; 2],
        istio: "version: \"1.26.8\", install: Sail, revision: canary",
        delivery: FLUX,
        ..Case::default()
    };
    let out = out.render();
    let names = references(&out, &mesh_root("cluster1"));
    assert!(names.iter().any(|name| name == "Gateway/istio-system/istiod-gateway"));
    assert!(names.iter().all(|name| !name.contains("cross-network")));
    let service = object(&out, &mesh_root("cluster1"), "VirtualService/istio-system/istiod-vs-canary");
    assert_eq!(
        at(&service, "/spec/tls/1"),
        &json!({
            "match": [{
                "port": 15017,
                "sniHosts": ["istiod-canary.istio-system.svc", "istiod-canary.istio-system.svc.cluster.local"],
            }],
            "route": [{"destination": {"host": "istiod-canary.istio-system.svc.cluster.local", "port": {"number": 443}}}],
        })
    );
}

#[test]
fn a_gateway_has_one_source_of_its_address() {
    let network = "topology.istio.io/network";
    let (operator, chart) = with_lines("");
    assert_eq!(at(&operator, "/label")[network], "network1");
    assert_eq!(chart["labels"][network], "network1");

    for shape in ["multiPrimary: {}", PRIMARY_REMOTE] {
        let mesh = "  gatewayDiscovery: meshNetworks\n";
        let (operator, chart) = gateway(&Case { shape, mesh, ..Case::default() });
        assert_eq!(operator["label"], json!({"istio": "eastwestgateway", "app": "istio-eastwestgateway"}));
        assert_eq!((at(&chart, "/labels"), at(&chart, "/networkGateway")), (&Value::Null, &Value::Null));
        // It still looks at its own network only.
        assert_eq!(
            at(&operator, "/k8s/env"),
            &json!([{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "network1"}])
        );
        assert_eq!(at(&chart, "/env"), &json!({"ISTIO_META_REQUESTED_NETWORK_VIEW": "network1"}));
    }
}

#[test]
fn a_port_of_the_service_that_peers_dial_is_announced() {
    let (operator, chart) = with_lines("  eastWestGateways: [{port: 443}]\n");
    for (labels, service) in
        [(&operator["label"], at(&operator, "/k8s/service")), (&chart["labels"], &chart["service"])]
    {
        assert_eq!(labels["networking.istio.io/gatewayPort"], "443");
        assert_eq!(ports(service), ["status-port 15021/15021", "tls 443/15443"]);
    }
    // Behind a public address, the Service stays as it is.
    let (operator, _) = with_lines("  eastWestGateways: [{port: 31443, publicAddress: 203.0.113.7}]\n");
    assert_eq!(ports(at(&operator, "/k8s/service")), ["status-port 15021/15021", "tls 15443/15443"]);
    assert_eq!(at(&operator, "/label/networking.istio.io~1gatewayPort"), &Value::Null);
}

#[test]
fn a_shared_gateway_keeps_users_ports_and_their_targets_per_method() {
    let lines =
        "  eastWestGateways: [{layout: shared, networkView: all, extraPorts: [{name: tcp, port: 31400}]}]\n";
    let (operator, chart) = with_lines(lines);
    assert_eq!(
        (&operator["name"], &chart["name"]),
        (&json!("istio-ingressgateway"), &json!("istio-ingressgateway"))
    );
    assert_eq!(
        ports(at(&operator, "/k8s/service")),
        ["status-port 15021/15021", "http2 80/8080", "https 443/8443", "tcp 31400/31400", "tls 15443/15443"]
    );
    assert_eq!(
        ports(&chart["service"]),
        ["status-port 15021/15021", "http2 80/80", "https 443/443", "tcp 31400/31400", "tls 15443/15443"]
    );
    assert_eq!((at(&operator, "/k8s/env"), at(&chart, "/env")), (&Value::Null, &Value::Null));

    let istio = operator_istio("1.26.8");
    let out = Case { istio: &istio, cluster1: lines, ..Case::default() }.render();
    let control_plane = object(&out, &istioctl_root("cluster1"), "IstioOperator/istio-system/control-plane");
    // The control plane's profile must not bring a second one of the same name.
    assert_eq!(
        at(&control_plane, "/spec/components/ingressGateways"),
        &json!([{"name": "istio-ingressgateway", "enabled": false}])
    );
    let gateway = object(&out, &mesh_root("cluster1"), "Gateway/istio-system/cross-network-gateway");
    assert_eq!(at(&gateway, "/spec/selector"), &json!({"istio": "ingressgateway"}));
}

#[test]
fn several_gateways_each_have_their_selector() {
    let lines = "  eastWestGateways: [{name: istio-eastwestgateway}, {name: istio-backup, service: {type: NodePort}}]\n";
    let istio = operator_istio("1.26.8");
    let out = Case { shape: PRIMARY_REMOTE, istio: &istio, cluster1: lines, ..Case::default() }.render();
    let eastwest = object(&out, &istioctl_root("cluster1"), "IstioOperator/istio-system/eastwest");
    let gateways = at(&eastwest, "/spec/components/ingressGateways").as_array().unwrap();
    assert_eq!(gateways.len(), 2);
    // Remotes dial the first; the second does not open istiod.
    assert_eq!(ports(at(&gateways[0], "/k8s/service")).len(), 4);
    assert_eq!(ports(at(&gateways[1], "/k8s/service")).len(), 2);
    let root = mesh_root("cluster1");
    for (name, selector) in
        [("cross-network-gateway", "eastwestgateway"), ("cross-network-gateway-backup", "backup")]
    {
        let gateway = object(&out, &root, &format!("Gateway/istio-system/{name}"));
        assert_eq!(at(&gateway, "/spec/selector/istio"), selector);
    }
}

#[test]
fn node_ports_are_pinned_and_found_by_istiod() {
    let (operator, chart) = with_lines(
        "  eastWestGateways: [{port: 30443, address: 192.0.2.1, service: {type: NodePort, nodePorts: {tls: 30443}}}]\n",
    );
    for (service, annotations) in [
        (at(&operator, "/k8s/service"), at(&operator, "/k8s/serviceAnnotations")),
        (&chart["service"], at(&chart, "/service/annotations")),
    ] {
        assert_eq!(service["type"], "NodePort");
        assert_eq!(service["ports"][1]["nodePort"], 30443);
        assert_eq!(service["ports"][1]["port"], 15443);
        assert_eq!(service["loadBalancerIP"], Value::Null);
        assert_eq!(annotations, &json!({"traffic.istio.io/nodeSelector": "{}"}));
    }
}

#[test]
fn replicas_hold_against_the_autoscaler() {
    let (operator, chart) = with_lines("  eastWestGateways: [{replicas: 3}]\n");
    assert_eq!(at(&operator, "/k8s/replicaCount"), 3);
    assert_eq!(at(&operator, "/k8s/hpaSpec"), &json!({"minReplicas": 3, "maxReplicas": 3}));
    assert_eq!(at(&chart, "/replicaCount"), 3);
    assert_eq!(at(&chart, "/autoscaling"), &json!({"enabled": false}));
}

#[test]
fn metallb_pins_by_the_annotation_that_it_reads_and_never_twice() {
    let lines = |metallb: &str, more: &str| {
        format!(
            "  loadBalancer:\n    metallb: {{{metallb}pools: [{{name: other, addresses: [198.51.100.0/24]}}, \
             {{name: mesh, addresses: [192.0.2.10-192.0.2.20]}}]}}\n    addresses: {{eastWest: 192.0.2.11}}\n{more}"
        )
    };
    for (version, prefix) in [
        ("", "metallb.universe.tf"),
        ("version: \"0.13.12\", ", "metallb.universe.tf"),
        ("version: \"0.14.8\", ", "metallb.universe.tf"),
        ("version: \"0.14.9\", ", "metallb.io"),
        ("install: true, ", "metallb.io"),
    ] {
        let (operator, chart) = with_lines(&lines(version, ""));
        let expected = json!({
            format!("{prefix}/address-pool"): "mesh", format!("{prefix}/loadBalancerIPs"): "192.0.2.11",
        });
        assert_eq!(at(&operator, "/k8s/serviceAnnotations"), &expected, "{version}");
        assert_eq!(at(&chart, "/service/annotations"), &expected, "{version}");
        assert_eq!(at(&operator, "/k8s/service/loadBalancerIP"), &Value::Null);
        assert_eq!(at(&chart, "/service/loadBalancerIP"), &Value::Null);
    }
    // What a person pinned stays alone.
    let by_hand = "    annotations: {metallb.io/loadBalancerIPs: 192.0.2.12}\n";
    let (operator, _) = with_lines(&lines("version: \"0.15.2\", ", by_hand));
    assert_eq!(
        at(&operator, "/k8s/serviceAnnotations"),
        &json!({"metallb.io/loadBalancerIPs": "192.0.2.12"})
    );
    let (_, chart) = with_lines(&lines("version: \"0.15.2\", ", &format!("    provider: cloud\n{by_hand}")));
    assert_eq!(at(&chart, "/service/loadBalancerIP"), &Value::Null);
}

#[test]
fn metallb_writes_the_status_of_a_balancer_made_by_hand() {
    let (operator, chart) = with_lines(
        "  loadBalancer:\n    provider: manual\n    metallb: {version: \"0.14.8\", pools: [{name: nat, advertise: statusOnly, \
         addresses: [203.0.113.10/32]}]}\n    addresses: {eastWest: 203.0.113.10}\n",
    );
    let expected = json!({
        "metallb.universe.tf/address-pool": "nat", "metallb.universe.tf/loadBalancerIPs": "203.0.113.10",
    });
    assert_eq!(at(&operator, "/k8s/serviceAnnotations"), &expected);
    assert_eq!(at(&chart, "/service/annotations"), &expected);
    assert_eq!(at(&chart, "/service/loadBalancerIP"), &Value::Null);
}

#[test]
fn a_pool_that_gives_nothing_unasked_is_asked() {
    let lines = |auto: bool| {
        format!(
            "  loadBalancer: {{metallb: {{version: \"0.15.2\", pools: [{{name: mesh, autoAssign: {auto}, addresses: [192.0.2.0/24]}}]}}}}\n"
        )
    };
    let (operator, _) = with_lines(&lines(false));
    assert_eq!(at(&operator, "/k8s/serviceAnnotations"), &json!({"metallb.io/address-pool": "mesh"}));
    let (operator, _) = with_lines(&lines(true));
    assert_eq!(at(&operator, "/k8s/serviceAnnotations"), &Value::Null);
}

#[test]
fn a_cloud_balancer_takes_address_clients_class_and_annotations() {
    let (operator, chart) = with_lines(
        "  loadBalancer:\n    class: example.com/nlb\n    sourceRanges: [203.0.113.0/24]\n    \
         annotations: {example.com/scheme: internal}\n    addresses: {eastWest: 192.0.2.11}\n  \
         eastWestGateways: [{service: {externalTrafficPolicy: Local, annotations: {example.com/health: tcp}}}]\n",
    );
    let annotations = json!({"example.com/health": "tcp", "example.com/scheme": "internal"});
    assert_eq!(at(&operator, "/k8s/serviceAnnotations"), &annotations);
    assert_eq!(at(&chart, "/service/annotations"), &annotations);
    for service in [at(&operator, "/k8s/service"), &chart["service"]] {
        assert_eq!(service["loadBalancerIP"], "192.0.2.11");
        assert_eq!(service["loadBalancerClass"], "example.com/nlb");
        assert_eq!(service["loadBalancerSourceRanges"], json!(["203.0.113.0/24"]));
        assert_eq!(service["externalTrafficPolicy"], "Local");
    }
    for provider in ["manual", "none"] {
        let lines =
            format!("  loadBalancer: {{provider: {provider}, addresses: {{eastWest: 192.0.2.11}}}}\n");
        assert_eq!(at(&with_lines(&lines).1, "/service/loadBalancerIP"), &Value::Null);
    }
}

#[test]
fn the_gateways_api_is_one_that_the_version_serves() {
    for (version, api) in [("1.15.7", "v1beta1"), ("1.21.6", "v1beta1"), ("1.22.8", "v1"), ("1.30.3", "v1")] {
        let istio = operator_istio(version);
        let out = Case { shape: PRIMARY_REMOTE, istio: &istio, ..Case::default() }.render();
        for reference in
            ["Gateway/istio-system/cross-network-gateway", "VirtualService/istio-system/istiod-vs"]
        {
            let object = object(&out, &mesh_root("cluster1"), reference);
            assert_eq!(object["apiVersion"], format!("networking.istio.io/{api}"));
        }
    }
}

#[test]
fn the_cluster_domain_is_served() {
    let mesh = "  clusterDomain: mesh.internal\n";
    let istio = "version: \"1.26.8\", install: Sail";
    let out = Case { shape: PRIMARY_REMOTE, mesh, istio, ..Case::default() }.render();
    let root = mesh_root("cluster1");
    let gateway = object(&out, &root, "Gateway/istio-system/cross-network-gateway");
    assert_eq!(at(&gateway, "/spec/servers/0/hosts"), &json!(["*.internal"]));
    let route = object(&out, &root, "VirtualService/istio-system/istiod-vs");
    assert_eq!(at(&route, "/spec/tls/0/route/0/destination/host"), "istiod.istio-system.svc.mesh.internal");
    let sail = object(&out, &root, "Istio/default");
    assert_eq!(at(&sail, "/spec/values/global/proxy/clusterDomain"), "mesh.internal");
}

#[test]
fn another_namespace_and_a_revision_are_said_everywhere() {
    let istio = format!("{}, namespace: mesh-system, revision: canary", operator_istio("1.23.6"));
    let lines =
        "  namespaces: [{name: shop, injection: enabled}, {name: mesh-system, labels: {team: mesh}}]\n";
    let out = Case { istio: &istio, cluster1: lines, ..Case::default() }.render();
    for name in ["control-plane-canary", "eastwest"] {
        let object = object(&out, &istioctl_root("cluster1"), &format!("IstioOperator/mesh-system/{name}"));
        assert_eq!(at(&object, "/spec/namespace"), "mesh-system");
        assert_eq!(at(&object, "/spec/revision"), "canary");
        assert_eq!(at(&object, "/spec/values/global/istioNamespace"), "mesh-system");
    }
    let root = mesh_root("cluster1");
    let system = object(&out, &root, "Namespace/mesh-system");
    assert_eq!(at(&system, "/metadata/labels/team"), "mesh");
    assert_eq!(at(&system, "/metadata/labels/topology.istio.io~1network"), "network1");
    let shop = object(&out, &root, "Namespace/shop");
    assert_eq!(
        shop["metadata"]["labels"],
        json!({"app.kubernetes.io/managed-by": "meshwright", "istio.io/rev": "canary"})
    );

    let istio = "version: \"1.26.8\", install: Helm, namespace: mesh-system, revision: canary";
    let out = Case { istio, delivery: FLUX, ..Case::default() }.render();
    let releases = flux_values(&out, "cluster1");
    let names: Vec<_> = releases.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["istio-base", "istiod-canary", "istio-eastwestgateway"]);
    assert_eq!(
        releases[0].2,
        json!({"defaultRevision": "canary", "global": {"istioNamespace": "mesh-system"}})
    );
    assert_eq!(at(&releases[1].2, "/revision"), "canary");
    assert_eq!(at(&releases[2].2, "/revision"), "canary");
    let sail = Case { istio: "version: \"1.26.8\", install: Sail, revision: canary", ..Case::default() };
    object(&sail.render(), &mesh_root("cluster1"), "Istio/canary");
}
