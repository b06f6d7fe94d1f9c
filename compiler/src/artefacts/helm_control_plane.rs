//! The control plane by Istio's Helm charts.

use meshwright_policies::intent::InstallMethod;
use meshwright_policies::mesh::{Cluster, Mesh, Role};
use meshwright_policies::version::Minor;
use serde_json::{Map, Value, json};

use crate::artefact::{Artefact, Output, Wave};
use crate::helm::{Chart, Repository, deliver};
use crate::istio_values::{
    DEFAULT_NAMESPACE, chart_profile, chart_values, images, insert_unless_empty, is_hosted, release,
};

/// Release of the `base` chart.
pub const BASE: &str = "istio-base";
/// Release of the `cni` chart.
const CNI: &str = "istio-cni";
/// The chart of a remote cluster up to 1.23 (istio/istio 9a92966ae83 removed it in 1.24).
const ISTIOD_REMOTE: &str = "istiod-remote";

/// Charts of a control plane.
#[derive(Debug)]
pub struct HelmControlPlane;

impl Artefact for HelmControlPlane {
    fn name(&self) -> &'static str {
        "helm-control-plane"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        for chart in charts(mesh, cluster) {
            deliver(out, mesh, cluster, &chart);
        }
    }
}

/// The charts of a cluster's control plane in the order in which they are installed: base, CNI, istiod.
#[must_use]
pub fn charts(mesh: &Mesh, cluster: &Cluster) -> Vec<Chart> {
    if cluster.istio.install != InstallMethod::Helm || is_hosted(cluster) {
        return Vec::new();
    }
    let (remote, old) = (is_remote(cluster), cluster.istio.version.minor() < Minor(1, 24));
    let mut charts = Vec::new();
    if !(remote && old) {
        charts.push(base(mesh, cluster));
    }
    if cluster.istio.cni {
        charts.push(cni(cluster, &charts));
    }
    let depends_on = charts.iter().map(|chart: &Chart| chart.release.clone()).collect();
    charts.push(istiod(mesh, cluster, depends_on));
    charts
}

/// Name of the release of istiod.
#[must_use]
pub fn istiod_release(cluster: &Cluster) -> String {
    let old_remote = is_remote(cluster) && cluster.istio.version.minor() < Minor(1, 24);
    cluster.with_revision(if old_remote { ISTIOD_REMOTE } else { "istiod" })
}

fn is_remote(cluster: &Cluster) -> bool {
    matches!(cluster.role, Role::Remote { .. })
}

/// A chart of Istio in the system namespace.
#[must_use]
pub fn istio_chart(cluster: &Cluster, release_name: &str, chart: &str, wave: Wave) -> Chart {
    Chart {
        release: release_name.to_owned(),
        chart: chart.to_owned(),
        version: release(&cluster.istio),
        repository: Repository { name: "istio".to_owned(), url: cluster.istio.chart_repository.clone() },
        namespace: cluster.system_namespace().to_string(),
        values: Map::new(),
        depends_on: Vec::new(),
        wave,
        protected: false,
        skip_schema: false,
        webhooks: false,
        conversion: false,
    }
}

/// CRDs and cluster roles. Protected: without the CRDs, every Gateway is gone.
fn base(mesh: &Mesh, cluster: &Cluster) -> Chart {
    let mut values = Map::new();
    if is_remote(cluster) {
        values.insert("profile".into(), "remote".into());
    }
    if let Some(revision) = &cluster.istio.revision {
        values.insert("defaultRevision".into(), revision.as_str().into());
    }
    let mut global = Map::new();
    if cluster.istio.namespace.as_str() != DEFAULT_NAMESPACE {
        global.insert("istioNamespace".into(), cluster.istio.namespace.as_str().into());
    }
    if mesh.serves_remotes(cluster) {
        global.insert("externalIstiod".into(), true.into());
    }
    insert_unless_empty(&mut values, "global", global);
    let chart = istio_chart(cluster, BASE, "base", Wave::Foundation);
    Chart { values, protected: true, webhooks: true, ..chart }
}

fn cni(cluster: &Cluster, before: &[Chart]) -> Chart {
    let (mut values, mut global) = (Map::new(), Map::new());
    images(cluster, &mut global);
    insert_unless_empty(&mut values, "global", global);
    chart_profile(&cluster.istio, &mut values);
    let depends_on = before.iter().map(|chart| chart.release.clone()).collect();
    Chart { values, depends_on, ..istio_chart(cluster, CNI, "cni", Wave::Foundation) }
}

/// istiod, or what stands for it in a remote cluster (guide "Install Primary-Remote", tab Helm).
fn istiod(mesh: &Mesh, cluster: &Cluster, depends_on: Vec<String>) -> Chart {
    let old_remote = is_remote(cluster) && cluster.istio.version.minor() < Minor(1, 24);
    let mut values = Map::new();
    if let Some(revision) = &cluster.istio.revision {
        values.insert("revision".into(), revision.as_str().into());
    }
    if is_remote(cluster) && !old_remote {
        values.insert("profile".into(), "remote".into());
    }
    values.extend(chart_values(mesh, cluster));
    if is_remote(cluster) {
        set(&mut values, "global", "configCluster", true.into());
    } else {
        chart_profile(&cluster.istio, &mut values);
    }
    if old_remote {
        set(&mut values, "pilot", "enabled", false.into());
    }
    let chart = if old_remote { ISTIOD_REMOTE } else { "istiod" };
    let chart = istio_chart(cluster, &istiod_release(cluster), chart, Wave::ControlPlane);
    Chart { values, depends_on, protected: true, webhooks: true, ..chart }
}

fn set(values: &mut Map<String, Value>, section: &str, key: &str, value: Value) {
    if let Some(section) = values.entry(section).or_insert_with(|| json!({})).as_object_mut() {
        section.insert(key.to_owned(), value);
    }
}
