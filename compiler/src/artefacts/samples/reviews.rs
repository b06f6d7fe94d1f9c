//! reviews: a part of Bookinfo that answers on port 9080 with its pod and cluster (istio/istio: `samples/bookinfo`).

use meshwright_policies::intent::SampleVersion;
use meshwright_policies::version::Minor;
use serde_json::{Value, json};

use super::Sample;
use crate::image::default_hub;
use crate::object::Object;

const APP: &str = "reviews";
const ACCOUNT: &str = "bookinfo-reviews";
const PORT: u16 = 9080;

/// Service wherever the sample is called, ServiceAccount and Deployment where it is declared.
pub(super) fn objects(sample: &Sample<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    if sample.runs_somewhere(|samples| samples.reviews.as_ref()) {
        objects.push(sample.service(APP, PORT, PORT));
    }
    if let Some(declared) = &sample.declared.reviews {
        objects.push(sample.object("v1", "ServiceAccount", ACCOUNT).label("account", APP));
        objects.push(deployment(sample, declared));
    }
    objects
}

fn deployment(sample: &Sample<'_>, declared: &SampleVersion) -> Object {
    let version = declared.version.as_str();
    let istio = sample.cluster.istio.version.minor();
    let mut container = json!({
        "name": APP,
        "image": sample.image(declared.image.as_ref(), |istio| image(istio, version)),
        "imagePullPolicy": "IfNotPresent",
        // Without CLUSTER_NAME the answer says `"clustername": "null"` (`LibertyRestEndpoint.java`).
        "env": [
            {"name": "LOG_DIR", "value": "/tmp/logs"},
            {"name": "CLUSTER_NAME", "value": sample.cluster.name.as_str()},
        ],
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "wlp-output", "mountPath": "/opt/ibm/wlp/output"},
        ],
    });
    // As the samples of these releases have it, and no later one.
    if istio <= Minor(1, 18)
        && let Value::Object(fields) = &mut container
    {
        fields.insert("securityContext".into(), json!({"runAsUser": 1000}));
    }
    let pod = json!({
        "serviceAccountName": ACCOUNT,
        "containers": [container],
        "volumes": [{"name": "wlp-output", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    });
    let labels = [("app", APP), ("version", version)];
    sample.deployment(&format!("{APP}-{version}"), &labels, pod)
}

/// The image of the release's `samples/bookinfo/platform/kube/bookinfo.yaml`.
fn image(istio: Minor, version: &str) -> String {
    let tag = match istio {
        Minor(1, ..=18) => "1.17.0",
        Minor(1, ..=21) => "1.18.0",
        Minor(1, 22) => "1.19.1",
        Minor(1, 23) => "1.20.1",
        Minor(1, ..=25) => "1.20.2",
        _ => "1.20.3",
    };
    let image = if matches!(version, "v2" | "v3") { version } else { "v1" };
    format!("{}/examples-bookinfo-{APP}-{image}:{tag}", default_hub(istio))
}
