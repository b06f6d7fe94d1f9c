//! The admission webhook, where the intent asks for enforcement.

use meshwright_policies::intent::Enforcement;
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::names::ObjectName;
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::helm::{Chart, Repository, deliver};
use crate::image::mirrored;
use crate::object::Object;

/// Name of the chart and of its release.
pub const NAME: &str = "meshwright-webhook";
/// The image that the chart takes unless its values name another.
const IMAGE: &str = "ghcr.io/meshwright/meshwright-webhook";

/// Delivers the chart `meshwright-webhook` with its namespace. Nothing of it is protected: without the webhook nothing is
/// refused, and nothing is lost.
#[derive(Debug)]
pub struct Webhook;

impl Artefact for Webhook {
    fn name(&self) -> &'static str {
        NAME
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(enforcement) = enforcement(cluster) else { return };
        if makes_namespace(cluster) {
            out.object(Root::Mesh(cluster.name.clone()), Wave::Namespace, namespace(enforcement));
        }
        deliver(out, mesh, cluster, &chart_of(mesh, cluster, enforcement));
    }
}

/// What is declared for a cluster that enforces.
#[must_use]
pub fn enforcement(cluster: &Cluster) -> Option<&Enforcement> {
    cluster.spec.enforcement.as_ref().filter(|enforcement| enforcement.enabled)
}

/// Whether the webhook's namespace is rendered with it: unless the cluster's `namespaces` list it.
#[must_use]
pub fn makes_namespace(cluster: &Cluster) -> bool {
    let listed = |name: &ObjectName| cluster.spec.namespaces.iter().any(|listed| listed.name == *name);
    enforcement(cluster).is_some_and(|enforcement| !listed(&enforcement.namespace))
}

/// The chart, where the cluster enforces.
#[must_use]
pub fn chart(mesh: &Mesh, cluster: &Cluster) -> Option<Chart> {
    enforcement(cluster).map(|enforcement| chart_of(mesh, cluster, enforcement))
}

fn chart_of(mesh: &Mesh, cluster: &Cluster, enforcement: &Enforcement) -> Chart {
    let version = enforcement.version.as_ref().map(ToString::to_string);
    Chart {
        release: NAME.to_owned(),
        chart: NAME.to_owned(),
        version: version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        repository: Repository { name: "meshwright".to_owned(), url: enforcement.chart_repository.clone() },
        namespace: enforcement.namespace.to_string(),
        values: values(mesh, cluster, enforcement),
        depends_on: Vec::new(),
        wave: Wave::Foundation,
        protected: false,
        skip_schema: false,
        // Its webhook configuration is made by the program itself, and no part of the chart.
        webhooks: false,
        conversion: false,
    }
}

/// What the intent knows, under what its `values` say.
fn values(mesh: &Mesh, cluster: &Cluster, enforcement: &Enforcement) -> Map<String, Value> {
    let mut values = Map::new();
    if mesh.spec.cluster_domain.as_str() != "cluster.local" {
        values.insert("clusterDomain".into(), mesh.spec.cluster_domain.as_str().into());
    }
    let image = mirrored(IMAGE, &cluster.spec.registry_mirrors);
    if image != IMAGE {
        values.insert("image".into(), json!({"repository": image}));
    }
    overlay(&mut values, &enforcement.values);
    values
}

/// Lays free values over ours, map by map.
fn overlay(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => overlay(under, over),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Its namespace, in which the webhook's pods need no privilege and no sidecar.
fn namespace(enforcement: &Enforcement) -> Object {
    let object = Object::new("v1", "Namespace", enforcement.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .label("istio-injection", "disabled");
    ["enforce", "audit", "warn"]
        .into_iter()
        .fold(object, |object, mode| object.label(format!("pod-security.kubernetes.io/{mode}"), "restricted"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fleet, render, yaml};
    use super::*;

    fn one(mesh: &str, cluster: &str) -> Output {
        let text = format!(
            "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: m}}\nspec:\n  istio: {{version: 1.30.0}}\n{mesh}---\n\
             apiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: n1}}\n---\n\
             apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: c1}}\nspec:\n  network: n1\n{cluster}"
        );
        render(&Webhook, &fleet(&text))
    }

    #[test]
    fn nothing_is_delivered_unless_it_is_asked_for() {
        assert!(one("", "").objects().is_empty());
        assert!(one("  enforcement: {}\n", "  enforcement: {enabled: false}\n").objects().is_empty());
    }

    #[test]
    fn flux_installs_the_chart() {
        let out = one(
            "  delivery: {flux: {}}\n  enforcement: {version: 0.3.0, values: {replicas: 3}}\n",
            "  registryMirrors: {ghcr.io: mirror.example}\n",
        );
        insta::assert_snapshot!(yaml(&out, "c1"), @"
        apiVersion: v1
        kind: Namespace
        metadata:
          name: meshwright-system
          labels:
            app.kubernetes.io/managed-by: meshwright
            istio-injection: disabled
            pod-security.kubernetes.io/enforce: restricted
            pod-security.kubernetes.io/audit: restricted
            pod-security.kubernetes.io/warn: restricted
        ---
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata:
          name: meshwright
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          type: oci
          interval: 60m
          url: oci://ghcr.io/meshwright/charts
        ---
        apiVersion: helm.toolkit.fluxcd.io/v2
        kind: HelmRelease
        metadata:
          name: meshwright-webhook
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          timeout: 10m
          releaseName: meshwright-webhook
          targetNamespace: meshwright-system
          storageNamespace: meshwright-system
          chart:
            spec:
              chart: meshwright-webhook
              version: 0.3.0
              sourceRef:
                kind: HelmRepository
                name: meshwright
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
            image:
              repository: mirror.example/meshwright/meshwright-webhook
            replicas: 3
        ");
    }

    #[test]
    fn argocd_installs_it_too() {
        let out = one(
            "  delivery: {argocd: {repoURL: \"https://git.example/mesh.git\"}}\n  clusterDomain: corp.example\n",
            "  enforcement: {version: 0.3.0, namespace: gate, values: {certificates: {mode: cert-manager}}}\n",
        );
        let objects = out.objects().get(&Root::Argocd).map_or(&[][..], Vec::as_slice);
        let text: Vec<String> =
            objects.iter().map(|one| serde_yaml::to_string(one.object.as_map()).unwrap()).collect();
        insta::assert_snapshot!(text.join("---\n"), @"
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata:
          name: c1-meshwright-webhook
          namespace: argocd
          labels:
            app.kubernetes.io/managed-by: meshwright
            meshwright.dev/mesh: m
            meshwright.dev/cluster: c1
          annotations:
            argocd.argoproj.io/sync-wave: '-3'
        spec:
          project: default
          source:
            repoURL: ghcr.io/meshwright/charts
            chart: meshwright-webhook
            targetRevision: 0.3.0
            helm:
              releaseName: meshwright-webhook
              valuesObject:
                clusterDomain: corp.example
                certificates:
                  mode: cert-manager
          destination:
            name: c1
            namespace: gate
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
        ");
    }

    #[test]
    fn without_an_agent_there_is_a_values_file() {
        let out = one("  enforcement: {values: {replicas: 1}}\n", "");
        let file = out.files().get("clusters/c1/helm/meshwright-webhook.yaml");
        assert_eq!(file.map(Vec::as_slice), Some(&b"replicas: 1\n"[..]));
    }
}
