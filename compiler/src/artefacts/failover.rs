//! Locality failover of services that span clusters: a `DestinationRule` each.

use meshwright_policies::intent::{ControlPlane, Failover as Declared};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::version::Minor;
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::object::Object;

/// Renders a `DestinationRule` per declared failover wherever an istiod reads its configuration: in every primary, or in
/// the hosted API server. The namespace is the service's own, where the rule holds for clients of every namespace
/// (istio.io, "Traffic management best practices"); it has to exist there.
///
/// Outlier detection is always on: without it Istio never leaves a locality
/// (istio/istio@1.30: `pilot/pkg/networking/core/loadbalancer/loadbalancer.go`).
pub(super) struct Failover;

impl Artefact for Failover {
    fn name(&self) -> &'static str {
        "failover"
    }

    fn render_mesh(&self, mesh: &Mesh, out: &mut Output) {
        for (root, reader) in readers(mesh) {
            for declared in &mesh.spec.failover {
                out.object(root.clone(), Wave::Traffic, rule(mesh, reader, declared));
            }
        }
    }
}

/// The API servers that an istiod reads its configuration from, each with the cluster whose Istio it is.
fn readers(mesh: &Mesh) -> Vec<(Root, &Cluster)> {
    match &mesh.spec.control_plane {
        ControlPlane::Hosted(hosted) => {
            let root = mesh.hosted_name().map(Root::Mesh);
            root.zip(mesh.clusters.get(&hosted.cluster)).into_iter().collect()
        }
        _ => mesh.primaries().map(|cluster| (Root::Mesh(cluster.name.clone()), cluster)).collect(),
    }
}

fn rule(mesh: &Mesh, reader: &Cluster, declared: &Declared) -> Object {
    let host = Host::of(mesh, declared);
    Object::new(
        api_version(reader.istio.version.minor()),
        "DestinationRule",
        format!("{}-failover", host.name),
    )
    .namespace(host.namespace.unwrap_or_else(|| reader.system_namespace().as_str()))
    .label("app.kubernetes.io/managed-by", "meshwright")
    .spec(json!({
        "host": host.full,
        "trafficPolicy": {
            "loadBalancer": {"localityLbSetting": locality(declared)},
            "outlierDetection": {
                "consecutive5xxErrors": declared.consecutive_5xx_errors,
                "interval": declared.interval,
                "baseEjectionTime": declared.base_ejection_time,
                "maxEjectionPercent": declared.max_ejection_percent,
            },
        },
    }))
}

fn locality(declared: &Declared) -> Value {
    let mut setting = Map::new();
    setting.insert("enabled".into(), true.into());
    if !declared.regions.is_empty() {
        let pairs = declared.regions.iter().map(|region| json!({"from": region.from, "to": region.to}));
        setting.insert("failover".into(), pairs.collect());
    }
    Value::Object(setting)
}

/// Served from Istio 1.22 on as v1 (istio/istio: `manifests/charts/base`, `crd-all.gen.yaml`).
fn api_version(istio: Minor) -> &'static str {
    if istio >= Minor(1, 22) { "networking.istio.io/v1" } else { "networking.istio.io/v1beta1" }
}

/// A service's host, taken apart.
struct Host<'a> {
    /// As Istio resolves it. A name with a dot is never completed by istiod, so `helloworld.sample` has to be here.
    full: String,
    /// The first label.
    name: &'a str,
    /// The namespace, for services of Kubernetes; rules of other hosts hold mesh-wide in the root namespace.
    namespace: Option<&'a str>,
}

impl<'a> Host<'a> {
    fn of(mesh: &Mesh, declared: &'a Declared) -> Host<'a> {
        let text = declared.host.as_str();
        let mut labels = text.split('.');
        let (name, namespace, kind) = (labels.next().unwrap_or(text), labels.next(), labels.next());
        let domain = mesh.spec.cluster_domain.as_str();
        match (kind, labels.next()) {
            (None, _) if namespace.is_some() => {
                Host { full: format!("{text}.svc.{domain}"), name, namespace }
            }
            (Some("svc"), None) => Host { full: format!("{text}.{domain}"), name, namespace },
            (Some("svc"), Some(_)) => Host { full: text.to_owned(), name, namespace },
            _ => Host { full: text.to_owned(), name, namespace: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fleet, hosted, render, yaml};
    use super::*;

    fn intent(version: &str, hosts: &[&str]) -> String {
        let failover: Vec<String> = hosts.iter().map(|host| format!("{{host: {host}}}")).collect();
        format!(
            r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: m}}
spec:
  istio: {{version: "{version}"}}
  controlPlane: {{primaryRemote: {{primaries: [a]}}}}
  failover: [{}]
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {{name: flat}}, spec: {{podConnectivity: routed}}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {{name: a}}, spec: {{network: flat, podCIDRs: [10.1.0.0/16], kubernetes: {{version: "1.30", apiServer: "https://10.0.0.1:6443"}}, loadBalancer: {{addresses: {{eastWest: 10.0.0.9}}}}}}}}
---
{{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {{name: b}}, spec: {{network: flat, podCIDRs: [10.2.0.0/16], kubernetes: {{version: "1.30", apiServer: "https://10.0.0.2:6443"}}}}}}
"#,
            failover.join(", ")
        )
    }

    #[test]
    fn the_hosted_api_server_gets_the_rule_with_region_pairs() {
        let mut fleet = hosted();
        for mesh in fleet.meshes.values_mut() {
            mesh.spec.failover = serde_json::from_value(json!([{
                "host": "helloworld.sample.svc.cluster.local",
                "regions": [{"from": "region1", "to": "region2"}],
                "consecutive5xxErrors": 1, "interval": "1s", "baseEjectionTime": "1m",
            }]))
            .unwrap();
        }
        let out = render(&Failover, &fleet);
        assert_eq!(out.objects().len(), 1);
        insta::assert_snapshot!(yaml(&out, "mdemo-mesh-hosted"), @"
        apiVersion: networking.istio.io/v1beta1
        kind: DestinationRule
        metadata:
          name: helloworld-failover
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          host: helloworld.sample.svc.cluster.local
          trafficPolicy:
            loadBalancer:
              localityLbSetting:
                enabled: true
                failover:
                - from: region1
                  to: region2
            outlierDetection:
              consecutive5xxErrors: 1
              interval: 1s
              baseEjectionTime: 1m
              maxEjectionPercent: 100
        ");
    }

    #[test]
    fn every_primary_and_no_remote_gets_the_rule() {
        let out = render(&Failover, &fleet(&intent("1.26.0", &["reviews.sample"])));
        assert_eq!(yaml(&out, "b"), "");
        insta::assert_snapshot!(yaml(&out, "a"), @"
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: reviews-failover
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          host: reviews.sample.svc.cluster.local
          trafficPolicy:
            loadBalancer:
              localityLbSetting:
                enabled: true
            outlierDetection:
              consecutive5xxErrors: 5
              interval: 30s
              baseEjectionTime: 30s
              maxEjectionPercent: 100
        ");
    }

    #[test]
    fn hosts_are_completed_as_istiod_would_not() {
        let hosts = ["a.b", "a.b.svc", "a.b.svc.cluster.local", "api.example.com"];
        let out = render(&Failover, &fleet(&intent("1.21.0", &hosts)));
        let found: Vec<String> = out
            .objects()
            .values()
            .flatten()
            .map(|rendered| {
                let host = rendered.object.as_map()["spec"]["host"].as_str().unwrap();
                format!("{} {} {host}", rendered.object.api_version(), rendered.object.reference())
            })
            .collect();
        let ours = "networking.istio.io/v1beta1 DestinationRule/b/a-failover a.b.svc.cluster.local";
        let other = "networking.istio.io/v1beta1 DestinationRule/istio-system/api-failover api.example.com";
        assert_eq!(found, [ours, ours, ours, other]);
    }
}
