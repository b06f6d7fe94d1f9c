//! Who an istiod is told to be, per shape and version.

use serde_json::json;

use super::*;

const EXPOSED: &str = "  loadBalancer: {provider: manual, addresses: {eastWest: 192.0.2.11}}\n";

/// The values of istiod of one cluster by each method: IstioOperator, Helm, Sail.
fn identities(case: &Case<'_>, version: &str, name: &str) -> [Value; 3] {
    let istio = |install: &str| format!("version: \"{version}\", install: {install}");
    let render = |install: &str, delivery| {
        Case { istio: &istio(install), delivery, ..Case { more: case.more, ..*case } }.render()
    };
    let operator = render("IstioOperator, appliedBy: istioctl", "none: {}");
    let operator = object(&operator, &istioctl_root(name), "IstioOperator/istio-system/control-plane");
    let helm = flux_values(&render("Helm", FLUX), name);
    let (_, _, helm) =
        helm.into_iter().find(|(_, chart, _)| chart == "istiod" || chart == "istiod-remote").unwrap();
    let sail = object(&render("Sail", "none: {}"), &mesh_root(name), "Istio/default");
    [at(&operator, "/spec/values").clone(), helm, at(&sail, "/spec/values").clone()]
}

#[test]
fn multi_primary_is_three_values_in_every_version_and_method() {
    let expected = json!({"global": {
        "meshID": "mesh1", "multiCluster": {"clusterName": "cluster2"}, "network": "network2",
    }});
    for version in ["1.15.7", "1.21.6", "1.22.8", "1.23.6", "1.24.6", "1.30.3", "1.31.0"] {
        for values in identities(&Case::default(), version, "cluster2") {
            assert_eq!(values, expected, "{version}");
        }
    }
}

#[test]
fn a_primary_with_remotes_is_told_so_by_variable_before_1_23() {
    let case = Case { shape: PRIMARY_REMOTE, cluster1: EXPOSED, ..Case::default() };
    for (version, env) in [("1.15.7", true), ("1.22.8", true), ("1.23.6", false), ("1.30.3", false)] {
        for values in identities(&case, version, "cluster1") {
            assert_eq!(at(&values, "/global/externalIstiod"), &json!(true), "{version}");
            let expected = if env { json!({"EXTERNAL_ISTIOD": "true"}) } else { Value::Null };
            assert_eq!(at(&values, "/pilot/env"), &expected, "{version}");
        }
    }
}

#[test]
fn a_remote_knows_its_injection_path_and_its_istiod() {
    let case = Case { shape: PRIMARY_REMOTE, cluster1: EXPOSED, ..Case::default() };
    for version in ["1.15.7", "1.16.7", "1.23.6", "1.24.6", "1.31.0"] {
        for values in identities(&case, version, "cluster2") {
            assert_eq!(at(&values, "/istiodRemote/injectionPath"), "/inject/cluster/cluster2/net/network2");
            assert_eq!(at(&values, "/global/remotePilotAddress"), "192.0.2.11");
            assert_eq!(at(&values, "/global/externalIstiod"), &Value::Null);
        }
    }
}

#[test]
fn a_planned_control_plane_address_is_what_remotes_dial() {
    let planned =
        "  loadBalancer: {provider: manual, addresses: {controlPlane: 192.0.2.9, eastWest: 192.0.2.11}}\n";
    let case = Case { shape: PRIMARY_REMOTE, cluster1: planned, ..Case::default() };
    for values in identities(&case, "1.26.8", "cluster2") {
        assert_eq!(at(&values, "/global/remotePilotAddress"), "192.0.2.9");
    }
}

#[test]
fn a_remotes_profile_is_that_of_its_version() {
    for (version, profile) in [("1.15.7", "external"), ("1.16.7", "remote"), ("1.30.3", "remote")] {
        let istio = format!("version: \"{version}\", install: IstioOperator, appliedBy: istioctl");
        let out = Case { shape: PRIMARY_REMOTE, istio: &istio, ..Case::default() }.render();
        let root = istioctl_root("cluster2");
        let operator = object(&out, &root, "IstioOperator/istio-system/control-plane");
        assert_eq!(at(&operator, "/spec/profile"), profile);
    }
    let out = Case { shape: PRIMARY_REMOTE, istio: "version: \"1.26.8\", install: Sail", ..Case::default() };
    let sail = object(&out.render(), &mesh_root("cluster2"), "Istio/default");
    assert_eq!(
        (at(&sail, "/spec/profile"), at(&sail, "/spec/version")),
        (&json!("remote"), &json!("v1.26.8"))
    );
}

#[test]
fn a_remotes_charts_changed_in_1_24() {
    let releases = |version: &str| {
        let istio = format!("version: \"{version}\", install: Helm");
        let case = Case { shape: PRIMARY_REMOTE, istio: &istio, delivery: FLUX, ..Case::default() };
        flux_values(&case.render(), "cluster2")
    };
    for version in ["1.15.7", "1.23.6"] {
        let releases = releases(version);
        let names: Vec<_> = releases.iter().map(|(_, chart, _)| chart.as_str()).collect();
        assert_eq!(names, ["istiod-remote", "gateway"]);
        let values = &releases[0].2;
        assert_eq!(at(values, "/global/configCluster"), &json!(true));
        assert_eq!(at(values, "/pilot/enabled"), &json!(false));
        assert_eq!(at(values, "/profile"), &Value::Null);
    }
    for version in ["1.24.6", "1.31.0"] {
        let releases = releases(version);
        let names: Vec<_> = releases.iter().map(|(_, chart, _)| chart.as_str()).collect();
        assert_eq!(names, ["base", "istiod", "gateway"]);
        assert_eq!(releases[0].2, json!({"profile": "remote"}));
        assert_eq!(at(&releases[1].2, "/profile"), "remote");
        assert_eq!(at(&releases[1].2, "/global/configCluster"), &json!(true));
        assert_eq!(at(&releases[1].2, "/pilot"), &Value::Null);
    }
}

#[test]
fn a_remotes_namespace_names_its_leader_by_cluster_id() {
    let cluster1 = "  clusterID: First\n";
    for (networks, label) in [(["network1", "network2"], json!("network2")), (["network1"; 2], Value::Null)] {
        let case = Case { shape: PRIMARY_REMOTE, cluster1, networks, ..Case::default() };
        let out = case.render();
        let namespace = object(&out, &mesh_root("cluster2"), "Namespace/istio-system");
        let annotations = at(&namespace, "/metadata/annotations");
        assert_eq!(annotations, &json!({"topology.istio.io/controlPlaneClusters": "First"}));
        assert_eq!(at(&namespace, "/metadata/labels/topology.istio.io~1network"), &label);
        let primary = object(&out, &mesh_root("cluster1"), "Namespace/istio-system");
        assert_eq!(at(&primary, "/metadata/annotations"), &Value::Null);
    }
}

#[test]
fn a_single_network_has_no_network_label_and_nothing_between_networks() {
    let out =
        Case { networks: ["network1"; 2], istio: "version: \"1.26.8\", install: Sail", ..Case::default() };
    let out = out.render();
    assert_eq!(references(&out, &mesh_root("cluster1")), ["Namespace/istio-system", "Istio/default"]);
    let namespace = object(&out, &mesh_root("cluster1"), "Namespace/istio-system");
    assert_eq!(at(&namespace, "/metadata/labels"), &json!({"app.kubernetes.io/managed-by": "meshwright"}));
}

#[test]
fn mesh_networks_are_what_each_observer_dials() {
    let cluster = "  loadBalancer: {provider: manual, addresses: {eastWest: 192.0.2.11}}\n";
    let text = Case {
        mesh: "  gatewayDiscovery: meshNetworks\n",
        cluster1: cluster,
        cluster2: "  loadBalancer: {provider: manual, addresses: {eastWest: 192.0.2.22}}\n",
        ..Case::default()
    };
    let expected = |address: &str, port: u32| {
        json!({
            "network1": {"gateways": [{"address": "192.0.2.11", "port": 15443}]},
            "network2": {"gateways": [{"address": address, "port": port}]},
        })
    };
    for values in identities(&text, "1.26.8", "cluster1") {
        assert_eq!(at(&values, "/global/meshNetworks"), &expected("192.0.2.22", 15443));
    }
    let intent = text.intent().replace(
        "metadata: {name: network2}\n",
        "metadata: {name: network2}\nspec: {gateways: [{cluster: cluster2, port: 31443, addressFrom: {cluster1: 10.8.0.2}}]}\n",
    );
    let intent = intent.replace("version: \"1.26.8\"", "version: \"1.26.8\", install: Sail");
    let out = compile::render(&compile::load_text(&intent).fleet);
    for (name, address) in [("cluster1", "10.8.0.2"), ("cluster2", "192.0.2.22")] {
        let sail = object(&out, &mesh_root(name), "Istio/default");
        assert_eq!(at(&sail, "/spec/values/global/meshNetworks"), &expected(address, 31443), "{name}");
    }
}

#[test]
fn what_the_intent_adds_freely_lies_below_what_it_declares() {
    let mesh = "  trustDomain: mesh.example\n  trustDomainAliases: [cluster.local]\n";
    let more = "values: {global: {network: other, logAsJson: true}, pilot: {autoscaleMin: 2}, meshConfig: {ingressService: a}}, \
        meshConfig: {trustDomain: other, enablePrometheusMerge: false}";
    let identity = json!({
        "global": {
            "meshID": "mesh1", "multiCluster": {"clusterName": "cluster1"}, "network": "network1", "logAsJson": true,
        },
        "pilot": {"autoscaleMin": 2},
    });
    let config = json!({
        "trustDomain": "mesh.example", "trustDomainAliases": ["cluster.local"], "enablePrometheusMerge": false,
    });
    let istio = format!("version: \"1.26.8\", install: IstioOperator, appliedBy: istioctl, {more}");
    let out = Case { istio: &istio, mesh, ..Case::default() }.render();
    let operator = object(&out, &istioctl_root("cluster1"), "IstioOperator/istio-system/control-plane");
    assert_eq!(at(&operator, "/spec/meshConfig"), &config);
    assert_eq!(at(&operator, "/spec/values/global"), &identity["global"]);
    let istio = format!("version: \"1.26.8\", install: Sail, {more}");
    let sail = object(
        &Case { istio: &istio, mesh, ..Case::default() }.render(),
        &mesh_root("cluster1"),
        "Istio/default",
    );
    let mut values = identity;
    values["meshConfig"] = config;
    values["meshConfig"]["ingressService"] = "a".into();
    assert_eq!(at(&sail, "/spec/values"), &values);
}

#[test]
fn the_cni_agent_comes_with_the_key_that_the_version_reads() {
    for (version, key) in [("1.21.6", "/istio_cni/enabled"), ("1.22.8", "/pilot/cni/enabled")] {
        let istio = format!("version: \"{version}\", install: Helm, cni: true");
        let releases =
            flux_values(&Case { istio: &istio, delivery: FLUX, ..Case::default() }.render(), "cluster1");
        let names: Vec<_> = releases.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["istio-base", "istio-cni", "istiod", "istio-eastwestgateway"]);
        assert_eq!(at(&releases[2].2, key), &json!(true));
    }
    let out = Case { istio: "version: \"1.26.8\", install: Sail, cni: true", ..Case::default() }.render();
    let cni = object(&out, &mesh_root("cluster1"), "IstioCNI/default");
    assert_eq!(cni["spec"], json!({"version": "v1.26.8", "namespace": "istio-cni"}));
    object(&out, &mesh_root("cluster1"), "Namespace/istio-cni");
}

#[test]
fn profiles_are_written_as_each_method_knows_them() {
    for (version, profile, expected) in [
        ("1.26.8", "demo", json!({"profile": "demo"})),
        ("1.26.8", "minimal", json!({})),
        ("1.20.8", "demo", json!({})),
        ("1.23.6", "openshift", json!({"profile": "openshift"})),
    ] {
        let istio = format!("version: \"{version}\", install: Helm, cni: true, profile: {profile}");
        let releases =
            flux_values(&Case { istio: &istio, delivery: FLUX, ..Case::default() }.render(), "cluster1");
        let cni = releases[1].2.as_object().cloned().unwrap_or_default();
        assert_eq!(Value::Object(cni), expected, "{version} {profile}");
        assert_eq!(at(&releases[2].2, "/profile"), at(&expected, "/profile"), "{version} {profile}");
    }
    let istio = "version: \"1.26.8\", install: Helm, profile: openshift";
    let releases = flux_values(&Case { istio, delivery: FLUX, ..Case::default() }.render(), "cluster1");
    assert_eq!(at(&releases[1].2, "/global/platform"), "openshift");
}
