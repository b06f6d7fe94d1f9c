//! Whoever applies objects: by server-side apply, as Flux, Argo CD and people do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use kube::Client;
use serde_json::Value;

pub(crate) struct Agent {
    client: Client,
    manager: &'static str,
}

/// `gateways` of `Gateway`, `networkpolicies` of `NetworkPolicy`.
pub(crate) fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(start) if !kind.ends_with("ay") => format!("{start}ies"),
        _ => format!("{kind}s"),
    }
}

impl Agent {
    pub(crate) fn new(client: Client, manager: &'static str) -> Agent {
        Agent { client, manager }
    }

    /// Code and message of a refusal.
    pub(crate) async fn apply(&self, object: &Value, dry_run: bool) -> Result<Value, (u16, String)> {
        let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let inside = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        let (plural, name) = (plural(&kind), text(&object["metadata"]["name"]));
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let manager = self.manager;
        let path = format!(
            "/{root}/{api_version}{inside}/{plural}/{name}?fieldManager={manager}&force=true{dry_run}"
        );
        let request = hyper::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        let request = request.body(object.to_string().into_bytes()).unwrap();
        self.client.request(request).await.map_err(|error| match error {
            kube::Error::Api(status) => (status.code, status.message),
            error => (0, error.to_string()),
        })
    }
}
