//! Sample applications that show whether the clusters of a mesh reach each other: Istio's helloworld, Bookinfo's reviews,
//! and sleep to ask from.

mod helloworld;
mod reviews;
mod sleep;

use meshwright_policies::intent::{SampleVersion, Samples as Declared};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::version::Minor;
use serde_json::{Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::image::mirrored;
use crate::object::Object;

/// Renders the sample namespace and the declared samples of a cluster.
///
/// A Service of a sample that runs in any cluster of the mesh is rendered, the same, in every cluster that declares
/// `samples` with that namespace: a client resolves the name in its own cluster, and Istio's verification guide creates
/// the Service everywhere for that reason. `samples: {}` is enough for a cluster that only asks.
pub(super) struct Samples;

impl Artefact for Samples {
    fn name(&self) -> &'static str {
        "samples"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(declared) = &cluster.spec.samples else { return };
        let root = Root::Mesh(cluster.name.clone());
        // A namespace that the intent lists is rendered from there, with its labels.
        if !cluster.spec.namespaces.iter().any(|namespace| namespace.name == declared.namespace) {
            out.object(root.clone(), Wave::Namespace, namespace(cluster, declared));
        }
        let sample = Sample { mesh, cluster, declared };
        let objects = [helloworld::objects(&sample), reviews::objects(&sample), sleep::objects(&sample)];
        for object in objects.into_iter().flatten() {
            out.object(root.clone(), Wave::Traffic, object);
        }
    }
}

fn namespace(cluster: &Cluster, declared: &Declared) -> Object {
    let object = Object::new("v1", "Namespace", declared.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright");
    match &cluster.istio.revision {
        Some(revision) => object.label("istio.io/rev", revision.as_str()),
        None => object.label("istio-injection", "enabled"),
    }
}

/// What a sample is rendered from.
struct Sample<'a> {
    mesh: &'a Mesh,
    cluster: &'a Cluster,
    declared: &'a Declared,
}

impl Sample<'_> {
    /// An object in the sample namespace.
    fn object(&self, api_version: &str, kind: &str, name: impl Into<String>) -> Object {
        Object::new(api_version, kind, name)
            .namespace(self.declared.namespace.as_str())
            .label("app.kubernetes.io/managed-by", "meshwright")
    }

    /// Whether a sample runs in any cluster of the mesh, in this namespace.
    fn runs_somewhere(&self, which: fn(&Declared) -> Option<&SampleVersion>) -> bool {
        let all = self.mesh.clusters.values().filter_map(|cluster| cluster.spec.samples.as_ref());
        all.filter(|samples| samples.namespace == self.declared.namespace)
            .any(|samples| which(samples).is_some())
    }

    /// A Service with one HTTP port: name, labels and selector by `app`.
    fn service(&self, app: &str, port: u16, target_port: u16) -> Object {
        self.object("v1", "Service", app).label("app", app).label("service", app).spec(json!({
            "ports": [{"name": "http", "port": port, "targetPort": target_port}],
            "selector": {"app": app},
        }))
    }

    /// A Deployment of one pod whose labels select it.
    fn deployment(&self, name: &str, labels: &[(&str, &str)], pod: Value) -> Object {
        let object =
            labels.iter().fold(self.object("apps/v1", "Deployment", name), |object, (key, value)| {
                object.label(*key, *value)
            });
        let labels: Value = labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        object.spec(json!({
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }))
    }

    /// The declared image, or the sample's own, from the cluster's mirror.
    fn image(&self, declared: Option<&String>, default: impl FnOnce(Minor) -> String) -> String {
        let image = declared.cloned().unwrap_or_else(|| default(self.cluster.istio.version.minor()));
        mirrored(&image, &self.cluster.spec.registry_mirrors)
    }
}

#[cfg(test)]
mod tests {
    use meshwright_policies::mesh::Fleet;
    use meshwright_policies::names::ClusterName;

    use super::super::testing::{hosted_with, render, yaml};
    use super::*;

    /// The hosted mesh with the samples of each of its clusters.
    fn with_samples(defaults: &str, samples: [Value; 3]) -> Fleet {
        let mut fleet = hosted_with("", defaults);
        let clusters = fleet.meshes.values_mut().flat_map(|mesh| mesh.clusters.values_mut());
        for (cluster, samples) in clusters.zip(samples) {
            cluster.spec.samples = serde_json::from_value(samples).unwrap();
        }
        fleet
    }

    fn hello(version: &str) -> Value {
        json!({"helloworld": {"version": version}, "sleep": {}})
    }

    fn images(fleet: &Fleet) -> Vec<String> {
        let out = render(&Samples, fleet);
        let objects = out.objects().values().flatten().map(|rendered| rendered.object.as_map());
        let image = |object: &serde_json::Map<String, Value>| {
            object.get("spec")?.pointer("/template/spec/containers/0/image")?.as_str().map(str::to_owned)
        };
        objects.filter_map(image).collect()
    }

    fn at(fleet: &mut Fleet, version: &str) {
        for cluster in fleet.meshes.values_mut().flat_map(|mesh| mesh.clusters.values_mut()) {
            cluster.istio.version = version.parse().unwrap();
        }
    }

    #[test]
    fn helloworld_and_sleep_from_the_mirror() {
        let mirror = ", registryMirrors: {docker.io: docker.m.daocloud.io}";
        let fleet = with_samples(mirror, [hello("vc1"), hello("vc2"), hello("vc3")]);
        insta::assert_snapshot!(yaml(&render(&Samples, &fleet), "mdemo-cluster1"), @"
        apiVersion: v1
        kind: Namespace
        metadata:
          name: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            istio-injection: enabled
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: helloworld
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: helloworld
            service: helloworld
        spec:
          ports:
          - name: http
            port: 5000
            targetPort: 5000
          selector:
            app: helloworld
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: helloworld-vc1
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: helloworld
            version: vc1
        spec:
          replicas: 1
          selector:
            matchLabels:
              app: helloworld
              version: vc1
          template:
            metadata:
              labels:
                app: helloworld
                version: vc1
            spec:
              containers:
              - name: helloworld
                image: docker.m.daocloud.io/istio/examples-helloworld-v1
                imagePullPolicy: IfNotPresent
                env:
                - name: SERVICE_VERSION
                  value: vc1
                resources:
                  requests:
                    cpu: 100m
                ports:
                - containerPort: 5000
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: sleep
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: sleep
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: sleep
            service: sleep
        spec:
          ports:
          - name: http
            port: 80
            targetPort: 80
          selector:
            app: sleep
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: sleep
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: sleep
        spec:
          replicas: 1
          selector:
            matchLabels:
              app: sleep
          template:
            metadata:
              labels:
                app: sleep
            spec:
              terminationGracePeriodSeconds: 0
              serviceAccountName: sleep
              containers:
              - name: sleep
                image: docker.m.daocloud.io/curlimages/curl:8.16.0
                imagePullPolicy: IfNotPresent
                command:
                - /bin/sleep
                - infinity
        ");
    }

    #[test]
    fn reviews_answers_with_its_cluster() {
        let reviews = |version| json!({"reviews": {"version": version}});
        let mut fleet = with_samples("", [reviews("v1"), reviews("v2"), reviews("v3")]);
        at(&mut fleet, "1.26.0");
        insta::assert_snapshot!(yaml(&render(&Samples, &fleet), "mdemo-cluster3"), @"
        apiVersion: v1
        kind: Namespace
        metadata:
          name: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            istio-injection: enabled
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: reviews
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: reviews
            service: reviews
        spec:
          ports:
          - name: http
            port: 9080
            targetPort: 9080
          selector:
            app: reviews
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: bookinfo-reviews
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            account: reviews
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: reviews-v3
          namespace: sample
          labels:
            app.kubernetes.io/managed-by: meshwright
            app: reviews
            version: v3
        spec:
          replicas: 1
          selector:
            matchLabels:
              app: reviews
              version: v3
          template:
            metadata:
              labels:
                app: reviews
                version: v3
            spec:
              serviceAccountName: bookinfo-reviews
              containers:
              - name: reviews
                image: docker.io/istio/examples-bookinfo-reviews-v3:1.20.3
                imagePullPolicy: IfNotPresent
                env:
                - name: LOG_DIR
                  value: /tmp/logs
                - name: CLUSTER_NAME
                  value: mdemo-cluster3
                ports:
                - containerPort: 9080
                volumeMounts:
                - name: tmp
                  mountPath: /tmp
                - name: wlp-output
                  mountPath: /opt/ibm/wlp/output
              volumes:
              - name: wlp-output
                emptyDir: {}
              - name: tmp
                emptyDir: {}
        ");
    }

    #[test]
    fn the_service_is_the_same_in_every_cluster_of_the_namespace() {
        let fleet = with_samples("", [hello("v1"), json!({}), json!({"namespace": "other"})]);
        let out = render(&Samples, &fleet);
        let service = |cluster: &str| {
            let root = Root::Mesh(ClusterName::new(cluster).unwrap());
            let services: Vec<Object> = out.objects()[&root]
                .iter()
                .filter(|rendered| rendered.object.reference() == "Service/sample/helloworld")
                .map(|rendered| rendered.object.clone())
                .collect();
            services
        };
        assert_eq!(service("mdemo-cluster1").len(), 1);
        assert_eq!(service("mdemo-cluster1"), service("mdemo-cluster2"));
        assert_eq!(service("mdemo-cluster3"), []);
    }

    #[test]
    fn the_namespace_is_labelled_by_revision_and_left_to_the_list_that_has_it() {
        let mut fleet = with_samples("", [json!({}), json!({}), json!({})]);
        let mesh = fleet.meshes.values_mut().next().unwrap();
        let mut clusters = mesh.clusters.values_mut();
        clusters.next().unwrap().istio.revision = Some("canary".to_owned().try_into().unwrap());
        clusters.next().unwrap().spec.namespaces =
            serde_json::from_value(json!([{"name": "sample"}])).unwrap();
        let out = render(&Samples, &fleet);
        assert!(yaml(&out, "mdemo-cluster1").contains("istio.io/rev: canary"));
        assert_eq!(yaml(&out, "mdemo-cluster2"), "");
        assert!(yaml(&out, "mdemo-cluster3").contains("istio-injection: enabled"));
    }

    #[test]
    fn images_are_those_of_the_release() {
        let both =
            |version: &str| json!({"helloworld": {"version": version}, "reviews": {"version": version}});
        let own = json!({"sleep": {"image": "curlimages/curl:8.1.0"}});
        let mut fleet = with_samples("", [both("v2"), both("x"), own]);
        let all: Vec<String> = ["1.18.2", "1.21.0", "1.22.0", "1.23.0", "1.25.0", "1.29.0", "1.30.1"]
            .into_iter()
            .map(|version| {
                at(&mut fleet, version);
                format!("{version}: {}", images(&fleet).join(" "))
            })
            .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        1.18.2: docker.io/istio/examples-helloworld-v2 docker.io/istio/examples-bookinfo-reviews-v2:1.17.0 docker.io/istio/examples-helloworld-v1 docker.io/istio/examples-bookinfo-reviews-v1:1.17.0 curlimages/curl:8.1.0
        1.21.0: docker.io/istio/examples-helloworld-v2 docker.io/istio/examples-bookinfo-reviews-v2:1.18.0 docker.io/istio/examples-helloworld-v1 docker.io/istio/examples-bookinfo-reviews-v1:1.18.0 curlimages/curl:8.1.0
        1.22.0: docker.io/istio/examples-helloworld-v2:1.0 docker.io/istio/examples-bookinfo-reviews-v2:1.19.1 docker.io/istio/examples-helloworld-v1:1.0 docker.io/istio/examples-bookinfo-reviews-v1:1.19.1 curlimages/curl:8.1.0
        1.23.0: docker.io/istio/examples-helloworld-v2:1.0 docker.io/istio/examples-bookinfo-reviews-v2:1.20.1 docker.io/istio/examples-helloworld-v1:1.0 docker.io/istio/examples-bookinfo-reviews-v1:1.20.1 curlimages/curl:8.1.0
        1.25.0: docker.io/istio/examples-helloworld-v2:1.0 docker.io/istio/examples-bookinfo-reviews-v2:1.20.2 docker.io/istio/examples-helloworld-v1:1.0 docker.io/istio/examples-bookinfo-reviews-v1:1.20.2 curlimages/curl:8.1.0
        1.29.0: docker.io/istio/examples-helloworld-v2:1.0 docker.io/istio/examples-bookinfo-reviews-v2:1.20.3 docker.io/istio/examples-helloworld-v1:1.0 docker.io/istio/examples-bookinfo-reviews-v1:1.20.3 curlimages/curl:8.1.0
        1.30.1: registry.istio.io/release/examples-helloworld-v2:1.0 registry.istio.io/release/examples-bookinfo-reviews-v2:1.20.3 registry.istio.io/release/examples-helloworld-v1:1.0 registry.istio.io/release/examples-bookinfo-reviews-v1:1.20.3 curlimages/curl:8.1.0
        ");
    }
}
