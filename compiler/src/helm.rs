//! Helm releases, for whichever agent delivers a cluster.

use meshwright_policies::intent::{ArgocdDelivery, Delivery, FluxDelivery};
use meshwright_policies::mesh::{Cluster, Mesh};
use serde_json::{Map, Value, json};

use crate::artefact::{Output, Root, Wave};
use crate::assemble::label_sized;
use crate::istio_values::insert_unless_empty;
use crate::object::Object;
use crate::yaml::to_yaml;

/// A release of a chart in one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Name of the release.
    pub release: String,
    /// Name of the chart.
    pub chart: String,
    /// Version of the chart: one release, no range.
    pub version: String,
    /// Where the chart is.
    pub repository: Repository,
    /// Namespace of the release. It exists already.
    pub namespace: String,
    /// Values.
    pub values: Map<String, Value>,
    /// Releases of the same cluster that must be there first.
    pub depends_on: Vec<String>,
    /// Its place in the order.
    pub wave: Wave,
    /// Whether its loss partitions the mesh.
    pub protected: bool,
    /// Whether the schema inside the chart refuses what its own documentation asks for, so that it must be skipped.
    pub skip_schema: bool,
    /// Whether it holds webhooks into which their own server writes a CA bundle and a failure policy.
    pub webhooks: bool,
    /// Whether it holds CRDs into whose conversion webhook their own server writes a CA bundle.
    pub conversion: bool,
}

/// A chart repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// A short name, for the object that stands for it and for `helm repo add`.
    pub name: String,
    /// `https://` or `oci://`.
    pub url: String,
}

impl Repository {
    /// Whether charts are pulled from a container registry.
    #[must_use]
    pub fn is_oci(&self) -> bool {
        self.url.starts_with("oci://")
    }
}

impl Chart {
    /// The values file, below the output directory, where no agent delivers charts.
    #[must_use]
    pub fn values_path(&self, cluster: &Cluster) -> String {
        format!("{}/{}.yaml", Root::Helm(cluster.name.clone()).directory(), self.release)
    }
}

/// Adds what makes the cluster's agent install the chart: a Flux `HelmRelease` and its source, an Argo CD `Application`,
/// or, with no agent, the values file that the plan's command names.
pub fn deliver(out: &mut Output, mesh: &Mesh, cluster: &Cluster, chart: &Chart) {
    match &cluster.delivery {
        Delivery::Flux(flux) => deliver_flux(out, cluster, flux, chart),
        Delivery::Argocd(argocd) => {
            let application = application(mesh, cluster, argocd, chart);
            push(out, Root::Argocd, chart, application);
        }
        Delivery::None(_) => {
            let values = to_yaml(&Value::Object(chart.values.clone())).into_bytes();
            out.values_file(chart.values_path(cluster), values, cluster.name.clone(), by_hand(chart));
        }
    }
}

fn push(out: &mut Output, root: Root, chart: &Chart, object: Object) {
    if chart.protected {
        out.protected(root, chart.wave, object);
    } else {
        out.object(root, chart.wave, object);
    }
}

/// With Flux in the cluster itself, the release lies beside the cluster's other objects. With Flux elsewhere it has to
/// lie where Flux runs, and its name carries the cluster, since all clusters share that namespace.
fn deliver_flux(out: &mut Output, cluster: &Cluster, flux: &FluxDelivery, chart: &Chart) {
    let remote = flux.kube_config_secret.is_some();
    let root = if remote { Root::Flux(cluster.name.clone()) } else { Root::Mesh(cluster.name.clone()) };
    let scoped =
        |name: &str| label_sized(if remote { format!("{}-{name}", cluster.name) } else { name.to_owned() });
    let source = helm_repository(&scoped(&chart.repository.name), flux, &chart.repository);
    let known = out
        .objects()
        .get(&root)
        .is_some_and(|objects| objects.iter().any(|rendered| rendered.object.has_name_of(&source)));
    if !known {
        out.object(root.clone(), Wave::Foundation.min(chart.wave), source);
    }
    push(out, root, chart, helm_release(&scoped, flux, chart));
}

fn helm_repository(name: &str, flux: &FluxDelivery, repository: &Repository) -> Object {
    let mut spec = Map::new();
    if repository.is_oci() {
        spec.insert("type".into(), "oci".into());
    }
    spec.insert("interval".into(), flux.interval.as_str().into());
    spec.insert("url".into(), repository.url.as_str().into());
    Object::new("source.toolkit.fluxcd.io/v1", "HelmRepository", name)
        .namespace(flux.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(spec.into())
}

fn helm_release(scoped: &impl Fn(&str) -> String, flux: &FluxDelivery, chart: &Chart) -> Object {
    let mut spec = Map::new();
    spec.insert("interval".into(), flux.interval.as_str().into());
    spec.insert("timeout".into(), flux.timeout.as_str().into());
    spec.insert("releaseName".into(), chart.release.as_str().into());
    spec.insert("targetNamespace".into(), chart.namespace.as_str().into());
    spec.insert("storageNamespace".into(), chart.namespace.as_str().into());
    if let Some(secret) = &flux.kube_config_secret {
        spec.insert("kubeConfig".into(), json!({"secretRef": {"name": secret.as_str()}}));
    }
    if let Some(account) = &flux.service_account_name {
        spec.insert("serviceAccountName".into(), account.as_str().into());
    }
    if !chart.depends_on.is_empty() {
        let names: Vec<Value> = chart.depends_on.iter().map(|name| json!({"name": scoped(name)})).collect();
        spec.insert("dependsOn".into(), names.into());
    }
    spec.insert(
        "chart".into(),
        json!({"spec": {
            "chart": chart.chart,
            "version": chart.version,
            "sourceRef": {"kind": "HelmRepository", "name": scoped(&chart.repository.name)},
        }}),
    );
    // A first installation may have to wait for other clusters or an operator; it must not give up.
    spec.insert("install".into(), flux_action(chart, json!({"retries": -1})));
    spec.insert("upgrade".into(), flux_action(chart, json!({"retries": 3, "remediateLastFailure": true})));
    spec.insert("driftDetection".into(), drift_detection(chart));
    insert_unless_empty(&mut spec, "values", chart.values.clone());
    Object::new("helm.toolkit.fluxcd.io/v2", "HelmRelease", scoped(&chart.release))
        .namespace(flux.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(spec.into())
}

/// What a person makes of a values file, as an agent would be told.
fn by_hand(chart: &Chart) -> Object {
    Object::new("helm.toolkit.fluxcd.io/v2", "HelmRelease", chart.release.as_str())
        .namespace(chart.namespace.as_str())
        .spec(json!({
            "releaseName": chart.release,
            "targetNamespace": chart.namespace,
            "chart": {"spec": {"chart": chart.chart, "version": chart.version}},
            "values": chart.values,
        }))
}

/// CRDs in a chart's `crds/` directory are left behind by an upgrade unless Flux is told (charts up to 1.23 have them).
fn flux_action(chart: &Chart, remediation: Value) -> Value {
    let mut action = Map::new();
    action.insert("crds".into(), "CreateReplace".into());
    if chart.skip_schema {
        action.insert("disableSchemaValidation".into(), true.into());
    }
    action.insert("remediation".into(), remediation);
    action.into()
}

/// istiod writes the CA bundle of its webhooks and closes their failure policy itself; MetalLB's controller replaces the
/// placeholder of a CA bundle in its CRDs (metallb/metallb: `charts/metallb/charts/crds/templates/crds.yaml`). Everything
/// else that differs from the release is put back.
fn drift_detection(chart: &Chart) -> Value {
    let mut ignore: Vec<Value> = Vec::new();
    if chart.webhooks {
        ignore.extend(webhook_drift());
    }
    if chart.conversion {
        ignore.push(json!({
            "paths": ["/spec/conversion/webhook/clientConfig/caBundle"],
            "target": {"kind": "CustomResourceDefinition"},
        }));
    }
    if ignore.is_empty() { json!({"mode": "enabled"}) } else { json!({"mode": "enabled", "ignore": ignore}) }
}

fn webhook_drift() -> [Value; 2] {
    let bundles: Vec<String> =
        (0..4).map(|index| format!("/webhooks/{index}/clientConfig/caBundle")).collect();
    [
        json!({
            "paths": ["/webhooks/0/clientConfig/caBundle", "/webhooks/0/failurePolicy"],
            "target": {"kind": "ValidatingWebhookConfiguration"},
        }),
        json!({"paths": bundles, "target": {"kind": "MutatingWebhookConfiguration"}}),
    ]
}

fn application(mesh: &Mesh, cluster: &Cluster, argocd: &ArgocdDelivery, chart: &Chart) -> Object {
    let mut helm = Map::new();
    helm.insert("releaseName".into(), chart.release.as_str().into());
    if chart.skip_schema {
        helm.insert("skipSchemaValidation".into(), true.into());
    }
    insert_unless_empty(&mut helm, "valuesObject", chart.values.clone());
    // Argo CD writes chart repositories in a registry without the scheme.
    let url = chart.repository.url.strip_prefix("oci://").unwrap_or(&chart.repository.url);
    let mut policy = Map::new();
    if argocd.automated {
        policy.insert("automated".into(), json!({"prune": true, "selfHeal": true}));
    }
    policy.insert("syncOptions".into(), json!(["ServerSideApply=true", "RespectIgnoreDifferences=true"]));
    policy.insert(
        "retry".into(),
        json!({"limit": 10, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"}}),
    );
    let destination = argocd.destination_name.as_deref().unwrap_or(cluster.name.as_str());
    let mut spec = Map::new();
    spec.insert("project".into(), argocd.project.as_str().into());
    spec.insert(
        "source".into(),
        json!({"repoURL": url, "chart": chart.chart, "targetRevision": chart.version, "helm": helm}),
    );
    spec.insert("destination".into(), json!({"name": destination, "namespace": chart.namespace}));
    spec.insert("syncPolicy".into(), policy.into());
    let ignored = ignore_differences(chart);
    if !ignored.is_empty() {
        spec.insert("ignoreDifferences".into(), ignored.into());
    }
    let name = label_sized(format!("{}-{}", cluster.name, chart.release));
    Object::new("argoproj.io/v1alpha1", "Application", name)
        .namespace(argocd.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .label("meshwright.dev/mesh", mesh.name.as_str())
        .label("meshwright.dev/cluster", cluster.name.as_str())
        .annotation("argocd.argoproj.io/sync-wave", (chart.wave as i32).to_string())
        .spec(spec.into())
}

/// What the charts' own servers write, as in [`drift_detection`].
fn ignore_differences(chart: &Chart) -> Vec<Value> {
    let bundle = ".webhooks[]?.clientConfig.caBundle";
    let mut ignored = Vec::new();
    if chart.webhooks {
        ignored.push(json!({
            "group": "admissionregistration.k8s.io",
            "kind": "ValidatingWebhookConfiguration",
            "jqPathExpressions": [bundle, ".webhooks[]?.failurePolicy"],
        }));
        ignored.push(json!({
            "group": "admissionregistration.k8s.io",
            "kind": "MutatingWebhookConfiguration",
            "jqPathExpressions": [bundle],
        }));
    }
    if chart.conversion {
        ignored.push(json!({
            "group": "apiextensions.k8s.io",
            "kind": "CustomResourceDefinition",
            "jqPathExpressions": [".spec.conversion.webhook.clientConfig.caBundle"],
        }));
    }
    ignored
}
