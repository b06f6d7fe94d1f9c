//! The installation of MetalLB itself, where the intent asks for it.

use meshwright_policies::intent::Metallb;
use meshwright_policies::mesh::Cluster;
use meshwright_policies::version::Minor;
use serde_json::{Map, Value, json};

use crate::artefact::Wave;
use crate::helm::{Chart, Repository};
use crate::image::mirrored;
use crate::object::Object;

/// The release that is installed when the intent names none: the last with FRR inside the speaker, which needs no CRDs
/// and no agent of its own.
const DEFAULT_VERSION: &str = "0.15.3";

/// MetalLB's chart, when the cluster's intent asks for its installation (metallb.io, "Installation with Helm").
#[must_use]
pub fn chart(cluster: &Cluster) -> Option<Chart> {
    let declared = cluster.spec.load_balancer.metallb.as_ref().filter(|metallb| metallb.install)?;
    Some(Chart {
        release: "metallb".to_owned(),
        chart: "metallb".to_owned(),
        version: declared.version.as_ref().map_or(DEFAULT_VERSION, |version| version.plain()).to_owned(),
        repository: Repository {
            name: "metallb".to_owned(),
            url: "https://metallb.github.io/metallb".to_owned(),
        },
        namespace: declared.namespace.to_string(),
        values: values(cluster, declared),
        depends_on: Vec::new(),
        wave: Wave::Platform,
        protected: true,
        skip_schema: false,
        webhooks: false,
        conversion: true,
    })
}

/// The namespace, in which the speakers may use the nodes' network (metallb.io, "Installation": Pod Security admission).
pub(super) fn namespace(declared: &Metallb) -> Object {
    let object = Object::new("v1", "Namespace", declared.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright");
    ["enforce", "audit", "warn"]
        .into_iter()
        .fold(object, |object, mode| object.label(format!("pod-security.kubernetes.io/{mode}"), "privileged"))
}

/// Images from the cluster's mirrors; everything else as the chart has it (metallb/metallb: `charts/metallb/values.yaml`;
/// metallb/frr-k8s: `charts/frr-k8s/values.yaml`, a part of the chart since 0.14).
fn values(cluster: &Cluster, declared: &Metallb) -> Map<String, Value> {
    let mirrors = &cluster.spec.registry_mirrors;
    let image = |repository: &str| {
        let mirror = mirrored(repository, mirrors);
        (mirror != repository).then(|| json!({"repository": mirror}))
    };
    let mut values = Map::new();
    if let Some(image) = image("quay.io/metallb/controller") {
        values.insert("controller".into(), json!({"image": image}));
    }
    let frr = image("quay.io/frrouting/frr").map(|image| json!({"image": image}));
    let speaker = [("image", image("quay.io/metallb/speaker")), ("frr", frr.clone())];
    insert_known(&mut values, "speaker", speaker);
    if declared.version.as_ref().is_none_or(|version| version.minor() >= Minor(0, 14)) {
        let agent = [("image", image("quay.io/metallb/frr-k8s")), ("frr", frr)];
        let mut chart = Map::new();
        insert_known(&mut chart, "frrk8s", agent);
        insert_known(&mut values, "frr-k8s", chart.into_iter().map(|(key, value)| (key, Some(value))));
    }
    values
}

fn insert_known<K: Into<String>>(
    values: &mut Map<String, Value>,
    key: &str,
    fields: impl IntoIterator<Item = (K, Option<Value>)>,
) {
    let known: Map<String, Value> =
        fields.into_iter().filter_map(|(field, value)| Some((field.into(), value?))).collect();
    if !known.is_empty() {
        values.insert(key.to_owned(), Value::Object(known));
    }
}
