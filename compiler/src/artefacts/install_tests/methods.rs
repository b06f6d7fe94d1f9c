//! One small mesh by every install method, whole; and the hosted one.

use super::super::testing::hosted;
use super::*;

const METALLB: &str = "  loadBalancer:\n    metallb: {version: \"0.15.2\", pools: [{name: mesh, addresses: [192.0.2.10-192.0.2.20]}]}\n    \
    addresses: {eastWest: 192.0.2.11}\n";

fn by(install: &str, delivery: &str) -> Output {
    let istio = format!("version: \"1.26.8\", install: {install}");
    Case { istio: &istio, delivery, cluster1: METALLB, ..Case::default() }.render()
}

#[test]
fn by_istio_operator() {
    let out = by("IstioOperator, appliedBy: istioctl", "none: {}");
    let root = istioctl_root("cluster1");
    insta::assert_snapshot!(text(&out, &root, "istio-operator"), @"
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata:
      name: control-plane
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      tag: 1.26.8
      values:
        global:
          meshID: mesh1
          multiCluster:
            clusterName: cluster1
          network: network1
    ");
    insta::assert_snapshot!(text(&out, &root, "east-west-gateway"), @"
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata:
      name: eastwest
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      profile: empty
      tag: 1.26.8
      components:
        ingressGateways:
        - name: istio-eastwestgateway
          enabled: true
          label:
            istio: eastwestgateway
            app: istio-eastwestgateway
            topology.istio.io/network: network1
          k8s:
            env:
            - name: ISTIO_META_REQUESTED_NETWORK_VIEW
              value: network1
            serviceAnnotations:
              metallb.io/address-pool: mesh
              metallb.io/loadBalancerIPs: 192.0.2.11
            service:
              type: LoadBalancer
              ports:
              - name: status-port
                port: 15021
                targetPort: 15021
                protocol: TCP
              - name: tls
                port: 15443
                targetPort: 15443
                protocol: TCP
      values:
        gateways:
          istio-ingressgateway:
            injectionTemplate: gateway
        global:
          meshID: mesh1
          multiCluster:
            clusterName: cluster1
          network: network1
    ");
    let root = mesh_root("cluster1");
    insta::assert_snapshot!(text(&out, &root, "namespace"), @"
    apiVersion: v1
    kind: Namespace
    metadata:
      name: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
        topology.istio.io/network: network1
    ");
    insta::assert_snapshot!(text(&out, &root, "cross-network-gateway"), @r#"
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata:
      name: cross-network-gateway
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      selector:
        istio: eastwestgateway
      servers:
      - port:
          number: 15443
          name: tls
          protocol: TLS
        tls:
          mode: AUTO_PASSTHROUGH
        hosts:
        - "*.local"
    "#);
}

#[test]
fn by_helm_and_flux() {
    let out = by("Helm", FLUX);
    let root = mesh_root("cluster1");
    insta::assert_snapshot!(text(&out, &root, "helm-control-plane"), @"
    apiVersion: source.toolkit.fluxcd.io/v1
    kind: HelmRepository
    metadata:
      name: istio
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      interval: 60m
      url: https://istio-release.storage.googleapis.com/charts
    ---
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata:
      name: istio-base
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      interval: 60m
      timeout: 10m
      releaseName: istio-base
      targetNamespace: istio-system
      storageNamespace: istio-system
      chart:
        spec:
          chart: base
          version: 1.26.8
          sourceRef:
            kind: HelmRepository
            name: istio
      install:
        crds: CreateReplace
        remediation:
          retries: -1
      upgrade:
        crds: CreateReplace
        remediation:
          retries: 3
          remediateLastFailure: true
      driftDetection:
        mode: enabled
        ignore:
        - paths:
          - /webhooks/0/clientConfig/caBundle
          - /webhooks/0/failurePolicy
          target:
            kind: ValidatingWebhookConfiguration
        - paths:
          - /webhooks/0/clientConfig/caBundle
          - /webhooks/1/clientConfig/caBundle
          - /webhooks/2/clientConfig/caBundle
          - /webhooks/3/clientConfig/caBundle
          target:
            kind: MutatingWebhookConfiguration
    ---
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata:
      name: istiod
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      interval: 60m
      timeout: 10m
      releaseName: istiod
      targetNamespace: istio-system
      storageNamespace: istio-system
      dependsOn:
      - name: istio-base
      chart:
        spec:
          chart: istiod
          version: 1.26.8
          sourceRef:
            kind: HelmRepository
            name: istio
      install:
        crds: CreateReplace
        remediation:
          retries: -1
      upgrade:
        crds: CreateReplace
        remediation:
          retries: 3
          remediateLastFailure: true
      driftDetection:
        mode: enabled
        ignore:
        - paths:
          - /webhooks/0/clientConfig/caBundle
          - /webhooks/0/failurePolicy
          target:
            kind: ValidatingWebhookConfiguration
        - paths:
          - /webhooks/0/clientConfig/caBundle
          - /webhooks/1/clientConfig/caBundle
          - /webhooks/2/clientConfig/caBundle
          - /webhooks/3/clientConfig/caBundle
          target:
            kind: MutatingWebhookConfiguration
      values:
        global:
          meshID: mesh1
          multiCluster:
            clusterName: cluster1
          network: network1
    ");
    insta::assert_snapshot!(text(&out, &root, "east-west-gateway"), @"
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata:
      name: istio-eastwestgateway
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      interval: 60m
      timeout: 10m
      releaseName: istio-eastwestgateway
      targetNamespace: istio-system
      storageNamespace: istio-system
      dependsOn:
      - name: istiod
      chart:
        spec:
          chart: gateway
          version: 1.26.8
          sourceRef:
            kind: HelmRepository
            name: istio
      install:
        crds: CreateReplace
        remediation:
          retries: -1
      upgrade:
        crds: CreateReplace
        remediation:
          retries: 3
          remediateLastFailure: true
      driftDetection:
        mode: enabled
      values:
        name: istio-eastwestgateway
        labels:
          topology.istio.io/network: network1
        env:
          ISTIO_META_REQUESTED_NETWORK_VIEW: network1
        service:
          type: LoadBalancer
          annotations:
            metallb.io/address-pool: mesh
            metallb.io/loadBalancerIPs: 192.0.2.11
          ports:
          - name: status-port
            port: 15021
            targetPort: 15021
            protocol: TCP
          - name: tls
            port: 15443
            targetPort: 15443
            protocol: TCP
    ");
}

#[test]
fn by_sail() {
    insta::assert_snapshot!(text(&by("Sail", FLUX), &mesh_root("cluster1"), "sail"), @"
    apiVersion: sailoperator.io/v1
    kind: Istio
    metadata:
      name: default
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      version: v1.26.8
      namespace: istio-system
      values:
        global:
          meshID: mesh1
          multiCluster:
            clusterName: cluster1
          network: network1
    ");
}

#[test]
fn an_exposed_istiod() {
    let istio = "version: \"1.26.8\", install: Sail";
    let out = Case { shape: PRIMARY_REMOTE, istio, cluster1: METALLB, ..Case::default() }.render();
    insta::assert_snapshot!(text(&out, &mesh_root("cluster1"), "expose-istiod"), @r#"
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata:
      name: istiod-gateway
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      selector:
        istio: eastwestgateway
      servers:
      - port:
          number: 15012
          name: tls-istiod
          protocol: TLS
        tls:
          mode: PASSTHROUGH
        hosts:
        - "*"
      - port:
          number: 15017
          name: tls-istiodwebhook
          protocol: TLS
        tls:
          mode: PASSTHROUGH
        hosts:
        - "*"
    ---
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata:
      name: istiod-vs
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      hosts:
      - "*"
      gateways:
      - istiod-gateway
      tls:
      - match:
        - port: 15012
          sniHosts:
          - "*"
        route:
        - destination:
            host: istiod.istio-system.svc.cluster.local
            port:
              number: 15012
      - match:
        - port: 15017
          sniHosts:
          - "*"
        route:
        - destination:
            host: istiod.istio-system.svc.cluster.local
            port:
              number: 443
    "#);
}

#[test]
fn a_hosted_mesh_has_gateways_and_no_control_plane() {
    let out = compile::render(&hosted());
    let root = mesh_root("mdemo-cluster2");
    assert_eq!(text(&out, &root, "istio-operator"), "");
    insta::assert_snapshot!(text(&out, &root, "east-west-gateway"), @"
    apiVersion: install.istio.io/v1alpha1
    kind: IstioOperator
    metadata:
      name: eastwest
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      profile: empty
      hub: release-ci.daocloud.io/mspider
      tag: 1.15.3-mspider
      components:
        ingressGateways:
        - name: istio-eastwestgateway
          enabled: true
          label:
            istio: eastwestgateway
            app: istio-eastwestgateway
          k8s:
            env:
            - name: ISTIO_META_REQUESTED_NETWORK_VIEW
              value: network-c2
            service:
              type: LoadBalancer
              loadBalancerIP: 10.6.136.29
              ports:
              - name: status-port
                port: 15021
                targetPort: 15021
                protocol: TCP
              - name: tls
                port: 15443
                targetPort: 15443
                protocol: TCP
      values:
        gateways:
          istio-ingressgateway:
            injectionTemplate: gateway
        global:
          meshID: mdemo-mesh
          multiCluster:
            clusterName: mdemo-cluster2
          network: network-c2
    ");
    let namespace = object(&out, &root, "Namespace/istio-system");
    assert_eq!(at(&namespace, "/metadata/labels/topology.istio.io~1network"), "network-c2");
    // Configuration is read from the hosted API server, not from the workers.
    assert_eq!(text(&out, &root, "cross-network-gateway"), "");
    insta::assert_snapshot!(text(&out, &mesh_root("mdemo-mesh-hosted"), "cross-network-gateway"), @r#"
    apiVersion: networking.istio.io/v1beta1
    kind: Gateway
    metadata:
      name: cross-network-gateway
      namespace: istio-system
      labels:
        app.kubernetes.io/managed-by: meshwright
    spec:
      selector:
        istio: eastwestgateway
      servers:
      - port:
          number: 15443
          name: tls
          protocol: TLS
        tls:
          mode: AUTO_PASSTHROUGH
        hosts:
        - "*.local"
    "#);
}
