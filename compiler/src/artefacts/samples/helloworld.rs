//! helloworld: answers on port 5000 with its version and pod (istio/istio: `samples/helloworld`).

use meshwright_policies::intent::SampleVersion;
use meshwright_policies::version::Minor;
use serde_json::json;

use super::Sample;
use crate::image::default_hub;
use crate::object::Object;

const APP: &str = "helloworld";
const PORT: u16 = 5000;

/// Service wherever the sample is called, Deployment where it is declared.
pub(super) fn objects(sample: &Sample<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    if sample.runs_somewhere(|samples| samples.helloworld.as_ref()) {
        objects.push(sample.service(APP, PORT, PORT));
    }
    objects.extend(sample.declared.helloworld.as_ref().map(|declared| deployment(sample, declared)));
    objects
}

fn deployment(sample: &Sample<'_>, declared: &SampleVersion) -> Object {
    let version = declared.version.as_str();
    let container = json!({
        "name": APP,
        "image": sample.image(declared.image.as_ref(), |istio| image(istio, version)),
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "SERVICE_VERSION", "value": version}],
        "resources": {"requests": {"cpu": "100m"}},
        "ports": [{"containerPort": PORT}],
    });
    let labels = [("app", APP), ("version", version)];
    sample.deployment(&format!("{APP}-{version}"), &labels, json!({"containers": [container]}))
}

/// The image of the release's sample. Versions of one's own come from the first image, which answers with
/// `SERVICE_VERSION` (`gen-helloworld.sh`). Tagged from Istio 1.22 on.
fn image(istio: Minor, version: &str) -> String {
    let image = if version == "v2" { "v2" } else { "v1" };
    let tag = if istio >= Minor(1, 22) { ":1.0" } else { "" };
    format!("{}/examples-helloworld-{image}{tag}", default_hub(istio))
}
