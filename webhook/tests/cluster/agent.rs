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

    fn path(object: &Value) -> String {
        let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let inside = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        format!("/{root}/{api_version}{inside}/{}/{}", plural(&kind), text(&object["metadata"]["name"]))
    }

    async fn send(&self, request: hyper::Request<Vec<u8>>) -> Result<Value, (u16, String)> {
        self.client.request(request).await.map_err(|error| match error {
            kube::Error::Api(status) => (status.code, status.message),
            error => (0, error.to_string()),
        })
    }

    /// Code and message of a refusal.
    pub(crate) async fn apply(&self, object: &Value, dry_run: bool) -> Result<Value, (u16, String)> {
        let (path, manager) = (Agent::path(object), self.manager);
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={manager}&force=true{dry_run}");
        let request = hyper::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        self.send(request.body(object.to_string().into_bytes()).unwrap()).await
    }

    /// The same for a deletion.
    pub(crate) async fn delete(&self, object: &Value) -> Result<Value, (u16, String)> {
        self.send(hyper::Request::delete(Agent::path(object)).body(Vec::new()).unwrap()).await
    }
}
