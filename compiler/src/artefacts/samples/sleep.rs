//! sleep: a pod with curl to ask from (istio/istio: `samples/sleep`).

use meshwright_policies::intent::SampleSleep;
use serde_json::json;

use super::Sample;
use crate::object::Object;

const APP: &str = "sleep";

/// The image of the samples of Istio 1.26 and later. Earlier ones name no tag; curl does not depend on Istio, so all get
/// this one.
const IMAGE: &str = "docker.io/curlimages/curl:8.16.0";

/// ServiceAccount, Service and Deployment where it is declared: nobody calls it, so it needs no Service elsewhere.
pub(super) fn objects(sample: &Sample<'_>) -> Vec<Object> {
    match &sample.declared.sleep {
        Some(declared) => vec![
            sample.object("v1", "ServiceAccount", APP),
            sample.service(APP, 80, 80),
            deployment(sample, declared),
        ],
        None => vec![],
    }
}

fn deployment(sample: &Sample<'_>, declared: &SampleSleep) -> Object {
    let container = json!({
        "name": APP,
        "image": sample.image(declared.image.as_ref(), |_| IMAGE.to_owned()),
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sleep", "infinity"],
    });
    let pod = json!({
        "terminationGracePeriodSeconds": 0,
        "serviceAccountName": APP,
        "containers": [container],
    });
    sample.deployment(APP, &[("app", APP)], pod)
}
