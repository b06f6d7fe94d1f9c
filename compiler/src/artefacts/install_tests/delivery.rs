//! How charts reach a cluster.

use serde_json::json;

use super::*;

const HELM: &str = "version: \"1.26.8\", install: Helm";
const OCI: &str =
    "version: \"1.30.3\", install: Helm, chartRepository: \"oci://registry.istio.io/release/charts\"";

#[test]
fn flux_installs_in_order_from_one_source() {
    let out = Case { istio: HELM, delivery: FLUX, ..Case::default() }.render();
    let root = mesh_root("cluster1");
    let helm: Vec<String> =
        references(&out, &root).into_iter().filter(|name| name.starts_with("Helm")).collect();
    assert_eq!(
        helm,
        [
            "HelmRepository/flux-system/istio",
            "HelmRelease/flux-system/istio-base",
            "HelmRelease/flux-system/istiod",
            "HelmRelease/flux-system/istio-eastwestgateway",
        ]
    );
    let depends = |name: &str| {
        let release = object(&out, &root, &format!("HelmRelease/flux-system/{name}"));
        at(&release, "/spec/dependsOn").clone()
    };
    assert_eq!(depends("istio-base"), Value::Null);
    assert_eq!(depends("istiod"), json!([{"name": "istio-base"}]));
    assert_eq!(depends("istio-eastwestgateway"), json!([{"name": "istiod"}]));
}

#[test]
fn flux_elsewhere_keeps_its_objects_and_names_the_cluster() {
    let delivery = "flux: {kubeConfigSecret: kubeconfig}";
    let out = Case { istio: HELM, delivery, ..Case::default() }.render();
    let root = Root::Flux(ClusterName::new("cluster1").unwrap());
    let release = object(&out, &root, "HelmRelease/flux-system/cluster1-istiod");
    assert_eq!(at(&release, "/spec/kubeConfig/secretRef/name"), "kubeconfig");
    assert_eq!(at(&release, "/spec/releaseName"), "istiod");
    assert_eq!(at(&release, "/spec/dependsOn"), &json!([{"name": "cluster1-istio-base"}]));
    assert_eq!(at(&release, "/spec/chart/spec/sourceRef/name"), "cluster1-istio");
    object(&out, &root, "HelmRepository/flux-system/cluster1-istio");
    assert!(references(&out, &mesh_root("cluster1")).iter().all(|name| !name.starts_with("Helm")));
}

#[test]
fn argo_cd_gets_an_application_per_release_and_cluster() {
    let out = Case { istio: HELM, delivery: ARGOCD, ..Case::default() }.render();
    let names: Vec<String> = references(&out, &Root::Argocd)
        .into_iter()
        .filter(|name| name.starts_with("Application/argocd/cluster1-ist"))
        .collect();
    assert_eq!(
        names,
        [
            "Application/argocd/cluster1-istio-base",
            "Application/argocd/cluster1-istiod",
            "Application/argocd/cluster1-istio-eastwestgateway",
        ]
    );
    let waves: Vec<Value> = names
        .iter()
        .map(|name| {
            at(&object(&out, &Root::Argocd, name), "/metadata/annotations/argocd.argoproj.io~1sync-wave")
                .clone()
        })
        .collect();
    assert_eq!(waves, ["-3", "0", "5"]);
    insta::assert_snapshot!(to_yaml(&object(&out, &Root::Argocd, "Application/argocd/cluster1-istiod")), @r#"
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata:
      name: cluster1-istiod
      namespace: argocd
      labels:
        app.kubernetes.io/managed-by: meshwright
        meshwright.dev/mesh: mesh1
        meshwright.dev/cluster: cluster1
      annotations:
        argocd.argoproj.io/sync-wave: "0"
    spec:
      project: default
      source:
        repoURL: https://istio-release.storage.googleapis.com/charts
        chart: istiod
        targetRevision: 1.26.8
        helm:
          releaseName: istiod
          valuesObject:
            global:
              meshID: mesh1
              multiCluster:
                clusterName: cluster1
              network: network1
      destination:
        name: cluster1
        namespace: istio-system
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
        syncOptions:
        - ServerSideApply=true
        - RespectIgnoreDifferences=true
        retry:
          limit: 10
          backoff:
            duration: 10s
            factor: 2
            maxDuration: 3m
      ignoreDifferences:
      - group: admissionregistration.k8s.io
        kind: ValidatingWebhookConfiguration
        jqPathExpressions:
        - ".webhooks[]?.clientConfig.caBundle"
        - ".webhooks[]?.failurePolicy"
      - group: admissionregistration.k8s.io
        kind: MutatingWebhookConfiguration
        jqPathExpressions:
        - ".webhooks[]?.clientConfig.caBundle"
    "#);
}

#[test]
fn argo_cd_may_know_the_cluster_by_another_name() {
    let delivery =
        "argocd: {repoURL: \"https://git.example.com/mesh.git\", destinationName: prod-1, automated: false}";
    let out = Case { istio: HELM, delivery, ..Case::default() }.render();
    let application = object(&out, &Root::Argocd, "Application/argocd/cluster2-istiod");
    assert_eq!(
        at(&application, "/spec/destination"),
        &json!({"name": "prod-1", "namespace": "istio-system"})
    );
    assert_eq!(at(&application, "/spec/syncPolicy/automated"), &Value::Null);
}

#[test]
fn charts_come_from_a_registry_too() {
    let out = Case { istio: OCI, delivery: FLUX, ..Case::default() }.render();
    let source = object(&out, &mesh_root("cluster1"), "HelmRepository/flux-system/istio");
    assert_eq!(
        source["spec"],
        json!({"type": "oci", "interval": "60m", "url": "oci://registry.istio.io/release/charts"})
    );
    let out = Case { istio: OCI, delivery: ARGOCD, ..Case::default() }.render();
    let application = object(&out, &Root::Argocd, "Application/argocd/cluster1-istio-base");
    assert_eq!(at(&application, "/spec/source/repoURL"), "registry.istio.io/release/charts");
    assert_eq!(at(&application, "/spec/source/chart"), "base");
}

#[test]
fn without_an_agent_there_are_values_files() {
    let out = Case { istio: HELM, ..Case::default() }.render();
    let files: Vec<&str> = out
        .files()
        .keys()
        .map(String::as_str)
        .filter(|path| path.starts_with("clusters/cluster1/helm/"))
        .collect();
    assert_eq!(
        files,
        [
            "clusters/cluster1/helm/istio-base.yaml",
            "clusters/cluster1/helm/istio-eastwestgateway.yaml",
            "clusters/cluster1/helm/istiod.yaml",
        ]
    );
    let text = String::from_utf8(out.files()["clusters/cluster1/helm/istiod.yaml"].clone()).unwrap();
    insta::assert_snapshot!(text, @"
    global:
      meshID: mesh1
      multiCluster:
        clusterName: cluster1
      network: network1
    ");
}

#[test]
fn a_chart_whose_schema_refuses_its_own_values_is_not_held_to_it() {
    for (version, skipped) in [
        ("1.20.8", false),
        ("1.21.0", true),
        ("1.25.4", true),
        ("1.25.5", false),
        ("1.26", true),
        ("1.26.4", false),
        ("1.27.0", true),
        ("1.27.1", false),
        ("1.30.3", false),
    ] {
        let istio = format!("version: \"{version}\", install: Helm");
        let out = Case { istio: &istio, delivery: FLUX, ..Case::default() }.render();
        let release =
            |name: &str| object(&out, &mesh_root("cluster1"), &format!("HelmRelease/flux-system/{name}"));
        let said = if skipped { json!(true) } else { Value::Null };
        for action in ["/spec/install", "/spec/upgrade"] {
            let path = format!("{action}/disableSchemaValidation");
            assert_eq!(at(&release("istio-eastwestgateway"), &path), &said, "{version}");
            assert_eq!(at(&release("istiod"), &path), &Value::Null, "{version}");
        }
        let out = Case { istio: &istio, delivery: ARGOCD, ..Case::default() }.render();
        let gateway = object(&out, &Root::Argocd, "Application/argocd/cluster1-istio-eastwestgateway");
        assert_eq!(at(&gateway, "/spec/source/helm/skipSchemaValidation"), &said, "{version}");
    }
}

#[test]
fn a_version_without_a_patch_is_pinned() {
    let out = Case { istio: "version: \"1.26\", install: Helm", delivery: FLUX, ..Case::default() }.render();
    let release = object(&out, &mesh_root("cluster1"), "HelmRelease/flux-system/istiod");
    assert_eq!(at(&release, "/spec/chart/spec/version"), "1.26.0");
}

#[test]
fn what_partitions_the_mesh_when_lost_is_protected() {
    let case = Case { shape: PRIMARY_REMOTE, istio: HELM, delivery: FLUX, ..Case::default() };
    let out = case.render();
    for reference in [
        "Namespace/istio-system",
        "HelmRelease/flux-system/istio-base",
        "HelmRelease/flux-system/istiod",
        "HelmRelease/flux-system/istio-eastwestgateway",
        "Gateway/istio-system/cross-network-gateway",
        "Gateway/istio-system/istiod-gateway",
        "VirtualService/istio-system/istiod-vs",
    ] {
        assert!(rendered(&out, &mesh_root("cluster1"), reference).unwrap().protected, "{reference}");
    }
}
